"""How residents come and go: the steps between states, each recorded, each asked of ``Effects`` once.

Part of the scheduler's single writer; it never decides who gets memory, it carries a decision out.
"""

from collections.abc import Iterable

from backends.contract import BackendState, DeviceShare
from gateway.scheduling import bed
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST
from gateway.scheduling.effects import Effects, Transition
from gateway.scheduling.journal import Entry, Journal, Kind
from gateway.scheduling.occupants import Occupant, Occupants
from gateway.scheduling.queue import TicketQueue
from gateway.scheduling.resident import bytes_on
from gateway.scheduling.target import Depth, Target


class Lifecycle:
    """Acts on the scheduler's own occupants and queue."""

    def __init__(self, effects: Effects, occupants: Occupants, queue: TicketQueue, journal: Journal) -> None:
        self._effects = effects
        self._occupants = occupants
        self._queue = queue
        self._journal = journal

    def begin(self, target: Target, placement: Placement) -> None:
        """Reserves memory, asks those who leave to leave, and takes the step as soon as they are gone."""
        occupant = self._reserve(target, placement)
        occupant.awaiting = set(placement.leavers)
        occupant.step = placement.step
        for name in placement.evict:
            if (victim := self._occupants.get(name)) is not None:
                self.stop(victim, f"makes room for {target.variant_id}")
        to_bed: tuple[tuple[Depth, tuple[str, ...]], ...] = (("light", placement.sleep), ("deep", placement.deep))
        for depth, names in to_bed:
            for name in names:
                if (victim := self._occupants.get(name)) is not None:
                    self.put_to_sleep(victim, depth, f"makes room for {target.variant_id}", placement.evict)
        self.step_if_clear(occupant)

    def _reserve(self, target: Target, placement: Placement) -> Occupant:
        now = self._effects.now()
        there = self._occupants.get(target.variant_id)
        if there is None:
            there = Occupant(
                target=target, placement=placement, state=BackendState.STARTING, since=now,
                shares=placement.shares, pinned=target.pin,
            )  # fmt: skip
            self._occupants.add(there)
            return there
        there.placement = placement
        there.target = target
        if placement.step == "wake":
            there.state = BackendState.STARTING
            there.shares = bed.both(there.shares, placement.shares)
        else:
            there.shares = placement.shares
        return there

    def step_if_clear(self, occupant: Occupant) -> None:
        """Takes the step that waited for others. A load nobody waits for any more is never started."""
        if occupant.awaiting or occupant.step is None:
            return
        step, occupant.step = occupant.step, None
        name = occupant.target.variant_id
        if step == "grow":
            return
        if step == "sleep":
            self._effects.sleep(name, occupant.depth, "makes room")
            return
        if not self._queue.count(name):
            # Nothing to record: as far as anybody was told, it is still stopped, or asleep.
            if step == "wake":
                occupant.state = BackendState.SLEEPING
                occupant.shares = _asleep(occupant)
            else:
                self._occupants.remove(name)
            return
        occupant.since = self._effects.now()
        before = BackendState.SLEEPING if step == "wake" else BackendState.STOPPED
        self._record(occupant, before, BackendState.STARTING, "requested")
        if step == "wake":
            self._effects.wake(occupant.target, occupant.placement)
        else:
            self._effects.start(occupant.target, occupant.placement)

    def gone(self, name: str) -> None:
        """Its memory is back: whoever waited for it goes on."""
        for waiting in self._occupants:
            if name in waiting.awaiting:
                waiting.awaiting.discard(name)
                self.step_if_clear(waiting)

    def retry_alone(self, occupant: Occupant) -> bool:
        """After out of memory, once: every resident at rest on its devices leaves, then the load begins again.

        False when nobody can leave, or nobody waits for it any more.
        """
        name = occupant.target.variant_id
        if occupant.oom_retried or not self._queue.count(name):
            return False
        devices = {share.device_id for share in occupant.placement.shares}
        others = [
            o for o in self._occupants
            if o is not occupant and o.target.managed and any(s.device_id in devices for s in o.shares)
        ]  # fmt: skip
        victims = [o for o in others if self.is_idle(o)]
        occupant.awaiting = {o.target.variant_id for o in others if o in victims or o.state is BackendState.STOPPING}
        if not occupant.awaiting:
            return False
        occupant.oom_retried = True
        occupant.step = "load"
        occupant.shares = occupant.placement.shares
        self._record(occupant, BackendState.STARTING, BackendState.STOPPED, "out of memory, tried again alone")
        for victim in victims:
            self.stop(victim, f"{name} ran out of memory")
        return True

    def stop(self, occupant: Occupant, reason: str) -> None:
        """Leaves memory; ``on_stopped`` follows when the bytes are back."""
        self._note(occupant, "stop", reason)
        self.move(occupant, BackendState.STOPPING, reason)
        occupant.leaving = occupant.shares
        occupant.step = None
        occupant.awaiting = set()
        self._effects.stop(occupant.target.variant_id, reason)

    def put_to_sleep(self, occupant: Occupant, depth: Depth, reason: str, after: Iterable[str] = ()) -> None:
        """Off its devices, when who of ``after`` sleeps in host RAM has left it; ``on_slept`` follows. For those at
        rest that can sleep.
        """
        reason = reason if depth == "light" else f"{reason}, deeply"
        self._note(occupant, "sleep", reason)
        self.move(occupant, BackendState.STOPPING, reason)
        occupant.depth = depth
        occupant.awake = occupant.shares
        asleep = _asleep(occupant)
        occupant.leaving = bed.less(occupant.awake, asleep)
        occupant.shares = bed.both(occupant.awake, asleep)
        occupant.awaiting = {name for name in after if self._sleeps(name)}
        occupant.step = "sleep"
        self.step_if_clear(occupant)

    def slept(self, occupant: Occupant) -> None:
        """It sleeps now; its devices are free."""
        occupant.shares = _asleep(occupant)
        occupant.leaving = ()
        self.move(occupant, BackendState.SLEEPING, "asleep")
        self.gone(occupant.target.variant_id)

    def woken(self, occupant: Occupant, measured: tuple[DeviceShare, ...]) -> None:
        """It takes calls, loaded or woken; ``gate`` counts who waits for that."""
        occupant.shares = measured or occupant.placement.shares
        occupant.last_used = self._effects.now()
        occupant.served = 0
        occupant.gate = self._queue.count(occupant.target.variant_id)
        self.move(occupant, BackendState.READY, "loaded")

    def bury(self, occupant: Occupant, reason: str) -> None:
        """It ended by itself, but its bytes are free only once all its processes are gone: ``on_stopped`` says when.

        What it leaves is another occupant, so that leases of the dead engine hold nobody up.
        """
        self.move(occupant, BackendState.FAILED, reason)
        remains = Occupant(
            target=occupant.target,
            placement=occupant.placement,
            state=BackendState.FAILED,
            since=occupant.since,
            shares=occupant.shares,
        )
        self._occupants.add(remains)
        self.stop(remains, reason)

    def move(self, occupant: Occupant, state: BackendState, reason: str) -> None:
        """Changes the state and records it."""
        before, occupant.state = occupant.state, state
        occupant.since = self._effects.now()
        self._record(occupant, before, state, reason)

    def is_idle(self, occupant: Occupant) -> bool:
        """At rest, awake or asleep, and nobody waits for it; pinned ones are never idle."""
        still = occupant.state is BackendState.SLEEPING or (
            occupant.state is BackendState.READY and not occupant.in_flight and not occupant.awaiting
        )
        return still and not occupant.pinned and not self._queue.count(occupant.target.variant_id)

    def _sleeps(self, name: str) -> bool:
        occupant = self._occupants.get(name)
        return occupant is not None and occupant.state is BackendState.STOPPING and bytes_on(occupant.shares, HOST) > 0

    def _note(self, occupant: Occupant, kind: Kind, reason: str) -> None:
        target = occupant.target
        self._journal.note(
            Entry(at=self._effects.now(), kind=kind, model=target.profile_id, variant_id=target.variant_id, why=reason)
        )

    def _record(self, occupant: Occupant, before: BackendState, after: BackendState, reason: str) -> None:
        target = occupant.target
        self._effects.record(
            Transition(
                variant_id=target.variant_id, profile_id=target.profile_id, before=before, after=after, reason=reason
            )
        )


def _asleep(occupant: Occupant) -> tuple[DeviceShare, ...]:
    how = occupant.target.sleep
    return occupant.shares if how is None else bed.asleep(occupant.awake, how.bed(occupant.depth))
