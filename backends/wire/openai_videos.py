"""OpenAI's video requests, with our own fields beside theirs: shapes and bounds. Pure.

OpenAI retired its service; clients of the shape live on. Unknown top-level fields are dropped. Answers are in
``openai_videos_reply``.
"""

from typing import Annotated

from msgspec import Meta, Struct

from backends.errors import BackendError, Cause
from backends.wire.openai_images import MOST_PROMPT, GivenImage, LoraChoice, Seed

MOST_SECONDS = 600.0
Prompt = Annotated[str, Meta(min_length=1, max_length=MOST_PROMPT)]
Guidance = Annotated[float, Meta(ge=0, le=100)]


class VideoRequest(Struct, frozen=True, kw_only=True):
    """``POST /v1/videos``. Forms bring ``input_reference`` and ``last_frame`` as files, the rest as these fields."""

    prompt: Prompt
    model: str | None = None
    seconds: str | float | None = None
    size: str | None = None
    fps: Annotated[float, Meta(ge=1, le=120)] | None = None
    seed: Seed | None = None
    input_reference: GivenImage | str | None = None
    last_frame: GivenImage | str | None = None
    negative_prompt: Annotated[str, Meta(max_length=MOST_PROMPT)] | None = None
    steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    guidance: Guidance | None = None
    guidance_scale: Guidance | None = None
    loras: Annotated[list[LoraChoice], Meta(max_length=16)] | None = None
    audio: bool = True
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0
    user: str | None = None


class VideoReference(Struct, frozen=True, kw_only=True):
    """An earlier video."""

    id: str


class RemixRequest(Struct, frozen=True, kw_only=True):
    """``POST /v1/videos/{id}/remix``, and ``/v1/videos/edits``, which names its ``video``.

    Another ``model`` may do it.
    """

    prompt: Prompt
    model: str | None = None
    video: VideoReference | None = None
    seed: Seed | None = None
    strength: Annotated[float, Meta(gt=0, le=1)] | None = None
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0


class ExtendRequest(Struct, frozen=True, kw_only=True):
    """``POST /v1/videos/{id}/extend``, and ``/v1/videos/extensions``, which names its ``video``.

    ``seconds`` are those of the new part, which another ``model`` may make.
    """

    prompt: Prompt
    model: str | None = None
    video: VideoReference | None = None
    seconds: str | float | None = None
    seed: Seed | None = None
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0


def seconds_of(given: str | float | None) -> float | None:
    """Clients send ``"8"`` or ``8``. Raises ``BackendError(INVALID_REQUEST)``."""
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise BackendError(
            Cause.INVALID_REQUEST, f"seconds is a number above 0, at most {MOST_SECONDS:g}", param="seconds"
        )
    return seconds


def picture_of(given: GivenImage | str | None) -> GivenImage | None:
    """A bare string is an address, which is a ``data:`` URL unless the operator allows more."""
    return GivenImage(image_url=given) if isinstance(given, str) else given
