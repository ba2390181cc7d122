"""HTTP/1.1 to llama.cpp's server over its Unix socket: a connection a call, closing it stops the server's work."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import msgspec

from backends.errors import BackendError, Cause

_LIMIT = 1 << 20
_DATA = b"data: "


class _Fault(msgspec.Struct):
    message: str = ""
    type: str = ""


class _Envelope(msgspec.Struct):
    error: _Fault


class Connection:
    """One call. Use as a context: leaving it closes the connection."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._chunked = False
        self._length = 0

    async def __aenter__(self) -> "Connection":
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(self._socket, limit=_LIMIT)
        except OSError as error:
            raise BackendError(Cause.UPSTREAM_CONNECT, "The engine is gone.", private=str(error)) from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Break off. Idempotent."""
        if self._writer is not None:
            self._writer.close()

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The whole body of a successful answer."""
        try:
            await self._send(method, path, body)
            return b"".join([chunk async for chunk in self._chunks()])
        except (OSError, EOFError) as error:
            raise _broken(error) from None

    async def events(self, path: str, body: bytes) -> AsyncIterator[bytes]:
        """The data of each server-sent event of a successful answer."""
        try:
            await self._send("POST", path, body)
            buffer = b""
            async for chunk in self._chunks():
                *complete, buffer = (buffer + chunk).split(b"\n\n")
                for event in complete:
                    if event.startswith(_DATA):
                        yield event[len(_DATA) :]
        except (OSError, EOFError) as error:
            raise _broken(error) from None

    async def _send(self, method: str, path: str, body: bytes) -> None:
        assert self._writer is not None
        assert self._reader is not None
        head = f"{method} {path} HTTP/1.1\r\nhost: engine\r\nconnection: close\r\ncontent-type: application/json\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()
        status = int((await self._line()).split(b" ")[1])
        while line := await self._line():
            name, _, value = line.partition(b":")
            if name.lower() == b"transfer-encoding":
                self._chunked = b"chunked" in value.lower()
            elif name.lower() == b"content-length":
                self._length = int(value)
        if status != 200:
            raise _refusal(status, b"".join([chunk async for chunk in self._chunks()]))

    async def _line(self) -> bytes:
        assert self._reader is not None
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the connection ended in a head")
        return line.rstrip(b"\r\n")

    async def _chunks(self) -> AsyncIterator[bytes]:
        assert self._reader is not None
        if not self._chunked:
            yield await self._reader.readexactly(self._length)
            return
        while size := int(await self._line(), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]


def _broken(error: Exception) -> BackendError:
    return BackendError(Cause.STREAM_BROKEN, "The engine broke off.", private=repr(error))


def _refusal(status: int, body: bytes) -> BackendError:
    """The server's own error in our terms."""
    try:
        fault = msgspec.json.decode(body, type=_Envelope).error
    except msgspec.DecodeError:
        fault = _Fault(type="unknown")
    private = f"{status} {fault.message}"
    if fault.type == "exceed_context_size_error":
        return BackendError(Cause.CONTEXT_LENGTH, fault.message, private=private)
    if status == 400:
        return BackendError(Cause.INVALID_REQUEST, fault.message, private=private)
    return BackendError(Cause.INTERNAL, "The engine failed.", private=private)
