"""The stream of a Message as the stream of a chat completion, bytes to bytes. Pure.

However the stream is cut, the same is told. It never ends an answer that its server did not end: the reason, the usage
and ``[DONE]`` come with ``message_stop``, and a stream without it is broken.
"""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from backends.errors import BackendError, Cause
from backends.translate.anthropic.output import arguments_of
from backends.translate.claude.answer import Answer, Counts, Piece, read
from backends.translate.claude.completion import ChunkChoice, Delta, ending, usage_of
from backends.translate.claude.failures import failure
from backends.translate.claude.reply import thought_of
from backends.translate.claude.request import Expected
from backends.wire import sse
from backends.wire.openai_chat_reply import ChatCompletionChunk, FunctionDelta, ToolCallDelta
from backends.wire.openai_usage import Usage

_encode = msgspec.json.Encoder().encode
_DONE = sse.event(sse.DONE)


class _Open(Struct, kw_only=True):
    """A block that has begun. ``call``: which of the calls it is. ``text``: of a thought, or of a call's arguments."""

    began: Piece
    call: int = 0
    text: list[str]
    signature: str = ""


class ChatStream:
    """Feed it everything that comes, then ``finish``."""

    def __init__(self, expected: Expected, *, answer_id: str, created: int, model: str) -> None:
        self._expected = expected
        self._answer_id, self._created, self._model = answer_id, created, model
        self._parser = sse.Parser()
        self._blocks: dict[int, _Open] = {}
        self._calls = 0
        self._counts = Counts()
        self._ended: Piece | None = None
        self._begun = self._over = False
        self.failed: BackendError | None = None

    def feed(self, data: bytes) -> bytes:
        """The frames that the next bytes tell, empty where they tell nothing.

        Raises ``BackendError``: ``UPSTREAM_PROTOCOL`` for what is no event, else the failure that the stream tells.
        What the same bytes told before it is given first; then ``failed`` is set, and the next call raises it.
        """
        if self.failed is not None:
            raise self.failed
        told: list[bytes] = []
        try:
            for event in self._parser.feed(data):
                if not self._over:
                    self._take(read(event.data), told)
        except BackendError as error:
            self.failed = error
            if not told:
                raise
        return b"".join(told)

    def finish(self) -> None:
        """The server has closed the stream. Raises what failed, or ``STREAM_BROKEN`` where no message had ended."""
        if self.failed is not None:
            raise self.failed
        if not self._over:
            raise BackendError(Cause.STREAM_BROKEN, "the backend's answer broke off")

    @property
    def ended(self) -> bool:
        """Its server has said why it ends, and what it has written."""
        return self._ended is not None

    @property
    def usage(self) -> Usage:
        """What was told of the cost so far, also where the client did not ask or the answer broke off."""
        return usage_of(self._counts)

    def _take(self, event: Answer, told: list[bytes]) -> None:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._grow(event.index, event.delta, told)
            case "content_block_start" if event.content_block is not None:
                self._open(event.index or 0, event.content_block, told)
            case "content_block_stop":
                self._close(event.index or 0, told)
            case "message_start":
                if event.message is not None:
                    self._counts = self._counts.then(event.message.usage)
                self._begin(told)
            case "message_delta":
                self._counts = self._counts.then(event.usage)
                self._ended = event.delta or self._ended
            case "message_stop":
                self._end(told)
            case "error":
                raise failure(event.error)
            case _:
                pass  # a ping, or what is new there

    def _begin(self, told: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            told.append(self._chunk(Delta(role="assistant", content="")))

    def _open(self, index: int, piece: Piece, told: list[bytes]) -> None:
        self._begin(told)
        opened = _Open(began=piece, text=[])
        self._blocks[index] = opened
        if piece.type == "tool_use":
            opened.call, self._calls = self._calls, self._calls + 1
            name = self._expected.names.target(piece.name or "").name
            told.append(self._call(opened, FunctionDelta(name=name, arguments=""), piece.id or f"call_{opened.call}"))
        elif piece.type == "text" and piece.text:
            told.append(self._chunk(Delta(content=piece.text)))
        elif piece.type == "thinking" and piece.thinking:
            self._think(opened, piece.thinking, told)

    def _grow(self, index: int | None, piece: Piece, told: list[bytes]) -> None:
        self._begin(told)
        opened = self._blocks.get(index or 0)
        match piece.type:
            case "text_delta" if piece.text:
                told.append(self._chunk(Delta(content=piece.text)))
            case "thinking_delta" if piece.thinking and opened is not None:
                self._think(opened, piece.thinking, told)
            case "signature_delta" if opened is not None:
                opened.signature += piece.signature or ""
            case "input_json_delta" if opened is None:
                raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend told arguments of no call")
            case "input_json_delta" if opened is not None and opened.began.type == "tool_use" and piece.partial_json:
                opened.text.append(piece.partial_json)
                told.append(self._call(opened, FunctionDelta(arguments=piece.partial_json)))
            case _:
                pass

    def _think(self, opened: _Open, text: str, told: list[bytes]) -> None:
        opened.text.append(text)
        told.append(self._chunk(Delta(reasoning_content=text)))

    def _close(self, index: int, told: list[bytes]) -> None:
        opened = self._blocks.pop(index, None)
        if opened is None:
            return
        piece = opened.began
        if piece.type == "tool_use":
            if not opened.text:  # no arguments, or a server that tells them at once
                told.append(self._call(opened, FunctionDelta(arguments=arguments_of(piece.input))))
            return
        if piece.type == "thinking":
            signature = opened.signature or piece.signature
            piece = Piece(type="thinking", thinking="".join(opened.text), signature=signature)
        thought = thought_of(piece)
        if thought is not None:
            told.append(self._chunk(Delta(reasoning_details=[msgspec.structs.replace(thought, index=index)])))

    def _end(self, told: list[bytes]) -> None:
        last = self._ended or Piece()
        explained = last.stop_details.explanation if last.stop_details else None
        ended = ending(last.stop_reason, last.stop_sequence, explained, legacy=self._expected.legacy)
        self._begin(told)
        for index in list(self._blocks):
            self._close(index, told)
        if ended.explained:
            told.append(self._chunk(Delta(refusal=ended.explained)))
        choice = ChunkChoice(index=0, delta=Delta(), finish_reason=ended.finish, stop_reason=ended.matched)
        told.append(self._frame([choice], None if self._expected.include_usage else UNSET))
        if self._expected.include_usage:
            told.append(self._frame([], usage_of(self._counts)))
        told.append(_DONE)
        self._over = True

    def _call(self, opened: _Open, function: FunctionDelta, call_id: str | None = None) -> bytes:
        if self._expected.legacy:
            return self._chunk(Delta(function_call=function))
        if call_id is None:
            return self._chunk(Delta(tool_calls=[ToolCallDelta(index=opened.call, function=function)]))
        call = ToolCallDelta(index=opened.call, id=call_id, type="function", function=function)
        return self._chunk(Delta(tool_calls=[call]))

    def _chunk(self, delta: Delta) -> bytes:
        return self._frame([ChunkChoice(index=0, delta=delta)], None if self._expected.include_usage else UNSET)

    def _frame(self, choices: list[ChunkChoice], usage: Usage | UnsetType | None) -> bytes:
        chunk = ChatCompletionChunk(
            id=self._answer_id, created=self._created, model=self._model, choices=[*choices], usage=usage
        )
        return b"data: " + _encode(chunk) + b"\n\n"
