"""The readiness probe answers a status or nothing, whatever the other side does."""

import asyncio
from pathlib import Path

import pytest

from backends.process.probe import http_status


async def answer(run_dir: Path, data: bytes, *, hold: bool = False) -> int | None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /health HTTP/1.1\r\n")
        writer.write(data)
        if hold:
            await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(serve, str(run_dir / "s")):
        return await http_status(run_dir / "s", "/health", 0.2 if hold else 30.0)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.0 503 Loading\r\nContent-Length: 0\r\n\r\n", 503),
        (b"HTTP/1.1 OK\r\n\r\n", None),
        (b"SSH-2.0-OpenSSH\r\n", None),
        (b"", None),
        (b"x" * 100_000, None),
    ],
)
async def test_what_is_answered(run_dir: Path, data: bytes, status: int | None):
    assert await answer(run_dir, data) == status


async def test_silence_is_no_status(run_dir: Path):
    assert await answer(run_dir, b"", hold=True) is None


async def test_nobody_there(run_dir: Path):
    assert await http_status(run_dir / "s", "/health", 30.0) is None
