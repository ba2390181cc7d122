"""What a video job keeps of its request: enough to run it after any restart. Shapes only."""

import msgspec
from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.routing.clip_job import ClipWish

KIND = "video"
VIDEO, THUMBNAIL, SHEET = "video", "thumbnail", "spritesheet"


class VideoSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``first``, ``last`` and ``clip`` are keys of artifacts, which become paths of the wish when it runs.

    ``remixed_from`` and ``extends`` are ids of earlier jobs; ``before`` are the pictures of the clip that it extends,
    and ``shown`` is that clip's size, which stays. ``local_only``: nothing of it may leave this machine.
    """

    wish: ClipWish
    first: str | None = None
    last: str | None = None
    clip: str | None = None
    remixed_from: str | None = None
    extends: str | None = None
    before: int = 0
    shown: tuple[int, int] | None = None
    local_only: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the finished clip."""
        return self.shown or (self.wish.width, self.wish.height)

    @property
    def frames(self) -> int:
        """Of the finished clip: an extension begins with the picture that the clip before it ended with."""
        return self.before + self.wish.frames - 1 if self.before else self.wish.frames

    @property
    def seconds(self) -> float:
        """How long the finished clip runs."""
        return self.frames / self.wish.fps


def profile_of(model: str) -> str:
    """The id of the profile in what a job keeps of its model: ``wan-2.2``, ``wan-2.2:fp8``, ``cloud/kling-3``."""
    return model.rpartition("/")[2].partition(":")[0]


def spec_of(raw: bytes) -> VideoSpec:
    """Raises ``BackendError(INTERNAL)`` for what another release has written and this one cannot read."""
    try:
        return msgspec.json.decode(raw, type=VideoSpec)
    except msgspec.DecodeError as error:
        raise BackendError(Cause.INTERNAL, "the job cannot be read by this release", private=str(error)) from None
