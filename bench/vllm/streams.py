"""The load: chats streamed at once, each to the same number of tokens, at the engine's socket or our address."""

import asyncio
import json
import time
from pathlib import Path

from msgspec import Struct

TOKENS = 64


class Figures(Struct, frozen=True):
    """``tokens`` of all streams in ``wall`` seconds; ``first`` are seconds to the first token, one a stream."""

    tokens: int
    wall: float
    first: list[float]

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.wall


async def measure(where: Path | tuple[str, int], streams: int, tokens: int = TOKENS) -> Figures:
    """``streams`` at once, each on a connection of its own."""
    begun = time.perf_counter()
    told = await asyncio.gather(*(_stream(where, number, tokens) for number in range(streams)))
    return Figures(sum(count for count, _ in told), time.perf_counter() - begun, [first for _, first in told])


async def _stream(where: Path | tuple[str, int], number: int, tokens: int) -> tuple[int, float]:
    begun = time.perf_counter()
    if isinstance(where, Path):
        reader, writer = await asyncio.open_unix_connection(str(where))
    else:
        reader, writer = await asyncio.open_connection(*where)
    said = [{"role": "user", "content": f"Tell the story of number {number}, please."}]
    body = json.dumps(
        {"model": "tiny", "messages": said, "max_tokens": tokens, "ignore_eos": True, "stream": True, "temperature": 1}
    ).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    first, count, tail = 0.0, 0, b""
    while data := await reader.read(65536):
        count += data.count(b'"content":"')
        first = first or (time.perf_counter() - begun if b'"content":"' in data and count > 1 else 0.0)
        tail = (tail + data)[-256:]
    writer.close()
    if b"[DONE]" not in tail:
        raise RuntimeError(f"a stream broke: {tail[-200:]!r}")
    return tokens, first
