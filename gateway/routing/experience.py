"""What a finished media job teaches: how long such work takes on a variant, and how much of a card. Decides nothing."""

from collections.abc import Callable

from backends.weights.activation import CONTEXT_BYTES
from backends.wire.media_job import Done
from gateway.routing.route import Candidate
from gateway.routing.table import RouteTable
from gateway.scheduling.demand import Demand
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.pace import Paces
from gateway.scheduling.replica import base_of
from gateway.scheduling.runtime import Runtime


class Experience:
    """One per process."""

    def __init__(self, runtime: Runtime, footprints: Footprints, table: Callable[[], RouteTable], paces: Paces) -> None:
        self._runtime = runtime
        self._footprints = footprints
        self._table = table
        self.paces = paces

    def note(self, candidate: Candidate, work: float, demand: Demand, done: Done) -> None:
        """The next job of its size is planned with it. Call while the lease is held: the card is looked up."""
        name = base_of(candidate.target.variant_id)
        self.paces.note(name, work, done.seconds)
        if not done.memory.device_peak_bytes:
            return
        occupant = self._runtime.scheduler.occupants.get(candidate.target.variant_id)
        cards = {device.id: device.name for device in self._runtime.scheduler.inventory.gpus}
        kind = next((cards[s.device_id] for s in occupant.shares if s.device_id in cards), None) if occupant else None
        if kind is not None:
            taken = done.memory.device_peak_bytes + CONTEXT_BYTES
            self._footprints.note(name, candidate.variant, taken, device=kind, demand=demand, peak=True)
            self._table().forget()  # routes hold the sizes they were planned with
