"""A chat answer told as OpenAI's Responses. Connects the pure translation with the wire; decides nothing."""

import time

import msgspec

from backends.errors import BackendError
from backends.translate.chat_answer import read
from backends.translate.responses.names import ToolNames
from backends.translate.responses.reply import to_response
from backends.translate.responses.stream import Events, ResponseStream
from backends.wire.openai_responses_events import event_bytes
from backends.wire.openai_responses_reply import Response


class ResponsesDialect:
    """Implements ``Dialect``. ``begun`` is the Response in progress; ``finished`` the whole one, once there is one."""

    def __init__(self, begun: Response, names: ToolNames, *, summarised: bool) -> None:
        self.finished: Response | None = None
        self._begun = begun
        self._names = names
        self._summarised = summarised
        self._stream = ResponseStream(begun, names, summarised=summarised)
        self._started = False

    def whole(self, completion: bytes) -> bytes:
        self.finished = to_response(
            self._begun, read(completion), self._names, summarised=self._summarised, completed_at=int(time.time())
        )
        return msgspec.json.encode(self.finished)

    def life_sign(self) -> bytes:
        return _frames(self._stream.waiting()) if self._started else self.begin()

    def begin(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return _frames(self._stream.start())

    def chunk(self, data: bytes) -> bytes:
        return _frames(self._stream.feed(read(data)))

    def end(self) -> bytes:
        events = self._stream.finish(int(time.time()))
        self.finished = getattr(events[-1], "response", None)
        return _frames(events)

    def failure(self, error: BackendError) -> bytes:
        return _frames(self._stream.fail(error))


def _frames(events: Events) -> bytes:
    return b"".join(event_bytes(event) for event in events)
