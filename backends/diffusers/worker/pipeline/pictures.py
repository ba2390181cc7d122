# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# Pillow comes without types in the engine's environment
"""Pictures in and out of a job: decoded within bounds, scaled, encoded. Knows nothing of pipelines."""

import base64
import binascii
import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageOps, ImageStat, UnidentifiedImageError

from backends.diffusers.worker.film.whole import write_whole
from backends.errors import BackendError, Cause
from backends.wire.media_job import Artifact, ImageFormat, Output, Source

_FORMATS = ("PNG", "JPEG", "WEBP")
_QUALITY = 90
_SAME_SHAPE = 0.05


def read(source: Source, param: str, most_pixels: int) -> Any:
    """A picture in RGB or RGBA, upright. Raises ``BackendError(INVALID_REQUEST)`` naming ``param``."""
    try:
        raw = Path(source.path).read_bytes() if source.path else base64.b64decode(source.data, validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(raw), formats=_FORMATS)
        if picture.width * picture.height > most_pixels:
            raise BackendError(Cause.INVALID_REQUEST, f"a picture has at most {most_pixels} pixels", param=param)
        picture.load()
    except (OSError, UnidentifiedImageError, binascii.Error, ValueError, SyntaxError, Image.DecompressionBombWarning,
            Image.DecompressionBombError) as error:  # fmt: skip
        raise BackendError(
            Cause.INVALID_REQUEST, "not a whole PNG, JPEG or WebP picture", param=param, private=type(error).__name__
        ) from None
    upright = ImageOps.exif_transpose(picture)
    return upright if upright.mode == "RGBA" else upright.convert("RGB")


def read_mask(source: Source, param: str, most_pixels: int) -> Any:
    """White where the picture is to change."""
    return read(source, param, most_pixels).convert("L")


def scaled(picture: Any, width: int, height: int) -> Any:
    """``picture`` at exactly that size."""
    return picture if picture.size == (width, height) else picture.resize((width, height), Image.Resampling.LANCZOS)


def fitted(picture: Any, width: int, height: int) -> Any:
    """What a pipeline made, at the asked size. Some choose their own; where even the shape differs, theirs is kept."""
    shape = picture.width * height / (picture.height * width)
    return scaled(picture, width, height) if abs(shape - 1.0) <= _SAME_SHAPE else picture


def framed(picture: Any, width: int, height: int) -> Any:
    """Scaled into that size; what is left over has the colour that the picture's edge has mostly."""
    return ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color=_edge(picture))


def _edge(picture: Any) -> tuple[int, ...]:
    """The middle value of a ring close to the edge: decoders tint the outermost pixels."""
    inset = min(picture.size) // 16
    x, y = picture.width - inset - 1, picture.height - inset - 1
    ring = Image.new("L", picture.size, 0)
    ImageDraw.Draw(ring).rectangle((inset, inset, x, y), outline=255)
    return tuple(ImageStat.Stat(picture, ring).median)


def encoded(picture: Any, output: Output) -> bytes:
    """A file of the picture. PNG is compressed little: it is the fastest that loses nothing."""
    buffer = io.BytesIO()
    if output.format == "png":
        picture.save(buffer, "PNG", compress_level=1)
    elif output.format == "jpeg":
        picture.convert("RGB").save(buffer, "JPEG", quality=_quality(output), subsampling=0)
    else:
        picture.save(buffer, "WEBP", quality=_quality(output), method=2)
    return buffer.getvalue()


def small(picture: Any) -> tuple[ImageFormat, str]:
    """A preview's format and base64."""
    return "png", base64.b64encode(encoded(picture, Output())).decode()


def artifact(picture: Any, job_id: str, index: int, seed: int, output: Output) -> Artifact:
    """``picture`` as an event, in base64 or as a file that is whole when it has its name."""
    raw = encoded(picture, output)
    fields: dict[str, Any] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    if output.folder:
        path = Path(output.folder) / f"{job_id}-{index}.{output.format}"
        fields["path"] = str(_write(path, raw))
    else:
        fields["data"] = base64.b64encode(raw).decode()
    return Artifact(
        index=index, seed=seed, width=picture.width, height=picture.height, format=output.format, **fields
    )  # fmt: skip


def _write(path: Path, raw: bytes) -> Path:
    try:
        write_whole(path, raw)
    except OSError as error:
        raise BackendError(Cause.STORAGE, "the picture could not be written", private=str(error)) from None
    return path


def _quality(output: Output) -> int:
    return output.quality if output.quality is not None else _QUALITY
