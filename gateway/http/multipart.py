"""Reads a form with files (``multipart/form-data``) as it comes: texts into memory, files into the caller's folder.

Every bound holds while the bytes arrive, so that a form too large is refused before it is here. What a file holds is
``picture_input``'s business, what the texts mean ``uploads``'; names that a client gives to its files are never used.
"""

import asyncio
import re
from pathlib import Path
from typing import BinaryIO

from litestar.types import Receive, Scope
from msgspec import Struct
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from backends.errors import BackendError, Cause
from gateway.http.body import header

_MEGABYTE = 1_000_000
_BOUNDARY = re.compile(rb';\s*boundary=(?:"([^"]{1,200})"|([^\s;",]{1,200}))\s*(?:;|$)', re.IGNORECASE)
_MOST_BEFORE_A_NAME = 16 * 1024
"""Bytes of a form known to be too large that are read to learn which field to name."""
_MOST_NAME = 128
_LISTED = "[]"


class FormLimits(Struct, frozen=True, kw_only=True):
    """Bytes and counts; ``deadline`` seconds for the form, plus one a megabyte. ``file_fields`` may bring files."""

    most_bytes: int = 64 * 1024 * 1024
    most_file_bytes: int = 25 * 1024 * 1024
    most_text_bytes: int = 1024 * 1024
    most_files: int = 17
    most_texts: int = 100
    deadline: float = 30.0
    file_fields: frozenset[str] = frozenset({"image", "mask"})


class FormFile(Struct, frozen=True, kw_only=True):
    """A file that arrived. ``field`` is its field without ``[]``, ``label`` what errors call it (``image[2]``)."""

    field: str
    label: str
    path: Path
    size: int


class Form(Struct, frozen=True, kw_only=True):
    """Names and texts in the order they came, and the files."""

    texts: tuple[tuple[str, str], ...]
    files: tuple[FormFile, ...]


async def read_form(scope: Scope, receive: Receive, folder: Path, limits: FormLimits) -> Form:
    """The whole form, its files under ``folder``, which the caller removes in every outcome.

    Raises ``BackendError``: ``INVALID_REQUEST`` or ``TOO_LARGE`` with the field, ``UNSUPPORTED_MEDIA``,
    ``REQUEST_TIMEOUT``, ``CLIENT_GONE``, ``STORAGE``.
    """
    boundary = boundary_of(scope)
    declared = int(header(scope, b"content-length") or 0)
    reading = _Reading(boundary, folder, limits, declared)
    seconds = limits.deadline + min(declared, limits.most_bytes) / _MEGABYTE
    try:
        async with asyncio.timeout(seconds):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise BackendError(Cause.CLIENT_GONE, "the client left while sending")
                reading.take(message["body"])
                more = message.get("more_body", False)
        return reading.form()
    except TimeoutError:
        raise BackendError(Cause.REQUEST_TIMEOUT, f"the form did not arrive within {seconds:.0f} s") from None
    except OSError as error:
        raise BackendError(Cause.STORAGE, "the form could not be stored", private=str(error)) from None
    finally:
        reading.close()


def boundary_of(scope: Scope) -> bytes:
    """What separates the parts. Raises ``BackendError(UNSUPPORTED_MEDIA)`` unless the body is a form with files."""
    given = header(scope, b"content-type") or b""
    found = _BOUNDARY.search(given)
    if not is_form(scope) or found is None:
        detail = "send the body as content-type: multipart/form-data with a boundary"
        raise BackendError(Cause.UNSUPPORTED_MEDIA, detail)
    return found[1] or found[2]


def is_form(scope: Scope) -> bool:
    """Whether the body says that it is a form with files."""
    given = header(scope, b"content-type") or b""
    return given.split(b";", 1)[0].strip().lower() == b"multipart/form-data"


class _Reading:
    """The state of one form on its way in. File writes are small and go to the page cache: no thread is asked."""

    def __init__(self, boundary: bytes, folder: Path, limits: FormLimits, declared: int) -> None:
        # One part more than is allowed: the count that is exceeded has a name then.
        self._parser = PushMultipartParser(boundary, max_segment_count=limits.most_files + limits.most_texts + 1)
        self._folder = folder
        self._limits = limits
        self._declared = declared
        self._received = 0
        self._texts: list[tuple[str, str]] = []
        self._text_bytes = 0
        self._files: list[FormFile] = []
        self._file: BinaryIO | None = None
        self._name = ""
        self._label: str | None = None
        self._text: list[bytes] = []
        self._size = 0

    def take(self, chunk: bytes) -> None:
        """The next bytes of the body."""
        self._received += len(chunk)
        if self._received > self._limits.most_bytes:
            raise self._too_large()
        if not chunk:
            return
        try:
            for event in self._parser.parse(chunk):
                if event is None:
                    self._end()
                elif isinstance(event, MultipartSegment):
                    self._begin(event)
                else:
                    self._more(bytes(event))
        except MultipartError as error:
            raise self._malformed(error) from None
        unnamed = self._label is None and self._received > _MOST_BEFORE_A_NAME
        if unnamed and self._declared > self._limits.most_bytes:
            raise self._too_large()

    def form(self) -> Form:
        """What came. Raises when the last boundary did not."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise self._malformed(error) from None
        return Form(texts=tuple(self._texts), files=tuple(self._files))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, segment: MultipartSegment) -> None:
        name = segment.name or ""
        if not name or len(name) > _MOST_NAME:
            raise BackendError(Cause.INVALID_REQUEST, f"a part of the form has a name of 1 to {_MOST_NAME} letters")
        self._size = 0
        field = name.removesuffix(_LISTED)
        if field in self._limits.file_fields:
            self._begin_file(name, field)
        elif segment.filename is not None:
            raise _invalid(name, f"{name}: files come as {', '.join(sorted(self._limits.file_fields))}")
        else:
            self._begin_text(name)

    def _begin_file(self, name: str, field: str) -> None:
        before = sum(file.field == field for file in self._files)
        self._name = field
        self._label = name if name == field and not before else f"{field}[{before}]"
        if len(self._files) >= self._limits.most_files:
            raise _invalid(self._label, f"{self._label}: a form has at most {self._limits.most_files} files")
        if self._declared > self._limits.most_bytes:
            raise self._too_large()
        self._file = (self._folder / f"upload-{len(self._files)}").open("xb")

    def _begin_text(self, name: str) -> None:
        self._name = self._label = name
        self._text = []
        if len(self._texts) >= self._limits.most_texts:
            raise _invalid(name, f"{name}: a form has at most {self._limits.most_texts} fields")

    def _more(self, data: bytes) -> None:
        self._size += len(data)
        if self._file is not None:
            if self._size > self._limits.most_file_bytes:
                detail = f"{self._label}: a file has at most {self._limits.most_file_bytes} bytes"
                raise _invalid(self._label, detail, "file_too_large")
            self._file.write(data)
            return
        self._text_bytes += len(data)
        if self._text_bytes > self._limits.most_text_bytes:
            raise _invalid(self._name, f"{self._name}: the texts of a form are too long", "text_too_large")
        self._text.append(data)

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            path = self._folder / f"upload-{len(self._files)}"
            label = self._label or self._name
            self._files.append(FormFile(field=self._name, label=label, path=path, size=self._size))
            self._file = None
            return
        try:
            self._texts.append((self._name, b"".join(self._text).decode()))
        except UnicodeDecodeError:
            raise _invalid(self._name, f"{self._name}: the text is not valid UTF-8") from None

    def _too_large(self) -> BackendError:
        most = f"a form has at most {self._limits.most_bytes} bytes"
        if self._label is None:
            return BackendError(Cause.TOO_LARGE, most)
        return _invalid(self._label, f"{self._label}: {most}", "file_too_large")

    def _malformed(self, error: MultipartError) -> BackendError:
        what = "its parts are too many or too long" if isinstance(error, ParserLimitReached) else "it is malformed"
        return BackendError(
            Cause.INVALID_REQUEST, f"this is no form that can be read: {what}", param=self._label, private=str(error)
        )


def _invalid(param: str | None, detail: str, code: str | None = None) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, detail, param=param, code=code)
