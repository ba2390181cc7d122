"""What a policy under simulation is: the events of the scheduler. Types, and the adapter of the real one."""

from collections.abc import Callable
from typing import Protocol

from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Effects
from gateway.scheduling.limits import Limits
from gateway.scheduling.policy import Policy
from gateway.scheduling.scheduler import Scheduler
from gateway.scheduling.ticket import Ticket

GiveBack = Callable[[float], None]
_NO_BOUND = 10**9


class Subject(Protocol):
    """Told what happens, acts through ``Effects``."""

    def on_request(self, ticket: Ticket) -> None: ...

    def on_loaded(self, variant_id: str) -> None: ...

    def on_slept(self, variant_id: str) -> None: ...

    def on_stopped(self, variant_id: str) -> None: ...

    def on_tick(self) -> None: ...

    def lease(self, variant_id: str) -> GiveBack:
        """How the lease just granted is given back, after so many seconds."""
        ...


Make = Callable[[Effects, Inventory], Subject]


class Forebay:
    """The scheduler that serves in production."""

    def __init__(self, effects: Effects, inventory: Inventory) -> None:
        self._scheduler = Scheduler(effects, inventory, Policy(), Limits(queue_size=_NO_BOUND))
        self.on_request = self._scheduler.on_request
        self.on_slept = self._scheduler.on_slept
        self.on_stopped = self._scheduler.on_stopped
        self.on_tick = self._scheduler.on_tick

    def on_loaded(self, variant_id: str) -> None:
        self._scheduler.on_loaded(variant_id)

    def lease(self, variant_id: str) -> GiveBack:
        occupant = self._scheduler.occupants.get(variant_id)
        assert occupant is not None, "a grant is for a resident"
        return lambda held: self._scheduler.on_released(occupant, held)
