"""``POST /v1/chat/completions``."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from backends.llama_cpp.worker.front.answer import Answer, Change, MessageBuilder
from backends.llama_cpp.worker.front.events import DONE, Events, Head
from backends.llama_cpp.worker.front.exchange import Exchange
from backends.llama_cpp.worker.front.merge import merge
from backends.llama_cpp.worker.front.sampling import sampling_params
from backends.llama_cpp.worker.front.service import Service, answer_id, now, usage
from backends.llama_cpp.worker.runtime import Generation, PieceStream
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest, validate
from backends.wire.openai_chat_reply import ChatCompletion, Choice, Delta
from backends.wire.openai_usage import Usage

_ROLE = Delta(role="assistant", content="")


async def chat(service: Service, exchange: Exchange, body: bytes) -> None:
    """Answer one request, whole or as a stream."""
    request = decode(body, ChatRequest)
    validate(request)
    turn = service.conversation.turn(request)
    prompt = service.with_bos(await service.runtime.tokenize(turn.text))
    limit = service.room(prompt, request.token_limit(), "messages")
    template = Generation(
        prompt=prompt,
        max_tokens=limit,
        sampling=sampling_params(request, 0, 0),
        grammar=turn.grammar,
        top_logprobs=(request.top_logprobs or 0) if request.logprobs else None,
        shown=service.conversation.shown,
    )
    streams: list[PieceStream] = []
    try:
        for generation in service.generations(template, request):
            streams.append(service.runtime.generate(generation))  # noqa: PERF401  # those begun must be cancelled
        answers = [turn.answer(request) for _ in streams]
        exchanged = _stream if request.stream else _whole
        await exchanged(service, exchange, request, answers, streams, len(prompt))
    finally:
        for stream in streams:
            stream.cancel()


async def _stream(
    service: Service,
    exchange: Exchange,
    request: ChatRequest,
    answers: list[Answer],
    streams: Sequence[PieceStream],
    prompt_tokens: int,
) -> None:
    head = Head(id=answer_id("chatcmpl"), object="chat.completion.chunk", created=now(), model=service.model)
    events = Events(head, usage=request.wants_usage())
    begun = [False] * len(answers)
    async for index, piece in merge(streams):
        answer = answers[index]
        if answer.finish is not None:
            continue
        data = b"".join(_events(events, index, answer, answer.feed(piece)))
        if not begun[index]:
            begun[index] = True
            data = events.delta(index, _ROLE) + data
        if data:
            await exchange.stream(data)
        if _complete(answers, streams, index):
            break
    tail = events.usage(_usage(answers, streams, prompt_tokens)) if request.wants_usage() else b""
    await exchange.stream(tail + DONE)
    await exchange.end()


async def _whole(
    service: Service,
    exchange: Exchange,
    request: ChatRequest,
    answers: list[Answer],
    streams: Sequence[PieceStream],
    prompt_tokens: int,
) -> None:
    messages = [MessageBuilder() for _ in answers]
    async for index, piece in merge(streams):
        messages[index].add(answers[index].feed(piece))
        if _complete(answers, streams, index):
            break
    answer = ChatCompletion(
        id=answer_id("chatcmpl"),
        created=now(),
        model=service.model,
        usage=_usage(answers, streams, prompt_tokens),
        choices=[
            Choice(
                index=index,
                message=message.message(),
                finish_reason=answer.finish or "stop",
                stop_reason=UNSET if answer.matched is None else answer.matched,
                logprobs=answer.take_scores() if request.logprobs else None,
            )
            for index, (answer, message) in enumerate(zip(answers, messages, strict=True))
        ],
    )
    await exchange.reply(200, msgspec.json.encode(answer))


def _events(events: Events, index: int, answer: Answer, changes: list[Change]) -> list[bytes]:
    """Events for ``changes``; log probabilities go with the first text, or alone at the end."""
    data: list[bytes] = []
    for change in changes:
        if isinstance(change, str):
            data.append(events.content(index, change, answer.take_scores()))
        else:
            data.append(events.delta(index, change))
    if answer.finish is not None:
        if answer.scores:
            data.append(events.content(index, "", answer.take_scores()))
        data.append(events.delta(index, Delta(), answer.finish, answer.matched))
    return data


def _complete(answers: list[Answer], streams: Sequence[PieceStream], index: int) -> bool:
    """Stop the engine's work on a choice that is complete; true when all are."""
    if answers[index].finish is not None:
        streams[index].cancel()
    return all(answer.finish is not None for answer in answers)


def _usage(answers: list[Answer], streams: Sequence[PieceStream], prompt_tokens: int) -> Usage:
    """The prompt counts once; the first choice tells how much of it was cached."""
    return usage(prompt_tokens, sum(answer.generated for answer in answers), streams[0].cached_tokens)
