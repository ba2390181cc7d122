"""Pictures kept for a while, and the signed links that open them (``response_format: url``).

A link is its own permission: it says until when it holds, and only this gateway can make it. Signing and checking are
pure. Files lie in a private folder; a file's time of change is when it expires, so nothing else has to remember it.
"""

import asyncio
import hmac
import os
import re
import secrets
import tempfile
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError, Cause

PREFIX = "/v1/media/"
_NAME = re.compile(r"[A-Za-z0-9_-]{24}\.(png|jpeg|webp)")
_TYPES = {"png": b"image/png", "jpeg": b"image/jpeg", "webp": b"image/webp"}
_KEY_BYTES = 32
_NAME_BYTES = 18
_MOST_DIGITS = 12


class MediaLimits(Struct, frozen=True, kw_only=True):
    """Seconds that a link holds, bytes that are kept; past them the oldest go first."""

    seconds: int = 3600
    most_bytes: int = 2 * 1024 * 1024 * 1024


class Media(Struct, frozen=True, kw_only=True):
    """A kept picture and the headers it is served with."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def sign(key: bytes, name: str, expires: int) -> str:
    """Of a name and the second until which it may be read."""
    return hmac.new(key, f"{name}\n{expires}".encode(), sha256).hexdigest()


def link(key: bytes, name: str, expires: int) -> str:
    """Path and query."""
    return f"{PREFIX}{name}?expires={expires}&signature={sign(key, name, expires)}"


def verify(key: bytes, name: str, expires: str, signature: str, now: float) -> int:
    """The second until which the link holds. Raises ``BackendError(NOT_FOUND)``, whatever is wrong with it."""
    known = _NAME.fullmatch(name) and expires.isascii() and expires.isdigit() and len(expires) <= _MOST_DIGITS
    good = known and hmac.compare_digest(sign(key, name, int(expires)).encode(), signature.encode(errors="replace"))
    if not good or int(expires) <= now:
        raise _gone()
    return int(expires)


class MediaLinks:
    """One for each process. Times are seconds since the epoch, given by the caller."""

    def __init__(self, folder: Path, key: bytes, limits: MediaLimits) -> None:
        self._folder = folder
        self._key = key
        self._limits = limits
        self._keeping = asyncio.Lock()

    async def keep(self, data: bytes, form: str, now: float) -> str:
        """A link to ``data``, a picture of the format ``form``. Raises ``BackendError(STORAGE)``."""
        if len(data) > self._limits.most_bytes:
            raise BackendError(Cause.STORAGE, "the picture is larger than all that is kept")
        name = f"{secrets.token_urlsafe(_NAME_BYTES)}.{form}"
        expires = int(now) + self._limits.seconds
        async with self._keeping:  # the quota is counted by one at a time
            try:
                await asyncio.to_thread(self._write, name, data, expires, now)
            except OSError as error:
                raise BackendError(Cause.STORAGE, "the picture could not be kept", private=str(error)) from None
        return link(self._key, name, expires)

    async def open(self, name: str, expires: str, signature: str, now: float) -> Media:
        """What a link leads to. Raises ``BackendError``: ``NOT_FOUND``, ``STORAGE``."""
        until = verify(self._key, name, expires, signature, now)
        try:
            body = await asyncio.to_thread((self._folder / name).read_bytes)
        except FileNotFoundError:
            raise _gone() from None
        except OSError as error:
            raise BackendError(Cause.STORAGE, "the picture could not be read", private=str(error)) from None
        headers = (
            (b"content-type", _TYPES[name.rpartition(".")[2]]),
            (b"content-length", b"%d" % len(body)),
            (b"content-disposition", b"inline"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", b"default-src 'none'; sandbox"),
            (b"cache-control", b"private, max-age=%d, immutable" % int(until - now)),
        )
        return Media(body=body, headers=headers)

    async def sweep(self, now: float) -> None:
        """Removes what has expired."""
        async with self._keeping:
            await asyncio.to_thread(self._make_room, 0, now)

    def _write(self, name: str, data: bytes, expires: int, now: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_room(len(data), now)
        descriptor, partial = tempfile.mkstemp(dir=self._folder, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.utime(partial, (expires, expires))
            Path(partial).replace(self._folder / name)
        except OSError:
            Path(partial).unlink(missing_ok=True)
            raise

    def _make_room(self, more: int, now: float) -> None:
        kept = sorted(_kept(self._folder))
        size = sum(each[2] for each in kept) + more
        for expires, name, taken in kept:
            if expires > now and size <= self._limits.most_bytes:
                break
            (self._folder / name).unlink(missing_ok=True)
            size -= taken


def media_key(path: Path) -> bytes:
    """The key in ``path``, made at the first call. Links outlive a restart, not a change of this file.

    Raises ``BackendError(STORAGE)``.
    """
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            with os.fdopen(descriptor, "wb") as file:
                key = secrets.token_bytes(_KEY_BYTES)
                file.write(key)
    except OSError as error:
        raise BackendError(Cause.STORAGE, "the key of links could not be read", private=str(error)) from None
    if len(key) != _KEY_BYTES:
        raise BackendError(Cause.STORAGE, f"the key of links has {len(key)} bytes: remove it, and a new one is made")
    return key


def _kept(folder: Path) -> list[tuple[float, str, int]]:
    """When each file expires, its name and its bytes. What was being written when a gateway was killed, too."""
    found: list[tuple[float, str, int]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                about = entry.stat(follow_symlinks=False)
                found.append((about.st_mtime, entry.name, about.st_size))
    except FileNotFoundError:
        pass
    return found


def _gone() -> BackendError:
    return BackendError(Cause.NOT_FOUND, "there is no such picture, or its link has expired", code="media_not_found")
