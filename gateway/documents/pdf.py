"""The text of PDFs: each read once, in a process of its own (``pdf_child``), and remembered while it is talked about.

A conversation sends its documents again with every turn; the same text every time keeps what engines have read of it.
Never parses anything in this process.
"""

import asyncio
import hashlib
import os
import sys
from collections import OrderedDict

import msgspec

from backends.errors import BackendError, Cause
from backends.process.communicate import communicate
from gateway.documents.pdf_text import PdfText

_SECONDS = 40.0
_AT_ONCE = 2
_MOST_REMEMBERED = 16 * 1024 * 1024
"""Characters of all texts that are kept."""


class PdfReader:
    """One a process."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._known: OrderedDict[bytes, PdfText] = OrderedDict()
        self._size = 0

    async def text(self, data: bytes, param: str) -> str:
        """Raises ``BackendError(INVALID_REQUEST)`` naming ``param`` when there is none to be had."""
        name = hashlib.sha256(data).digest()
        found = self._known.get(name)
        if found is None:
            async with self._turn:
                found = self._known.get(name) or await self._read(data)
            self._remember(name, found)
        else:
            self._known.move_to_end(name)
        if found.fault:
            raise BackendError(Cause.INVALID_REQUEST, f"{param}: {found.fault}", param=param)
        return found.text

    async def _read(self, data: bytes) -> PdfText:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "gateway.documents.pdf_child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            cwd="/", env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        )  # fmt: skip
        try:
            said, _ = await communicate(child, self._seconds, data)
        except TimeoutError:
            return PdfText(fault="the PDF takes too long to read")
        try:
            return msgspec.json.decode(said, type=PdfText)
        except msgspec.DecodeError:
            return PdfText(fault="the PDF takes too much time or memory to read")

    def _remember(self, name: bytes, found: PdfText) -> None:
        if name in self._known:
            return
        self._known[name] = found
        self._size += len(found.text)
        while self._size > _MOST_REMEMBERED or len(self._known) > 1024:
            _, gone = self._known.popitem(last=False)
            self._size -= len(gone.text)
