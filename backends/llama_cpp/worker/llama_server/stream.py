"""The pieces of one generation as llama.cpp's server streams them. Implements ``PieceStream``."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.llama_server.client import Connection
from backends.llama_cpp.worker.llama_server.gate import Place
from backends.llama_cpp.worker.llama_server.wire import PartialResult, completion_call
from backends.llama_cpp.worker.runtime import Generation, Piece, Score

_decode = msgspec.json.Decoder(PartialResult).decode


class ServerStream:
    """Opens its connection when iterated; ``cancel`` closes it, and the server stops by itself."""

    prompt_scores: tuple[Score | None, ...] = ()

    def __init__(
        self,
        generation: Generation,
        connection: Connection,
        texts: Callable[[list[int]], Awaitable[list[bytes]]],
        place: Place,
    ) -> None:
        self.cached_tokens = 0
        self._generation = generation
        self._connection = connection
        self._texts = texts
        self._place = place

    def cancel(self) -> None:
        self._connection.close()
        self._place.leave()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        try:
            await self._place.wait()
            shown = [text.decode("utf-8", "replace") for text in await self._texts(sorted(self._generation.shown))]
            body = msgspec.json.encode(completion_call(self._generation, shown))
            async with self._connection as connection:
                held: Piece | None = None
                counted = 0
                async for data in connection.events("/completion", body):
                    result = _decode(data)
                    if result.prompt_progress is not None:
                        self.cached_tokens = result.prompt_progress.cache
                        continue
                    if held is not None:
                        yield held
                    held = self._piece(result, result.tokens_predicted - counted)
                    counted = result.tokens_predicted
                    if held.finish:
                        yield held
                        return
                raise BackendError(Cause.STREAM_BROKEN, "The engine broke off.")
        finally:
            self._place.leave()

    def _piece(self, result: PartialResult, count: int) -> Piece:
        token = result.tokens[-1] if result.tokens else -1
        finish = "" if not result.stop else "length" if result.stop_type == "limit" else "stop"
        score = None
        if self._generation.top_logprobs is not None and result.completion_probabilities and not result.stop:
            score = result.completion_probabilities[-1].score(self._generation.top_logprobs)
        return Piece(token, result.content.encode(), finish, score, count)
