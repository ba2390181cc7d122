"""How fast upstream work stops once a client is gone, in each phase of a request: ``python -m bench.cancel [COUNT]``.

Runs ``forebay serve`` with fake engines, opens COUNT connections a phase (50 if not said), hangs each up by itself and
takes the time to the effect: the engine sees its connection close, or the request leaves the queue.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import CHAT, GatewayProcess, chat, control_of, loading_engine

LIMIT = 0.250
"""Seconds within which the work has to stop."""
DEADLINE = 30.0
BUSY, SLOW, WIDE = "busy", "slow", "wide"


def profiles(root: Path) -> dict[str, str]:
    """One slot; a load that does not end by itself; slots for everybody."""
    return {
        BUSY: engine_profile(BUSY, slots=1),
        SLOW: engine_profile(SLOW, "--hold-load", "--pid-file", str(root / "slow.pid")),
        WIDE: engine_profile(WIDE, slots=64),
    }


class Caller:
    """A client on a connection of its own that can vanish, politely (FIN) or not (RST)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def begin(cls, address: str, body: dict[str, object]) -> "Caller":
        """Connects and sends a whole request."""
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        data = json.dumps(body).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        return cls(reader, writer)

    async def read_events(self, count: int) -> None:
        """Returns once so many events have come."""
        seen = b""
        while seen.count(b"data: ") < count:
            data = await self.reader.read(1 << 16)
            assert data, "the stream ended early"
            seen += data

    def vanish(self, *, politely: bool) -> float:
        """Goes away; the monotonic time of it."""
        now = time.monotonic()
        if politely:
            self.writer.close()
        else:
            self.writer.transport.abort()
        return now


class Hangups:
    """Drives one gateway at ``client.base_url``; every phase returns the seconds from each hang-up to its effect."""

    def __init__(self, client: httpx.AsyncClient, root: Path, count: int) -> None:
        self.client = client
        self.address = str(client.base_url)
        self.root = root
        self.count = count

    async def queued(self) -> list[float]:
        """All slots are taken. None of these calls may ever reach the engine."""
        control = await self._loaded(BUSY)
        holder = await Caller.begin(self.address, chat(BUSY, 'fake: {"hold": 0}', stream=True))
        await control.wait("held")
        took = await self._leave_queue(BUSY, await self._join_queue(BUSY))
        assert len(await control.calls()) == 1, "a call of a client that had gone reached the engine"
        holder.vanish(politely=True)
        await control.wait("closed")
        return took

    async def loading(self) -> list[float]:
        """The model is on its way. The load goes on, and nobody is served after it."""
        callers = await self._join_queue(SLOW)
        engine = await loading_engine(self.root / "slow.pid")
        took = await self._leave_queue(SLOW, callers)
        await engine.finish_loading()
        control = await self._loaded(SLOW)
        assert await control.calls() == []
        return took

    async def first_token(self) -> list[float]:
        """The engine has the request and says nothing yet; every other one is a plain request."""
        control = await self._loaded(WIDE)
        held = len([c for c in await control.calls() if c["held_at"] is not None])
        callers = [
            await Caller.begin(self.address, chat(WIDE, 'fake: {"hold": 0}', stream=number % 4 < 2))
            for number in range(self.count)
        ]
        await control.wait("held", held + self.count)
        return await self._close_each(callers, control)

    async def mid_stream(self) -> list[float]:
        """Three events have come."""
        control = await self._loaded(WIDE)
        callers = [
            await Caller.begin(self.address, chat(WIDE, 'fake: {"hold": 3}', stream=True)) for _ in range(self.count)
        ]
        for caller in callers:
            await caller.read_events(3)
        return await self._close_each(callers, control)

    def phases(self) -> dict[str, Callable[[], Awaitable[list[float]]]]:
        return {
            "queued": self.queued,
            "loading": self.loading,
            "before the first token": self.first_token,
            "mid-stream": self.mid_stream,
        }

    async def in_flight(self) -> int:
        """Leases held, as the operator sees them."""
        return sum(r["in_flight"] for r in (await self.client.get("/api/ps")).json()["residents"])

    async def _loaded(self, model: str) -> FakeEngineControl:
        response = await self.client.post("/api/load", json={"model": model})
        assert response.status_code == 200, response.text
        residents = (await self.client.get("/api/ps")).json()["residents"]
        return control_of(next(r["pid"] for r in residents if r["model"] == model))

    async def _waiting(self, model: str) -> int:
        return sum(q["model"] == model for q in (await self.client.get("/api/queue")).json()["queue"])

    async def _until_waiting(self, model: str, wanted: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while await self._waiting(model) != wanted:
                pass

    async def _join_queue(self, model: str) -> list[Caller]:
        callers = [await Caller.begin(self.address, chat(model, stream=number % 4 < 2)) for number in range(self.count)]
        await self._until_waiting(model, self.count)
        return callers

    async def _leave_queue(self, model: str, callers: list[Caller]) -> list[float]:
        took: list[float] = []
        for number, caller in enumerate(callers):
            gone = caller.vanish(politely=number % 2 == 0)
            await self._until_waiting(model, self.count - number - 1)
            took.append(time.monotonic() - gone)
        return took

    async def _close_each(self, callers: list[Caller], control: FakeEngineControl) -> list[float]:
        before = [c["closed_at"] for c in await control.calls() if c["closed_at"] is not None]
        took: list[float] = []
        for number, caller in enumerate(callers):
            gone = caller.vanish(politely=number % 2 == 0)
            calls = await control.wait("closed", len(before) + number + 1)
            took.append(max(c["closed_at"] for c in calls if c["closed_at"] is not None) - gone)
        return took


async def main(count: int) -> int:
    """Prints a line a phase; 0 when every single hang-up took effect in time."""
    in_time = total = 0
    with tempfile.TemporaryDirectory(prefix="fb") as folder:
        gateway = GatewayProcess(Path(folder), profiles(Path(folder)))
        try:
            await gateway.start()
            hangups = Hangups(gateway.client, gateway.root, count)
            print(f"{'phase':24}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}   within {LIMIT * 1000:.0f} ms")
            for name, phase in hangups.phases().items():
                took = [seconds * 1000 for seconds in await phase()]
                good = sum(ms <= LIMIT * 1000 for ms in took)
                p95 = statistics.quantiles(took, n=20, method="inclusive")[18]
                print(f"{name:24}{statistics.median(took):9.2f}{p95:9.2f}{max(took):9.2f}   {good} of {len(took)}")
                in_time, total = in_time + good, total + len(took)
            print(f"all: {in_time} of {total}; leases left: {await hangups.in_flight()}")
        finally:
            await gateway.close()
    return 0 if in_time == total else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)))
