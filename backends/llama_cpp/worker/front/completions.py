"""``POST /v1/completions``: plain continuation, with echo and log probabilities."""

from collections.abc import Sequence

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.front.events import DONE, Events, Head
from backends.llama_cpp.worker.front.exchange import Exchange
from backends.llama_cpp.worker.front.merge import merge
from backends.llama_cpp.worker.front.sampling import sampling_params
from backends.llama_cpp.worker.front.service import Service, answer_id, now, usage
from backends.llama_cpp.worker.front.text import TextFilter
from backends.llama_cpp.worker.runtime import Generation, Piece, PieceStream, Score
from backends.wire.decode import decode
from backends.wire.openai_completions import (
    Completion,
    CompletionChoice,
    CompletionLogprobs,
    CompletionRequest,
    validate,
)
from backends.wire.openai_usage import Usage

_DEFAULT_LIMIT = 16
_OBJECT = "text_completion"


class _Choice:
    """One choice while it grows."""

    def __init__(self, index: int, prompt: list[int], echo: list[bytes], request: CompletionRequest) -> None:
        self.index = index
        self.prompt = prompt
        self.echo = b"".join(echo).decode("utf-8", "replace")
        self.first = echo[0].decode("utf-8", "replace") if echo else ""
        self.generated = 0
        self.finish = ""
        self.pending: list[Score] = []
        self._filter = TextFilter(request.stop_strings())

    def feed(self, piece: Piece) -> str:
        """Take a piece; return the text that can go out now. ``finish`` is set when the choice is complete."""
        self.generated += piece.count
        if piece.score is not None:
            self.pending.append(piece.score)
        text = self._filter.feed(piece.text)
        if self._filter.stopped:
            self.finish = "stop"
        elif piece.finish:
            text += self._filter.finish()
            self.finish = piece.finish
        return text


async def completions(service: Service, exchange: Exchange, body: bytes) -> None:
    """Answer one request, whole or as a stream."""
    request = decode(body, CompletionRequest)
    validate(request)
    if request.echo and request.stream:
        raise BackendError(Cause.INVALID_REQUEST, "echo: not supported in a stream.", param="echo")
    choices: list[_Choice] = []
    streams: list[PieceStream] = []
    prompts = [await _tokens(service, prompt) for prompt in request.prompts()]
    limits = [service.room(prompt, request.max_tokens or _DEFAULT_LIMIT, "prompt") for prompt in prompts]
    try:
        for prompt, limit in zip(prompts, limits, strict=True):
            echo = await _texts(service, prompt) if request.echo else []
            for generation in service.generations(_generation(request, prompt, limit), request):
                streams.append(service.runtime.generate(generation))
                choices.append(_Choice(len(choices), prompt, echo, request))
        await (_stream if request.stream else _whole)(service, exchange, request, choices, streams)
    finally:
        for stream in streams:
            stream.cancel()


async def _tokens(service: Service, prompt: str | list[int]) -> list[int]:
    if isinstance(prompt, str):
        prompt = service.with_bos(await service.runtime.tokenize(prompt))
    size = service.runtime.facts.vocabulary
    if any(token >= size for token in prompt):
        raise BackendError(Cause.INVALID_REQUEST, f"prompt: token ids are below {size}.", param="prompt")
    if not prompt:
        raise BackendError(Cause.INVALID_REQUEST, "prompt: must not be empty.", param="prompt")
    return prompt


async def _texts(service: Service, prompt: list[int]) -> list[bytes]:
    """The bytes of each token of a prompt that is echoed; a token that only begins the text has none."""
    texts = await service.runtime.texts(prompt)
    return [b"", *texts[1:]] if prompt[0] == service.runtime.facts.bos else texts


def _generation(request: CompletionRequest, prompt: list[int], limit: int) -> Generation:
    return Generation(
        prompt=prompt,
        max_tokens=limit,
        sampling=sampling_params(request, 0, 0),
        top_logprobs=request.logprobs,
        score_prompt=bool(request.echo) and request.logprobs is not None,
    )


async def _stream(
    service: Service,
    exchange: Exchange,
    request: CompletionRequest,
    choices: list[_Choice],
    streams: Sequence[PieceStream],
) -> None:
    head = Head(id=answer_id("cmpl"), object=_OBJECT, created=now(), model=service.model)
    events = Events(head, usage=request.wants_usage())
    offsets = [0] * len(choices)
    async for index, piece in merge(streams):
        choice = choices[index]
        if choice.finish:
            continue
        text = choice.feed(piece)
        if choice.finish and not piece.finish:
            streams[index].cancel()
        if text or choice.finish:
            logprobs = _logprobs(choice.pending, offsets[index], request.logprobs)
            choice.pending.clear()
            offsets[index] += len(text)
            await exchange.stream(events.text(index, text, choice.finish or None, logprobs))
        if all(choice.finish for choice in choices):
            break
    tail = events.usage(_usage(choices, streams)) if request.wants_usage() else b""
    await exchange.stream(tail + DONE)
    await exchange.end()


async def _whole(
    service: Service,
    exchange: Exchange,
    request: CompletionRequest,
    choices: list[_Choice],
    streams: Sequence[PieceStream],
) -> None:
    texts = [choice.echo for choice in choices]
    async for index, piece in merge(streams):
        choice = choices[index]
        if not choice.finish:
            texts[index] += choice.feed(piece)
            if choice.finish and not piece.finish:
                streams[index].cancel()
        if all(choice.finish for choice in choices):
            break
    answer = Completion(
        id=answer_id("cmpl"),
        created=now(),
        model=service.model,
        usage=_usage(choices, streams),
        choices=[
            CompletionChoice(
                index=choice.index,
                text=text,
                finish_reason="stop" if choice.finish == "stop" else "length",
                logprobs=_logprobs([*stream.prompt_scores, *choice.pending], 0, request.logprobs, choice.first),
            )
            for choice, text, stream in zip(choices, texts, streams, strict=True)
        ],
    )
    await exchange.reply(200, msgspec.json.encode(answer))


def _usage(choices: list[_Choice], streams: Sequence[PieceStream]) -> Usage:
    prompts = {id(choice.prompt): len(choice.prompt) for choice in choices}
    cached = {
        id(choice.prompt): stream.cached_tokens for choice, stream in zip(choices[::-1], streams[::-1], strict=True)
    }
    return usage(sum(prompts.values()), sum(choice.generated for choice in choices), sum(cached.values()))


def _logprobs(
    scores: Sequence[Score | None], offset: int, wanted: int | None, first: str = ""
) -> CompletionLogprobs | None:
    """Parallel lists of the scored tokens; the ``first`` token of an echoed prompt has no score."""
    if wanted is None:
        return None
    tokens: list[str] = []
    values: list[float | None] = []
    tops: list[dict[str, float] | None] = []
    offsets: list[int] = []
    for score in scores:
        text = first if score is None else score.chosen.text.decode("utf-8", "replace")
        tokens.append(text)
        values.append(None if score is None else score.chosen.logprob)
        tops.append(None if score is None else _top(score))
        offsets.append(offset)
        offset += len(text)
    return CompletionLogprobs(
        tokens=tokens, token_logprobs=values, top_logprobs=tops if wanted else None, text_offset=offsets
    )


def _top(score: Score) -> dict[str, float]:
    return {candidate.text.decode("utf-8", "replace"): candidate.logprob for candidate in score.top}
