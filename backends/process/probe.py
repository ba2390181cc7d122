"""Is it ready? One tiny HTTP GET over a Unix socket, with a deadline. Never sends a request of a client."""

import asyncio
from pathlib import Path

_HEAD_LIMIT = 16 * 1024


async def http_status(socket: Path, path: str, timeout: float) -> int | None:
    """The status code of ``GET path``; None when nothing (or nothing sensible) answers within ``timeout`` seconds."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(str(socket), limit=_HEAD_LIMIT)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            line = await reader.readline()
    except (OSError, ValueError, TimeoutError):  # ValueError: a line beyond the limit
        return None
    finally:
        if writer is not None:
            writer.transport.abort()
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    return int(code) if version.startswith(b"HTTP/1.") and len(code) == 3 and code.isdigit() else None
