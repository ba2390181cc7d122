"""The files that come with a job, read and looked at; and what a way of making it does with them."""

import asyncio
import base64
import binascii
from pathlib import Path

from backends.cloud.media.operation import Limits
from backends.cloud.media.plan import Way
from backends.cloud.media.sniff import media_type_of
from backends.cloud.media.value import Blob, Inputs
from backends.errors import BackendError, Cause
from backends.wire.media_job import MediaJob, Source

_MOST_BYTES = 64 * 1024 * 1024


async def inputs_of(job: MediaJob) -> Inputs:
    """Raises ``BackendError(INVALID_REQUEST)`` for what is neither a picture nor a clip."""
    return await asyncio.to_thread(_read, job)


def presence_of(job: MediaJob) -> Inputs:
    """That files were given, where nobody looks into them any more: work that only ends needs none of them."""
    there = Blob(b"", "image/png")
    return Inputs(
        images=(there,) * len(job.images),
        mask=None if job.mask is None else there,
        last=None if job.last is None else there,
        clip=None if job.clip is None else Blob(b"", "video/mp4"),
    )


def check_inputs(job: MediaJob, way: Way, limits: Limits) -> None:
    """That nothing is left out without a word. Raises ``BackendError(INVALID_REQUEST)``."""
    given = {
        "image": len(job.images) > 0,
        "mask": job.mask is not None,
        "last": job.last is not None,
        "clip": job.clip is not None,
    }
    for name, there in given.items():
        names = {name, f"{name}_ref"} | ({"images", "images_ref"} if name == "image" else set[str]())
        if there and not names & way.uses:
            raise _invalid(name, f"this provider takes no {name} here")
    most = limits.images or (1 if not {"images", "images_ref"} & way.uses else len(job.images))
    if len(job.images) > most:
        raise _invalid("image", f"this provider takes {most} of the {len(job.images)} pictures")
    characters = limits.prompt_characters
    if characters is not None and len(job.prompt.encode("utf-16-le", "surrogatepass")) > 2 * characters:
        raise _invalid("prompt", f"this provider takes prompts of at most {characters} characters")


def _read(job: MediaJob) -> Inputs:
    return Inputs(
        images=tuple(_blob(each, f"images[{i}]") for i, each in enumerate(job.images)),
        mask=None if job.mask is None else _blob(job.mask, "mask"),
        last=None if job.last is None else _blob(job.last, "last"),
        clip=None if job.clip is None else _blob(job.clip, "clip"),
    )


def _blob(source: Source, param: str) -> Blob:
    try:
        if source.path and Path(source.path).stat().st_size > _MOST_BYTES:
            raise _invalid(param, f"a file for a provider has at most {_MOST_BYTES >> 20} MB")
        data = Path(source.path).read_bytes() if source.path else base64.b64decode(source.data, validate=True)
    except (OSError, binascii.Error, ValueError) as error:
        raise BackendError(Cause.INVALID_REQUEST, f"{param} cannot be read", param=param, private=str(error)) from None
    kind = media_type_of(data[:32])
    if kind is None:
        raise _invalid(param, f"{param} is neither a PNG, JPEG or WebP picture nor an MP4")
    return Blob(data, kind)


def _invalid(param: str, detail: str) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, detail, param=param)
