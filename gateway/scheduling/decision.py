"""What placement may decide for one request. Data only; bytes and seconds. ``why`` is for people."""

from typing import Literal

from msgspec import Struct

from backends.contract import DeviceShare
from backends.errors import Cause

Step = Literal["load", "wake", "grow", "sleep"]


class Placement(Struct, frozen=True, kw_only=True):
    """Which devices a variant gets, and how it gets there.

    ``evict`` are stopped first, ``sleep`` put to sleep first, ``deep`` into the deep sleep; ``after`` leave already.
    ``price`` is what bringing the leavers back will cost, in seconds, by expectation. ``step``: loaded anew, woken, or
    made larger in its place.
    """

    variant_id: str
    shares: tuple[DeviceShare, ...]
    evict: tuple[str, ...] = ()
    sleep: tuple[str, ...] = ()
    deep: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: Step = "load"
    price: float = 0.0
    why: str = ""

    @property
    def leavers(self) -> tuple[str, ...]:
        """Everybody whose memory it waits for."""
        return (*self.evict, *self.sleep, *self.deep, *self.after)


class Serve(Struct, frozen=True, tag=True):
    """Ready, with a free slot."""


class Join(Struct, frozen=True, tag=True):
    """Being loaded, or all slots busy: wait for it, nothing else has to happen."""


class Load(Struct, frozen=True, tag=True):
    """Start, wake or enlarge it at ``placement``, once those who leave for it have left."""

    placement: Placement


class Restart(Struct, frozen=True, tag=True):
    """It sleeps where there is no room to wake, and there is room elsewhere: stop it, then load it there."""

    why: str


class Wait(Struct, frozen=True, tag=True):
    """Memory will come: ``behind`` are the residents that stand in the way. ``shares`` is where it would go."""

    behind: tuple[str, ...]
    why: str
    shares: tuple[DeviceShare, ...] = ()
    seconds: float = 0.0


class Refuse(Struct, frozen=True, tag=True):
    """It will never fit as things are; ``detail`` says the numbers."""

    cause: Cause
    detail: str


Decision = Serve | Join | Load | Restart | Wait | Refuse
