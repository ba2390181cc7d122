"""What a picture says of itself in its first bytes: format, size, whether it moves. Pure but for reading; no decoding.

The format comes from the content, never from a name. Structure is followed only as far as it is needed, in bounded
steps, so that a file of any size and any malice costs about as much as an honest one.
"""

import zlib
from os import SEEK_CUR, SEEK_END
from typing import BinaryIO, Literal

from msgspec import Struct

PictureFormat = Literal["png", "jpeg", "webp"]
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PARTS = 65_536
"""Chunks of a PNG, segments of a JPEG: an honest one has some thousands at most."""
_MOST_SCANS = 32
"""Of a progressive JPEG, each as costly as a picture; encoders write about ten."""
_MOST_BESIDES = 4 * 1024 * 1024
"""Bytes of a piece that is no pixels: profiles of colour and notes of a camera are smaller, and are read whole."""
_BLOCK = 1 << 20
_NO_SIZE = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among the frame headers of JPEG that are none."""


class PictureError(Exception):
    """In words that a client may read."""


class Head(Struct, frozen=True, kw_only=True):
    """``width`` and ``height`` as stored, in pixels. ``layered``: a JPEG that comes in scans, kept whole to decode."""

    format: PictureFormat
    width: int
    height: int
    moves: bool = False
    layered: bool = False


def read_head(file: BinaryIO) -> Head:
    """The head of the picture in ``file``, read from its beginning. Raises ``PictureError``."""
    file.seek(0)
    first = file.read(32)
    if first.startswith(_PNG):
        head = _png(file, first)
    elif first.startswith(b"\xff\xd8\xff"):
        head = _jpeg(file)
    elif first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        head = _webp(first)
    elif first[:4] == b"GIF8":
        raise PictureError("GIF is not taken: send PNG, JPEG or WebP")
    else:
        raise PictureError("not a PNG, JPEG or WebP picture")
    if not head.width or not head.height:
        raise PictureError("the picture says that it has no size")
    return head


def require_whole(file: BinaryIO, head: Head) -> None:
    """That nothing is missing, as far as structure tells. Raises ``PictureError``."""
    if head.format == "png":
        _whole_png(file)
    elif head.format == "jpeg":
        _whole_jpeg(file)
    else:
        _whole_webp(file)


def _png(file: BinaryIO, first: bytes) -> Head:
    if first[12:16] != b"IHDR" or len(first) < 24:
        raise PictureError("the picture is cut off, or no PNG")
    moves = False
    file.seek(8)
    for _ in range(_MOST_PARTS):
        start = file.read(8)
        length, kind = int.from_bytes(start[:4], "big"), start[4:]
        if len(start) < 8 or kind == b"IDAT":
            break
        if kind == b"acTL":
            moves = int.from_bytes(file.read(4), "big") > 1
            break
        file.seek(length + 4, SEEK_CUR)
    width, height = int.from_bytes(first[16:20], "big"), int.from_bytes(first[20:24], "big")
    return Head(format="png", width=width, height=height, moves=moves)


def _whole_png(file: BinaryIO) -> None:
    file.seek(8)
    for _ in range(_MOST_PARTS):
        start = file.read(8)
        left, kind = int.from_bytes(start[:4], "big"), start[4:]
        if left > _MOST_BESIDES and kind != b"IDAT":
            raise PictureError("the picture carries too much besides its pixels")
        found = zlib.crc32(kind)
        while left and (block := file.read(min(left, _BLOCK))):
            found = zlib.crc32(block, found)
            left -= len(block)
        end = file.read(4)
        if left or len(end) < 4:
            raise PictureError("the picture is cut off")
        if found != int.from_bytes(end, "big"):
            raise PictureError("the picture is damaged")
        if kind == b"IEND":
            return
    raise PictureError("the picture has too many chunks")


def _jpeg(file: BinaryIO) -> Head:
    file.seek(2)
    for _ in range(_MOST_PARTS):
        start = file.read(4)
        if len(start) < 4:
            break
        marker, length = start[1], int.from_bytes(start[2:], "big")
        if start[0] != 0xFF or length < 2 or marker == 0xDA:
            break
        if marker == 0xFF:
            file.seek(-3, SEEK_CUR)  # markers may be padded with more of the same byte
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_SIZE:
            frame = file.read(5)
            if len(frame) < 5:
                break
            height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
            return Head(format="jpeg", width=width, height=height, layered=marker not in (0xC0, 0xC1))
        else:
            file.seek(length - 2, SEEK_CUR)
    raise PictureError("the picture is cut off, or no JPEG")


def _whole_jpeg(file: BinaryIO) -> None:
    file.seek(0)
    scans, ended, last = 0, False, b""
    while block := file.read(_BLOCK):
        block = last + block
        scans += block.count(b"\xff\xda")
        begun = block.rfind(b"\xff\xda")
        ended = block.find(b"\xff\xd9", begun + 2) >= 0 if begun >= 0 else ended or b"\xff\xd9" in block
        # Each scan is counted once: two bytes of a marker are never both carried over.
        last = block[-1:]
        if scans > _MOST_SCANS:
            raise PictureError("the picture has too many scans")
    if not scans or not ended:
        raise PictureError("the picture is cut off")


def _webp(first: bytes) -> Head:
    kind, data = first[12:16], first[20:]
    if len(data) < 10:
        raise PictureError("the picture is cut off, or no WebP")
    moves = False
    if kind == b"VP8X":
        moves = bool(data[0] & 0x02)
        width, height = int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    elif kind == b"VP8L" and data[0] == 0x2F:
        bits = int.from_bytes(data[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        raise PictureError("not a WebP picture that can be read")
    return Head(format="webp", width=width, height=height, moves=moves)


def _whole_webp(file: BinaryIO) -> None:
    size = file.seek(0, SEEK_END)
    file.seek(4)
    end = int.from_bytes(file.read(4), "little") + 8
    at = 12
    for _ in range(_MOST_PARTS):
        if at >= end or end > size:
            break
        file.seek(at)
        kind, length = file.read(4), int.from_bytes(file.read(4), "little")
        if length > _MOST_BESIDES and kind not in (b"VP8 ", b"VP8L", b"ALPH"):
            raise PictureError("the picture carries too much besides its pixels")
        at += 8 + length + length % 2
    if at < end or max(at - 1, end) > size:
        raise PictureError("the picture is cut off")
