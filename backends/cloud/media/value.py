"""What templates are filled with: the values of one request, typed. Pure; files have been read already."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Union

from msgspec import Struct

from backends.wire.media_job import MediaJob


class Size(Struct, frozen=True):
    """In pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Blob(Struct, frozen=True):
    """A file's bytes, with the type that its first bytes say."""

    data: bytes
    media_type: str

    @property
    def ending(self) -> str:
        return {"image/jpeg": "jpg", "video/mp4": "mp4"}.get(self.media_type, self.media_type.rpartition("/")[2])


Value = Union[str, int, float, bool, Size, Blob, list["Value"], None]  # noqa: UP007 (it names itself)
Values = Mapping[str, Value]


class Inputs(Struct, frozen=True, kw_only=True):
    """The files of a job, read."""

    images: tuple[Blob, ...] = ()
    mask: Blob | None = None
    last: Blob | None = None
    clip: Blob | None = None


def values_of(job: MediaJob, model: str, seeds: Sequence[int], inputs: Inputs) -> dict[str, Value]:
    """The values of the request that makes the pictures of ``seeds``, or the clip. Absent ones are ``None``."""
    return {
        "model": model,
        "prompt": job.prompt or None,
        "negative_prompt": job.negative_prompt or None,
        "size": Size(job.width, job.height),
        "n": len(seeds),
        "seed": seeds[0],
        "seeds": list(seeds),
        "steps": job.steps,
        "guidance": job.guidance,
        "strength": job.strength,
        "seconds": None if job.frames is None or not job.fps else job.frames / job.fps,
        "frames": job.frames,
        "fps": job.fps,
        "sound": job.sound,
        "format": job.output.format,
        "quality": job.output.quality,
        "effort": job.effort,
        "image": inputs.images[0] if inputs.images else None,
        "images": list(inputs.images) or None,
        "mask": inputs.mask,
        "last": inputs.last,
        "clip": inputs.clip,
    }


_PICTURE = Blob(
    b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="),
    "image/png",
)
"""One pixel."""
SAMPLE: dict[str, Value] = {
    "model": "model", "prompt": "A boat", "negative_prompt": "fog", "size": Size(1280, 720), "n": 1, "seed": 7,
    "seeds": [7], "steps": 20, "guidance": 4.5, "strength": 0.5, "seconds": 5.0, "frames": 120, "fps": 24.0,
    "sound": True, "format": "png", "quality": 90, "effort": "high", "image": _PICTURE, "images": [_PICTURE],
    "mask": _PICTURE, "last": _PICTURE, "clip": Blob(b"\0\0\0\x18ftypmp42", "video/mp4"),
}  # fmt: skip
"""One of each, to try a template on."""
FILES = ("image", "images", "mask", "last", "clip")
