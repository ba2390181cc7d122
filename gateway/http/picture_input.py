"""Whether a picture from a client is one, without harm: its head before its pixels, and those within a memory budget.

Checks block; ``uploads`` runs them on a thread, one at a time. Pictures are never changed, masks are brought to the one
form that workers take. Scaling to what a model wants is the worker's.
"""

import struct
import zlib
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from PIL import Image, ImageChops, ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from backends.errors import BackendError, Cause
from gateway.http.picture_head import Head, PictureError, PictureFormat, read_head, require_whole

_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})
"""Values of the orientation whose picture lies on its side."""
_OPENERS = {"png": PngImageFile, "jpeg": JpegImageFile, "webp": WebPImageFile}
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError,
           struct.error, zlib.error, Image.DecompressionBombError)  # fmt: skip
"""What Pillow raises for damaged files, depending on where the damage is."""


class PictureLimits(Struct, frozen=True, kw_only=True):
    """Pixels, and the bytes that decoding may take: a larger picture is checked by its structure, and by its worker."""

    most_side: int = 8192
    most_pixels: int = 16_777_216
    most_decoded_bytes: int = 48 * 1024 * 1024


class Checked(Struct, frozen=True, kw_only=True):
    """A picture that may be given to a worker. ``width`` and ``height`` as it is seen, whichever way it is stored."""

    path: Path
    format: PictureFormat
    width: int
    height: int


def check_picture(path: Path, label: str, limits: PictureLimits) -> Checked:
    """Raises ``BackendError(INVALID_REQUEST)`` naming ``label``."""
    with path.open("rb") as file:
        try:
            head = _acceptable(file, limits)
            turned = _decoded(file, head, limits)
        except PictureError as error:
            raise _invalid(label, str(error)) from None
        except _DAMAGE as error:
            raise _invalid(label, "the picture is damaged or cut off", type(error).__name__) from None
    width, height = (head.height, head.width) if turned else (head.width, head.height)
    return Checked(path=path, format=head.format, width=width, height=height)


def check_mask(path: Path, label: str, over: Checked, target: Path, limits: PictureLimits) -> Checked:
    """The mask for ``over``, written to ``target`` as grey PNG: white where the picture is to change.

    A mask with transparency says it there (what is transparent changes), one without is grey already.
    """
    with path.open("rb") as file:
        try:
            head = _acceptable(file, limits)
            if {head.width, head.height} != {over.width, over.height}:
                raise PictureError(_other_size(head.width, head.height, over))
            grey = _grey(file, head, over)
        except PictureError as error:
            raise _invalid(label, str(error)) from None
        except _DAMAGE as error:
            raise _invalid(label, "the mask is damaged or cut off", type(error).__name__) from None
    try:
        grey.save(target, "PNG", compress_level=1)
    except OSError as error:
        raise BackendError(Cause.STORAGE, "the mask could not be stored", private=str(error)) from None
    return Checked(path=target, format="png", width=over.width, height=over.height)


def _acceptable(file: BinaryIO, limits: PictureLimits) -> Head:
    head = read_head(file)
    if max(head.width, head.height) > limits.most_side:
        raise PictureError(f"it is {head.width}x{head.height}: a side has at most {limits.most_side} pixels")
    if head.width * head.height > limits.most_pixels:
        raise PictureError(f"it is {head.width}x{head.height}: a picture has at most {limits.most_pixels} pixels")
    if head.moves:
        raise PictureError("it is an animation: send a single picture")
    require_whole(file, head)
    return head


def _decoded(file: BinaryIO, head: Head, limits: PictureLimits) -> bool:
    """Whether it lies on its side, all of it decoded on the way where that fits the budget."""
    needed = head.width * head.height * _pixel_bytes(head) + 2 * file.seek(0, SEEK_END)
    with _opened(file, head) as picture:
        if needed <= limits.most_decoded_bytes:
            if head.format == "jpeg":
                # An eighth of each side costs a sixty-fourth of the memory, and reads every byte all the same.
                picture.draft(None, (max(1, head.width // 8), max(1, head.height // 8)))
            picture.load()
        return picture.getexif().get(_ORIENTATION) in _TURNED


def _pixel_bytes(head: Head) -> int:
    """A pixel while it is decoded: WebP keeps several canvases, a JPEG in scans its coefficients. Measured."""
    if head.format == "webp":
        return 16
    if head.format == "png":
        return 4
    return 6 if head.layered else 1


def _grey(file: BinaryIO, head: Head, over: Checked) -> Image.Image:
    with _opened(file, head) as stored:
        picture = ImageOps.exif_transpose(stored)
    if picture.size != (over.width, over.height):
        raise PictureError(_other_size(*picture.size, over))
    if picture.has_transparency_data:
        grey = ImageChops.invert(picture.convert("RGBA").getchannel("A"))
        if grey.getextrema() == (0, 0):
            raise PictureError("nothing in it is transparent: make transparent what is to change")
        return grey
    if picture.mode.startswith("I"):
        grey = picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")  # pyright: ignore
    elif picture.mode in ("1", "L"):
        grey = picture.convert("L")
    else:
        red, green, blue = picture.convert("RGB").split()
        if ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox():
            raise PictureError("a mask is transparent where the picture is to change, or it is grey: this is neither")
        grey = red
    if grey.getextrema() == (0, 0):
        raise PictureError("it is black all over: make white what is to change")
    return grey


def _opened(file: BinaryIO, head: Head) -> ImageFile.ImageFile:
    file.seek(0)
    return _OPENERS[head.format](file)


def _other_size(width: int, height: int, over: Checked) -> str:
    return f"it is {width}x{height}, and the picture is {over.width}x{over.height}: a mask has the same size"


def _invalid(label: str, reason: str, private: str = "") -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"{label}: {reason}", param=label, private=private)
