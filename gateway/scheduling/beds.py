"""Beds in host RAM for those who have to leave: how each of them may sleep, and whom that would cost a bed. Pure.

Bytes; prices in seconds.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from gateway.scheduling.device import HOST
from gateway.scheduling.policy import Policy
from gateway.scheduling.price import beds_of, price_of
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Bed, Depth


class Way(Struct, frozen=True):
    """How one may leave: ``depth`` asleep or stopped, and who gives up a bed for it. ``price`` of all of that."""

    price: float
    depth: Depth | None = None
    bed: Bed | None = None
    wanted: int = 0
    out: tuple[Resident, ...] = ()


class Beds:
    """Host RAM that is free or held by sleepers who may be stopped, the cheapest first; given out one by one."""

    def __init__(self, spare: int, sleepers: Sequence[Resident], policy: Policy, now: float) -> None:
        self.spare = spare
        self._policy = policy
        self._now = now
        self._sleepers = sorted(sleepers, key=lambda r: (self._price(r), r.variant_id))

    def ways(self, resident: Resident, surplus: Mapping[str, int]) -> list[Way]:
        """Everything that is possible for it; what it keeps on its devices must be of the ``surplus`` there."""
        found = [Way(self._price(resident))]
        for depth, bed in beds_of(resident):
            if any(surplus[s.device_id] < bed.device_bytes for s in resident.shares if s.device_id in surplus):
                continue
            wanted = bed.host_bytes - resident.held(HOST)
            out: list[Resident] = []
            while self._with(out) < wanted and len(out) < len(self._sleepers):
                out.append(self._sleepers[len(out)])
            if self._with(out) >= wanted:
                price = sum(map(self._price, out)) + price_of(resident, self._policy, self._now, asleep=depth)
                found.append(Way(price, depth, bed, wanted, tuple(out)))
        return found

    def take(self, way: Way) -> None:
        """Its bed is used from now on."""
        self.spare = self._with(way.out) - way.wanted
        self._sleepers = self._sleepers[len(way.out) :]

    def _with(self, out: Sequence[Resident]) -> int:
        return self.spare + sum(r.held(HOST) for r in out)

    def _price(self, resident: Resident) -> float:
        return price_of(resident, self._policy, self._now)
