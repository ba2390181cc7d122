"""What has come of a vendor, kept: in memory, or in a file that appears whole. Told apart by first bytes only."""

import asyncio
import base64
import binascii
import hashlib
import io
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from backends.cloud.media.downloads import LinkError
from backends.cloud.media.sniff import media_type_of
from backends.wire.media_job import Artifact, FileFormat, MediaJob

MOST_PICTURE = 64 * 1024 * 1024
MOST_CLIP = 2 * 1024 * 1024 * 1024
_HEAD = 32
_FORMATS: dict[str, FileFormat] = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp", "video/mp4": "mp4"}


class Kept:
    """One file that comes. Implements ``Sink``; ``close`` in every case, after ``artifact`` or instead of it."""

    def __init__(self, job: MediaJob, index: int, seed: int) -> None:
        self._job = job
        self._index = index
        self._seed = seed
        self._clip = job.frames is not None
        self._digest = hashlib.sha256()
        self._size = 0
        self._head = b""
        folder = job.output.folder
        self._path = Path(folder) / f"made-{index}" if folder else None
        self._partial = None if self._path is None else self._path.with_suffix(".part")
        self._file: BinaryIO = io.BytesIO() if self._partial is None else self._partial.open("w+b")

    async def write(self, chunk: bytes) -> None:
        """See ``Sink``."""
        self._head = (self._head + chunk)[:_HEAD] if len(self._head) < _HEAD else self._head
        self._size += len(chunk)
        if self._size > (MOST_CLIP if self._clip else MOST_PICTURE):
            raise LinkError("the file is too large", final=True)
        await asyncio.to_thread(self._write, chunk)

    async def decode(self, text: str) -> None:
        """All of it, from base64, with or without the head of a data URI."""
        if text.startswith("data:"):
            text = text.partition(",")[2]
        try:
            data = await asyncio.to_thread(base64.b64decode, text, validate=False)
        except (binascii.Error, ValueError):
            raise LinkError("this is no base64", final=True) from None
        await self.write(data)

    async def artifact(self) -> Artifact:
        """What it is. Raises ``LinkError`` for what was not asked for."""
        form = _FORMATS.get(media_type_of(self._head) or "")
        if form is None or (form == "mp4") is not self._clip:
            raise LinkError("neither a picture nor a clip of a kind that is kept", final=True)
        width, height = (self._job.width, self._job.height) if self._clip else self._sides()
        path, data = "", ""
        if self._path is not None and self._partial is not None:
            await asyncio.to_thread(self._file.close)
            whole = self._path.with_suffix(f".{'jpg' if form == 'jpeg' else form}")
            await asyncio.to_thread(self._partial.replace, whole)
            path = str(whole)
        else:
            self._file.seek(0)
            data = base64.b64encode(self._file.read()).decode()
        return Artifact(
            index=self._index, seed=self._seed, width=width, height=height, format=form,
            role="clip" if self._clip else "picture", data=data, path=path, bytes=self._size,
            sha256=self._digest.hexdigest(), sound=self._clip and self._job.sound,
        )  # fmt: skip

    def close(self) -> None:
        """What is not whole goes away."""
        self._file.close()
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)

    def _write(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._file.write(chunk)

    def _sides(self) -> tuple[int, int]:
        """As the file says; nothing is decoded."""
        self._file.seek(0)
        try:
            with Image.open(self._file, formats=("PNG", "JPEG", "WEBP")) as picture:
                return picture.size
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            raise LinkError("a picture that cannot be read", final=True) from None
