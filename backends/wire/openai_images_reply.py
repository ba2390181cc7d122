"""The answers of OpenAI's image endpoints: the whole object and the events of a stream. Shapes only.

``ours`` (``forebay``) says what was really made; progress and queue events are ours too, and clients that look at
``type`` pass over them.
"""

from typing import Literal

from msgspec import Struct

Kind = Literal["image_generation", "image_edit"]
"""Variations stream as edits."""


class InputDetails(Struct, frozen=True, kw_only=True):
    image_tokens: int = 0
    text_tokens: int = 0


class ImageUsage(Struct, frozen=True, kw_only=True):
    """Diffusion counts no tokens: zeros, where clients expect numbers."""

    input_tokens: int = 0
    input_tokens_details: InputDetails = InputDetails()
    output_tokens: int = 0
    total_tokens: int = 0


class Made(Struct, frozen=True, kw_only=True):
    """What was asked for, where it differs, and how it was made. ``steps`` and ``guidance`` are not told by providers,
    ``cost_usd`` by nobody else.
    """

    size: str
    requested_size: str | None
    seeds: list[int]
    steps: int | None
    guidance: float | None
    model: str
    variant: str
    where: str = "local"
    cost_usd: float | None = None


class ImageData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One picture, as base64 or as a link."""

    b64_json: str | None = None
    url: str | None = None
    seed: int | None = None


class ImagesAnswer(Struct, frozen=True, kw_only=True):
    """``size`` is the real one."""

    created: int
    data: list[ImageData]
    size: str
    quality: str
    background: str = "opaque"
    output_format: str
    usage: ImageUsage = ImageUsage()
    forebay: Made


class ImageEvent(Struct, frozen=True, kw_only=True):
    """What preview and finished picture have in common."""

    type: str
    b64_json: str
    created_at: int
    size: str
    quality: str
    background: str = "opaque"
    output_format: str


class PartialImage(ImageEvent, frozen=True, kw_only=True):
    """``type`` ends in ``.partial_image``; ``index`` tells the pictures of one request apart."""

    partial_image_index: int
    index: int


class CompletedImage(ImageEvent, frozen=True, kw_only=True):
    """``type`` ends in ``.completed``."""

    usage: ImageUsage = ImageUsage()
    index: int
    seed: int
    forebay: Made


class ImageProgress(Struct, frozen=True, kw_only=True):
    """Ours: ``type`` ends in ``.progress``."""

    type: str
    step: int
    steps: int
    percent: float


class ImageQueued(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ours: ``type`` ends in ``.queued``; without a position it waits for nothing but its own work."""

    type: str
    position: int | None = None
    wait_seconds: float | None = None
