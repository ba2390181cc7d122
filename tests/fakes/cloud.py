"""A provider on loopback that does as it is told: answers, faults of every kind, and what it was sent.

One script a request, taken in order; the last one stays. Bytes on the wire are the script's own, so that it can also
lie, stop in the middle, or say nothing.
"""

import asyncio
import json
import ssl
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from backends.cloud.provider import Auth, Provider

RESET = object()
"""In a script: the connection is reset here."""
SILENCE = object()
"""In a script: nothing more comes, and the connection stays open."""
Step = bytes | object
Script = tuple[Step, ...]


def answer(body: object, status: int = 200, kind: str = "application/json", **headers: str) -> Script:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n{extra}\r\n"
    return (head.encode() + data,)


def events(*said: object, done: bool = True, end: Step | None = None) -> Script:
    """A stream of server-sent events in chunks; ``end`` instead of its regular end."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    told = [data if isinstance(data, bytes) else b"data: " + json.dumps(data).encode() + b"\n\n" for data in said]
    told += [b"data: [DONE]\n\n"] if done else []
    chunks = [b"%x\r\n%s\r\n" % (len(each), each) for each in told]
    return (head, *chunks, b"0\r\n\r\n" if end is None else end)


def completion(text: str = "Hello", **usage: int) -> dict[str, object]:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    counted = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7} | usage
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "there",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": counted,
    }  # fmt: skip


def chunk(text: str | None = None, finish: str | None = None) -> dict[str, object]:
    """A piece of a streamed one."""
    delta = {} if text is None else {"content": text}
    return {
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "there",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip


USAGE = {
    "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "there", "choices": [],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}  # fmt: skip


@dataclass
class Sent:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, object]:
        """Its body as JSON."""
        return json.loads(self.body)


@dataclass
class FakeCloud:
    """``scripts`` are what it does; ``sent`` is what came; ``left``: resolved when a client hung up on silence."""

    scripts: list[Script]
    sent: list[Sent] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    choose: Callable[[Sent], Script] | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls, *scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Self]:
        """Listens on a free port of loopback."""
        fake = cls(list(scripts))
        server = await asyncio.start_server(fake._serve, "127.0.0.1", 0, ssl=tls)
        fake.port = server.sockets[0].getsockname()[1]
        try:
            yield fake
        finally:
            server.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def provider(self, kind: str = "openai", **fields: object) -> Provider:
        """A provider that is this server."""
        given: dict[str, object] = {
            "id": "fake", "name": "Fake", "kind": kind, "base_url": self.base_url, "auth": Auth(secret="FAKE_KEY"),
        }  # fmt: skip
        return Provider(**(given | fields))  # type: ignore[arg-type]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (sent := await _request(reader)) is not None:
                self.sent.append(sent)
                script = self.choose(sent) if self.choose else self.scripts[0]
                if len(self.scripts) > 1:
                    self.scripts.pop(0)
                if not await self._play(script, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()

    async def _play(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in script:
            if step is RESET:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER: a reset, not an end
                return False
            if step is SILENCE:
                await reader.read()
                self.left.set()
                return False
            assert isinstance(step, bytes)
            writer.write(step)
            await writer.drain()
        return script != ()


async def _request(reader: asyncio.StreamReader) -> Sent | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for line in lines if (name := line.partition(":")[0]) and
               (value := line.partition(":")[2]) is not None}  # fmt: skip
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Sent(method, path, headers, body)
