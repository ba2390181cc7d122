"""The scheduler's only window on the world. Production, tests and the simulator each implement it.

Every call returns at once: slow work is started here and reported back to the scheduler as an event.
"""

from typing import Protocol

from msgspec import Struct

from backends.contract import BackendState
from backends.errors import BackendError
from gateway.scheduling.decision import Placement
from gateway.scheduling.target import Depth, Target
from gateway.scheduling.ticket import Ticket


class Transition(Struct, frozen=True, kw_only=True):
    """A change of a resident's state and why, for logs and metrics."""

    variant_id: str
    profile_id: str
    before: BackendState
    after: BackendState
    reason: str


class Effects(Protocol):
    """Eight verbs."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def start(self, target: Target, placement: Placement) -> None:
        """Begin to load; ends in ``on_loaded`` or ``on_load_failed``."""
        ...

    def wake(self, target: Target, placement: Placement) -> None:
        """Begin to wake what sleeps; ends in ``on_loaded`` or ``on_load_failed``."""
        ...

    def sleep(self, variant_id: str, depth: Depth, reason: str) -> None:
        """Begin to put it to sleep, so deep; ends in ``on_slept``, or in ``on_stopped`` when it cannot."""
        ...

    def stop(self, variant_id: str, reason: str) -> None:
        """Begin to stop, or to clear away what ended by itself; ends in ``on_stopped``, after the memory is back."""
        ...

    def grant(self, ticket: Ticket, variant_id: str) -> bool:
        """Wake the waiter with a lease of that variant; false when it is no longer there to take it."""
        ...

    def refuse(self, ticket: Ticket, error: BackendError) -> None:
        """Wake the waiter with an error."""
        ...

    def record(self, transition: Transition) -> None:
        """Note a transition."""
        ...
