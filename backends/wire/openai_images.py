"""OpenAI's image requests, with our own fields beside theirs: shapes, bounds and the rules across fields. Pure.

Tolerant of unknown top-level fields, which are dropped. Sizes are pixels. The shapes of answers are in
``openai_images_reply``.
"""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

from backends.errors import BackendError, Cause

MOST_PROMPT = 32_000
MOST_IMAGES = 16
MOST_SIDE = 16_384
_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")

Count = Annotated[int, Meta(ge=1, le=1024)]
Seed = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Quality = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]
Format = Literal["png", "jpeg", "webp"]
Effort = Literal["auto", "low", "medium", "high"]
_EFFORTS: dict[Quality, Effort] = {
    "low": "low", "medium": "medium", "standard": "medium",
    "high": "high", "hd": "high", "xhigh": "high", "max": "high",
}  # fmt: skip


class LoraChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An adapter of the profile; ``scale`` 1 is as it was trained."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    scale: Annotated[float, Meta(ge=-4, le=4)] = 1.0


class GivenImage(Struct, frozen=True, kw_only=True):
    """A picture in a JSON body: an address, which is a ``data:`` URL unless the operator allows more, or base64."""

    image_url: str | None = None
    b64_json: str | None = None
    file_id: str | None = None


class ImageRequest(Struct, frozen=True, kw_only=True):
    """What all three endpoints take. ``seed`` is one for the first picture, or one for each."""

    model: str | None = None
    n: Count | None = None
    size: str | None = None
    quality: Quality | None = None
    background: Literal["auto", "opaque", "transparent"] | None = None
    output_format: Format | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    stream: bool | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] | None = None
    user: str | None = None
    seed: Seed | list[Seed] | None = None
    negative_prompt: Annotated[str, Meta(max_length=MOST_PROMPT)] | None = None
    steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    strength: Annotated[float, Meta(gt=0, le=1)] | None = None
    loras: Annotated[list[LoraChoice], Meta(max_length=16)] | None = None
    service_tier: str | None = None

    @property
    def pictures(self) -> int:
        """How many are wanted."""
        return self.n or 1

    @property
    def effort(self) -> Effort:
        """What ``quality`` means for the number of steps."""
        return _EFFORTS.get(self.quality or "auto", "auto")

    @property
    def asked_size(self) -> tuple[int, int] | None:
        """As ``asked_size``."""
        return asked_size(self.size)


class GenerationRequest(ImageRequest, frozen=True, kw_only=True):
    """``POST /v1/images/generations``."""

    prompt: Annotated[str, Meta(min_length=1, max_length=MOST_PROMPT)]


class EditRequest(ImageRequest, frozen=True, kw_only=True):
    """``POST /v1/images/edits`` as JSON. Forms bring their pictures as files, and the rest as these fields."""

    prompt: Annotated[str, Meta(min_length=1, max_length=MOST_PROMPT)]
    images: Annotated[list[GivenImage], Meta(max_length=MOST_IMAGES)] = []
    mask: GivenImage | None = None


class VariationRequest(ImageRequest, frozen=True, kw_only=True):
    """``POST /v1/images/variations``; a prompt leads it where the model takes one."""

    prompt: Annotated[str, Meta(max_length=MOST_PROMPT)] = ""
    images: Annotated[list[GivenImage], Meta(max_length=1)] = []


def asked_size(size: str | None) -> tuple[int, int] | None:
    """Width and height, ``None`` for the model's own. Raises ``BackendError(INVALID_REQUEST)``."""
    if size is None or size == "auto":
        return None
    found = _SIZE.fullmatch(size)
    if found is None or max(int(found[1]), int(found[2])) > MOST_SIDE:
        raise _invalid("size", f'size is "auto" or WIDTHxHEIGHT, each 1 to {MOST_SIDE}')
    return int(found[1]), int(found[2])


def validate(request: ImageRequest) -> None:
    """The rules across fields. Raises ``BackendError(INVALID_REQUEST)`` naming the one at fault."""
    _ = request.asked_size
    form = request.output_format or "png"
    if request.output_compression is not None and form == "png":
        raise _invalid("output_compression", "output_compression goes with output_format jpeg or webp")
    if request.background == "transparent":
        raise _invalid("background", "no model here makes transparent backgrounds")
    if request.partial_images and not request.stream:
        raise _invalid("partial_images", "partial_images go with stream")
    if request.stream and request.response_format == "url":
        raise _invalid("response_format", "a stream brings its pictures as b64_json")
    if isinstance(request.seed, list) and len(request.seed) != request.pictures:
        raise _invalid("seed", "a list of seeds has one for each of n")


def _invalid(param: str, detail: str) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, detail, param=param)
