"""The one pure function that decides about memory: ``decide(target, residents, inventory, policy, now)``.

No I/O, no clock, no logging: it is asked speculatively. Residents include loads in flight with their reserved bytes,
so that two loads never both believe the memory is free. Rules are tried in order; each is a function below.
"""

from collections.abc import Sequence

from backends.contract import BackendState
from backends.errors import Cause
from gateway.scheduling.books import Books
from gateway.scheduling.decision import Decision, Join, Load, Placement, Refuse, Restart, Serve, Step, Wait
from gateway.scheduling.device import Inventory
from gateway.scheduling.eviction import Leavers, cheapest, leavers
from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.resident import Resident, bytes_on
from gateway.scheduling.spots import Spot, back_in_place, grown, spots
from gateway.scheduling.target import Target

_SECONDS_PER_BYTE = 1e-15
"""Breaks ties between waits of the same length: the fewest bytes."""


def decide(target: Target, residents: Sequence[Resident], inventory: Inventory, policy: Policy, now: float) -> Decision:
    """What to do for ``target``, given everything that occupies memory. Same inputs, same output."""
    own = next((r for r in residents if r.variant_id == target.variant_id), None)
    if own is not None and own.state not in (BackendState.READY, BackendState.SLEEPING):
        return Join()
    if own is not None and own.state is BackendState.READY and not _must_grow(target, own):
        return Serve() if not own.yielding and own.in_flight < own.slots else Join()
    if not target.managed:
        return Load(Placement(variant_id=target.variant_id, shares=(), why="served by somebody else's process"))
    return _Question(target, own, residents, inventory, policy, now).answer()


def could_hold(target: Target, inventory: Inventory, policy: Policy) -> bool:
    """Whether this machine has a place for ``target`` when nobody else is there."""
    return not target.managed or bool(spots(target, inventory, Books((), inventory, policy)))


class _Question:
    """One decision's inputs, added up once."""

    def __init__(
        self,
        target: Target,
        own: Resident | None,
        residents: Sequence[Resident],
        inventory: Inventory,
        policy: Policy,
        now: float,
    ) -> None:
        self.target = target
        self.own = own
        self.others = [r for r in residents if r is not own]
        self.inventory = inventory
        self.policy = policy
        self.now = now
        self.books = Books(residents, inventory, policy)

    def answer(self) -> Decision:
        """The first rule that has one."""
        if self.own is not None:
            return self._in_place(self.own)
        anywhere = spots(self.target, self.inventory, self.books)
        if not anywhere:
            return self._cannot_fit()
        return self._beside(anywhere) or self._by_eviction(anywhere) or self._behind(anywhere)

    def _in_place(self, own: Resident) -> Decision:
        """It is there, asleep or too small for this request."""
        asleep = own.state is BackendState.SLEEPING
        spot = back_in_place(own, own.awake if asleep else grown(self.target, own))
        step: Step = "wake" if asleep else "grow"
        if any(self.books.usable.get(share.device_id, 0) < share.bytes for share in spot.shares):
            return Restart("its device is gone") if asleep else self._cannot_fit()
        if not asleep and own.in_flight >= own.slots:
            return Join()
        here = self._beside([spot], step)
        if here is not None:
            return here
        if asleep and self._beside(spots(self.target, self.inventory, self.books)) is not None:
            return Restart("there is no room where it sleeps, and there is elsewhere")
        return self._by_eviction([spot], step) or self._behind([spot])

    def _cannot_fit(self) -> Refuse:
        largest = max(self.books.usable.values(), default=0)
        needs = self.target.device_bytes
        split = f" on any {self.target.split} of them" if self.target.split > 1 else ""
        return Refuse(
            Cause.CANNOT_FIT,
            f"{self.target.variant_id} needs {needs / GIB:.2f} GiB{self._host_words()} and the largest device here "
            f"can give {largest / GIB:.2f} GiB{split}",
        )

    def _host_words(self) -> str:
        return f" and {self.target.host_bytes / GIB:.2f} GiB of host RAM" if self.target.host_bytes else ""

    def _beside(self, anywhere: Sequence[Spot], step: Step = "load") -> Load | None:
        """It fits beside everybody: where least is left over, so that large holes stay; cards before host RAM."""
        best: tuple[bool, int, Spot] | None = None
        for spot in anywhere:
            if not self.books.has(spot.needs):
                continue
            on_host = all(device_id not in self._gpu_ids() for device_id in spot.needs)
            left = sum(self.books.free[d] - n for d, n in spot.needs.items() if on_host or d in self._gpu_ids())
            if best is None or (on_host, left) < best[:2]:
                best = (on_host, left, spot)
        if best is None:
            return None
        spot = best[2]
        free = sum(self.books.free[d] for d in spot.needs if best[0] or d in self._gpu_ids())
        takes = sum(n for d, n in spot.needs.items() if best[0] or d in self._gpu_ids())
        return Load(self._placement(spot, step, f"{free / GIB:.2f} GiB free on {spot.where}, needs {takes / GIB:.2f}"))

    def _gpu_ids(self) -> frozenset[str]:
        return frozenset(device.id for device in self.inventory.gpus)

    def _by_eviction(self, anywhere: Sequence[Spot], step: Step = "load") -> Load | None:
        """Idle residents leave, the cheapest to bring back; never a busy, starting or pinned one."""
        best: tuple[float, int, Spot, Leavers] | None = None
        for order, spot in enumerate(anywhere):
            missing = self.books.missing(spot.needs)
            found = leavers(self.target.variant_id, missing, self.books, spot.needs, self.policy, self.now)
            if found is not None and (best is None or (found.price, order) < best[:2]):
                best = (found.price, order, spot, found)
        if best is None:
            return None
        _, _, spot, found = best
        after = tuple(r.variant_id for r in self.others if any(bytes_on(r.leaving, d) > 0 for d in spot.needs))
        how = [f"unloading {', '.join((*found.stop, *after))}"] if found.stop or after else []
        how += [f"putting {', '.join(found.sleep)} to sleep"] if found.sleep else []
        how += [f"putting {', '.join(found.deep)} to sleep deeply"] if found.deep else []
        return Load(self._placement(spot, step, f"makes room on {spot.where} by {' and '.join(how)}", found, after))

    def _behind(self, anywhere: Sequence[Spot]) -> Decision:
        """Waiting only helps where enough is held by residents that will leave one day: whom it is worth waiting for.

        Those who may be asked to leave (not ``owed``) if they are enough, else everybody in the way.
        """
        plans = [plan for spot in anywhere for plan in self._drains(spot)]
        if not plans:
            name = self.target.variant_id
            return Refuse(Cause.NO_CAPACITY, f"memory that {name} needs is held by pinned models")
        _, seconds, spot, behind = min(plans, key=lambda plan: plan[:2])
        leaving = tuple(r.variant_id for r in self.others if any(bytes_on(r.leaving, d) > 0 for d in spot.needs))
        names = tuple(dict.fromkeys((*(r.variant_id for r in behind), *leaving)))
        return Wait(names, f"waiting for {', '.join(names)}", spot.shares, seconds)

    def _drains(self, spot: Spot) -> list[tuple[bool, float, Spot, tuple[Resident, ...]]]:
        missing = self.books.missing(spot.needs)
        stay = [r for r in self.others if not r.pinned and r.state is not BackendState.STOPPING]
        for owed in (False, True):
            among = [r for r in stay if owed or not r.owed]
            found = cheapest(missing, among, lambda r: r.busy + _SECONDS_PER_BYTE * sum(s.bytes for s in r.shares))
            if found is not None:
                seconds = max((r.busy for r in found), default=0.0)
                return [(owed, seconds, spot, found if not owed else self._in_the_way(spot, stay))]
        return []

    def _in_the_way(self, spot: Spot, stay: Sequence[Resident]) -> tuple[Resident, ...]:
        return tuple(r for r in stay if any(r.held(device_id) > 0 for device_id in spot.needs))

    def _placement(
        self, spot: Spot, step: Step, why: str, leave: Leavers | None = None, after: tuple[str, ...] = ()
    ) -> Placement:
        gone = leave or Leavers()
        return Placement(
            variant_id=self.target.variant_id,
            shares=spot.shares,
            evict=gone.stop,
            sleep=gone.sleep,
            deep=gone.deep,
            after=after,
            step=step,
            price=gone.price,
            why=why,
        )


def _must_grow(target: Target, own: Resident) -> bool:
    """This request needs more than was reserved when it was loaded: a larger picture, a longer clip."""
    if target.fixed or own.planned is None:
        return False
    return target.device_bytes > own.planned[0] or target.host_bytes > own.planned[1]
