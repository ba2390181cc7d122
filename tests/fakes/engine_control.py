"""The test's hand on a running fake engine: what it received, waiting for an event, opening holds."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

DEADLINE = 30.0


class FakeEngineControl:
    """Talks to the ``/fake/`` paths of the engine at ``socket``, each call on a connection of its own."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    async def request(
        self, method: str, target: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """One request; ``(status, decoded JSON or text)``. Streams are returned with their chunk framing."""
        async with asyncio.timeout(DEADLINE):
            reader, writer = await asyncio.open_unix_connection(str(self.socket), limit=1 << 24)
            try:
                data = b"" if body is None else json.dumps(body).encode()
                fields = {"Host": "fake", "Content-Length": str(len(data)), **(headers or {})}
                lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
                writer.write("\r\n".join(lines).encode() + data)
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                status = int(head.split(" ", 2)[1])
                if "content-length:" in head:
                    length = int(head.split("content-length:", 1)[1].split("\r\n", 1)[0])
                    return status, json.loads(await reader.readexactly(length))
                return status, (await reader.readuntil(b"0\r\n\r\n")).decode("utf-8", "replace")
            finally:
                writer.close()

    async def reachable(self) -> None:
        """Once it listens; its socket is in the folder a moment earlier."""
        async with asyncio.timeout(DEADLINE):
            while True:
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    _, writer = await asyncio.open_unix_connection(str(self.socket))
                    writer.close()
                    return
                await asyncio.sleep(0.005)

    async def calls(self) -> list[dict[str, Any]]:
        """All work requests so far: method, path, headers, body, events, and the times ``EVENT_at``."""
        return (await self.request("GET", "/fake/calls"))[1]

    async def wait(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """The calls, once ``count`` of them reached ``event``: ``received``, ``held``, ``closed`` or ``finished``."""
        return (await self.request("GET", f"/fake/wait?event={event}&count={count}"))[1]

    async def release(self) -> None:
        """Open all holds, now and for later calls."""
        await self.request("POST", "/fake/release")

    async def orders(self, **orders: object) -> None:
        """How to answer calls that do not say it themselves, from now on."""
        await self.request("POST", "/fake/orders", orders)

    async def turns(self, turns: list[dict[str, Any]], aside: dict[str, Any]) -> None:
        """How to answer chats that offer tools, one after the other, and how those that do not."""
        await self.request("POST", "/fake/turns", {"turns": turns, "aside": aside})

    async def load(self, **told: float) -> int:
        """What its ``/metrics`` say from now on (``running``, ``waiting``, ``usage``); how often they were read."""
        return (await self.request("POST", "/fake/load", told))[1]["scrapes"]

    async def finish_loading(self) -> None:
        """Let an engine started with ``--hold-load`` become ready."""
        await self.request("POST", "/fake/ready")
