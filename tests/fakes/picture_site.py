"""A site on loopback that says what a test wants, byte for byte, and counts who came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PNG = b"\x89PNG\r\n\x1a\nnot looked at here"


class Site:
    """``answers``: by path, the bytes of an answer. ``heads``: what came."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.heads: list[str] = []
        self.connections = 0
        self.port = 0
        self.stays_open = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            writer.write(self.answers.get(head.split(" ")[1], answer(PNG)))
            await writer.drain()
            if self.stays_open:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole answer. ``content_length=""`` leaves that out."""
    given = {"content_type": "image/png", "content_length": str(len(body))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


@asynccontextmanager
async def picture_site() -> AsyncIterator[Site]:
    """On a free port of 127.0.0.1."""
    site = Site()
    server = await asyncio.start_server(site._serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
