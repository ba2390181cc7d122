"""Clients on a socket of their own that see an answer as it comes, and that there is exactly one."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11


@dataclass(frozen=True)
class Told:
    """One whole answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[str]:
        """The data of a stream's events."""
        return [line.removeprefix("data: ") for line in self.body.decode().split("\n") if line.startswith("data: ")]

    @property
    def error(self) -> dict[str, object]:
        """The error: the whole body, or a stream's last event. Fails where there is none, and where there are two."""
        streamed = self.headers["content-type"].startswith("text/event-stream")
        *before, last = self.events if streamed else [self.body.decode()]
        assert not [each for each in before if '"error"' in each], "one failure is told once"
        return json.loads(last)["error"]


class Asking:
    """A client with a request under way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._came = b""

    async def until(self, part: bytes) -> None:
        """Reads until ``part`` has come."""
        while part not in self._came:
            data = await self._reader.read(65536)
            assert data, self._came
            self._came += data

    async def rest(self) -> Told:
        """Reads to the end."""
        self._came += await self._reader.read()
        assert self._came.count(b"HTTP/1.1 ") == 1, "exactly one answer"
        return _parsed(self._came)

    def leave(self) -> None:
        self._writer.close()


@asynccontextmanager
async def asking(address: str, body: object, path: str, headers: Mapping[str, str] = {}) -> AsyncGenerator[Asking]:
    """Posts to the gateway at ``address`` on a connection of its own."""
    at = urlsplit(address)
    content = json.dumps(body).encode()
    lines = {"host": "localhost", "content-type": "application/json", "connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        async with asyncio.timeout(60):
            writer.write(f"POST {path} HTTP/1.1\r\n{head}content-length: {len(content)}\r\n\r\n".encode() + content)
            yield Asking(reader, writer)
    finally:
        writer.close()


def _parsed(came: bytes) -> Told:
    """Fails where the answer is not whole, or something follows it."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("connection", "close")]))
    client.send(h11.EndOfMessage())
    client.receive_data(came)
    client.receive_data(b"")
    head = client.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert client.trailing_data[0] == b""
    return Told(head.status_code, {name.decode(): value.decode() for name, value in head.headers}, body)
