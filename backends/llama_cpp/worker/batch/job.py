# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# numpy arrays of native memory pass through here.
"""A request on its way through the engine, and the two ends of the channel that carries its pieces to the event loop.

The engine's thread writes ``Job`` fields and ``outbox`` entries; the loop reads them in ``PieceQueue``.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import numpy as np

from backends.errors import BackendError
from backends.llama_cpp.worker.batch.sampler import Sampler
from backends.llama_cpp.worker.runtime import Generation, Piece, Score


class PieceQueue:
    """The loop's end: pieces arrive by ``put``, leave by iteration. Implements ``PieceStream``."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cached_tokens = 0
        self.prompt_scores: tuple[Score | None, ...] = ()
        self._pieces: deque[Piece] = deque()
        self._error: BackendError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._cancel = cancel

    def put(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._wake()

    def fail(self, error: BackendError) -> None:
        """End the stream with ``error`` after the pieces that are already here."""
        self._error = error
        self._wake()

    def cancel(self) -> None:
        self._cancel()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                yield piece
                if piece.finish:
                    return
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Job:
    """One generation inside the engine."""

    def __init__(self, generation: Generation, sampler: Sampler, queue: PieceQueue) -> None:
        self.generation = generation
        self.sampler = sampler
        self.queue = queue
        self.generated = 0
        self.cached_tokens = 0
        self.prompt_scores: list[Score | None] = [None] if generation.score_prompt else []
        self.cancelled = False


class EmbeddingJob:
    """One input to embed: token vectors are summed as they come, pooled and scaled to length 1 at the end."""

    def __init__(self, prompt: list[int], done: "asyncio.Future[np.ndarray]") -> None:
        self.prompt = prompt
        self.done = done
        self.cancelled = False
        self._total: np.ndarray | None = None
        self._last: np.ndarray | None = None

    def add(self, vector: np.ndarray) -> None:
        """Take the vector of the next token; the array is copied."""
        self._last = vector.copy()
        self._total = self._last if self._total is None else self._total + self._last

    def pooled(self, *, last: bool) -> np.ndarray:
        """The last vector or the sum, of length 1."""
        vector = self._last if last else self._total
        assert vector is not None
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def finish(self, vector: np.ndarray) -> None:
        if not self.done.done():
            self.done.set_result(vector)
