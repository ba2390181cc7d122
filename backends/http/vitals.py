"""Whether a backend is well: it listens, and where that proves little, it computes. Ends nobody."""

from collections.abc import Awaitable, Callable

from backends.contract import Call, Canary, Health, Post, Reply
from backends.errors import BackendError

_LISTEN_SECONDS = 2.0


def call_of(post: Post) -> Call:
    """A ``Post`` as a call."""
    return Call(path=post.path, body=post.body, bare=True, answer_timeout=post.seconds)


class Vitals:
    """``ask`` sends a call and returns with its whole answer. ``canary`` comes after ``health_path`` said 200."""

    def __init__(self, ask: Callable[[Call], Awaitable[Reply]], health_path: str, canary: Canary | None) -> None:
        self._ask = ask
        self._listens = Call(path=health_path, body=b"", method="GET", answer_timeout=_LISTEN_SECONDS)
        self._canary = canary

    async def check(self) -> Health:
        """Ready when the canary is answered, or has to wait while the engine's counter of steps goes up."""
        try:
            await self._ask(self._listens)
        except BackendError as error:
            return _ill(error)
        if self._canary is None:
            return Health(ready=True)
        before = await self._heartbeat()
        try:
            await self._ask(call_of(self._canary.post))
        except BackendError as error:
            after = await self._heartbeat()
            beats = before is not None and after is not None and after > before
            return Health(ready=True, detail="busy") if beats else _ill(error)
        return Health(ready=True)

    async def _heartbeat(self) -> float | None:
        if self._canary is None or self._canary.heartbeat is None:
            return None
        try:
            reply = await self._ask(Call(path="/metrics", body=b"", method="GET", answer_timeout=_LISTEN_SECONDS))
        except BackendError:
            return None
        return sum_of(reply.first, self._canary.heartbeat)


def sum_of(text: bytes, name: str) -> float | None:
    """The sum of a metric's samples in Prometheus' text format; ``None`` when it has none."""
    found: list[float] = []
    wanted = name.encode()
    for line in text.splitlines():
        if line.startswith((wanted + b"{", wanted + b" ")):
            try:
                found.append(float(line.rpartition(b" ")[2]))
            except ValueError:
                continue
    return sum(found) if found else None


def _ill(error: BackendError) -> Health:
    return Health(ready=False, detail=error.private or error.detail)
