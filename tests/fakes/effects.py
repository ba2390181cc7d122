"""A world for the scheduler without tasks, processes or time: it records effects; loads and stops end on command."""

import itertools

from backends.contract import BackendState, DeviceShare
from backends.errors import BackendError, Cause
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.effects import Transition
from gateway.scheduling.limits import Limits
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.scheduler import Scheduler
from gateway.scheduling.target import Bed, Depth, RunsOn, Sleep, Target
from gateway.scheduling.ticket import Priority, Ticket

NO_HEADROOM = Policy(headroom_ratio=0.0, headroom_bytes=0)


def machine(*gib: float, foreign: float = 0.0) -> Inventory:
    """Devices ``gpu0``, ``gpu1``… of so many GiB; a single one is host RAM."""
    names = [HOST] if len(gib) == 1 else [f"gpu{i}" for i in range(len(gib))]
    return Inventory(
        tuple(
            Device(id=name, name=name, total_bytes=int(size * GIB), foreign_bytes=int(foreign * GIB))
            for name, size in zip(names, gib, strict=True)
        )
    )


def model(
    name: str,
    gib: float = 10.0,
    *,
    slots: int = 1,
    load_seconds: float = 30.0,
    pin: bool = False,
    managed: bool = True,
    idle_unload_seconds: float | None = None,
    host_gib: float = 0.0,
    split: int = 1,
    sleep: Sleep | None = None,
    runs_on: RunsOn = "gpu_else_cpu",
) -> Target:
    """A variant named ``name`` of a profile of the same name."""
    return Target(
        variant_id=name,
        profile_id=name,
        device_bytes=int(gib * GIB),
        slots=slots,
        load_seconds=load_seconds,
        pin=pin,
        managed=managed,
        idle_unload_seconds=idle_unload_seconds,
        host_bytes=int(host_gib * GIB),
        split=split,
        sleep=sleep,
        runs_on=runs_on,
    )


def bed(gib: float, wake_seconds: float = 2.0, kept_gib: float = 0.0, deep: Bed | None = None) -> Sleep:
    """Sleeps in so much host RAM."""
    return Sleep(wake_seconds=wake_seconds, host_bytes=int(gib * GIB), device_bytes=int(kept_gib * GIB), deep=deep)


def deep_bed(gib: float, wake_seconds: float = 8.0, kept_gib: float = 0.0) -> Bed:
    """Of its process only so much is left."""
    return Bed(wake_seconds=wake_seconds, host_bytes=int(gib * GIB), device_bytes=int(kept_gib * GIB))


class FakeEffects:
    """Implements ``Effects``; ``leases`` maps ticket ids to the occupant they run on."""

    def __init__(self) -> None:
        self.clock = 1000.0
        self.occupants_of: Scheduler | None = None
        self.started: list[str] = []
        self.placements: dict[str, Placement] = {}
        self.stopped: list[tuple[str, str]] = []
        self.starting: list[str] = []
        self.stopping: list[str] = []
        self.woken: list[str] = []
        self.slept: list[tuple[str, str]] = []
        self.falling_asleep: list[str] = []
        self.depths: dict[str, Depth] = {}
        self.granted: list[Ticket] = []
        self.refused: dict[int, BackendError] = {}
        self.gone: set[int] = set()
        self.leases: dict[int, Occupant] = {}
        self.transitions: list[Transition] = []

    def now(self) -> float:
        return self.clock

    def start(self, target: Target, placement: Placement) -> None:
        assert target.variant_id not in self.starting, "a load is started once"
        self.started.append(target.variant_id)
        self.starting.append(target.variant_id)
        self.placements[target.variant_id] = placement

    def wake(self, target: Target, placement: Placement) -> None:
        assert target.variant_id not in self.starting, "woken once"
        self.woken.append(target.variant_id)
        self.starting.append(target.variant_id)
        self.placements[target.variant_id] = placement

    def sleep(self, variant_id: str, depth: Depth, reason: str) -> None:
        assert variant_id not in self.falling_asleep, "put to sleep once"
        self.depths[variant_id] = depth
        self.slept.append((variant_id, reason))
        self.falling_asleep.append(variant_id)

    def stop(self, variant_id: str, reason: str) -> None:
        assert variant_id not in self.starting, "a load cannot be stopped, only its resident"
        assert variant_id not in self.stopping, "asked to stop once"
        self.stopped.append((variant_id, reason))
        self.stopping.append(variant_id)

    def grant(self, ticket: Ticket, variant_id: str) -> bool:
        assert self.occupants_of is not None
        assert ticket.id not in self.leases, "granted twice"
        assert variant_id in {choice.variant_id for choice in ticket.choices}, "one of those that would do"
        if ticket.id in self.gone:
            return False
        occupant = self.occupants_of.occupants.get(variant_id)
        assert occupant is not None, "a grant is for a resident"
        assert occupant.state is BackendState.READY, "a grant is for a ready resident"
        self.granted.append(ticket)
        self.leases[ticket.id] = occupant
        return True

    def refuse(self, ticket: Ticket, error: BackendError) -> None:
        assert ticket.id not in self.refused, "refused twice"
        self.refused[ticket.id] = error

    def record(self, transition: Transition) -> None:
        self.transitions.append(transition)


class Stage:
    """A scheduler on a fake machine, and the verbs of a test: ask, load, stop, give back, pass time."""

    def __init__(
        self, inventory: Inventory | None = None, limits: Limits | None = None, policy: Policy = NO_HEADROOM
    ) -> None:
        self.effects = FakeEffects()
        self.scheduler = Scheduler(self.effects, inventory or machine(10), policy, limits or Limits())
        self.effects.occupants_of = self.scheduler
        self._ids = itertools.count(1)

    # --- requests -------------------------------------------------------------------------------------------------

    def ask(
        self,
        target: Target,
        *alternatives: Target,
        timeout: float = 600.0,
        key: str = "k",
        priority: Priority = Priority.INTERACTIVE,
        cost: float | None = None,
    ) -> Ticket:
        ticket = Ticket(
            id=next(self._ids),
            target=target,
            alternatives=alternatives,
            key=key,
            enqueued=self.effects.clock,
            deadline=self.effects.clock + timeout,
            priority=priority,
            cost=cost,
        )
        self.scheduler.on_request(ticket)
        return ticket

    def give_back(self, ticket: Ticket, held: float = 1.0) -> None:
        self.scheduler.on_released(self.effects.leases.pop(ticket.id), held)

    def is_granted(self, ticket: Ticket) -> bool:
        return ticket in self.effects.granted

    def error(self, ticket: Ticket) -> BackendError:
        return self.effects.refused[ticket.id]

    # --- engines --------------------------------------------------------------------------------------------------

    def loaded(self, name: str, measured: tuple[DeviceShare, ...] = ()) -> None:
        self.effects.starting.remove(name)
        self.scheduler.on_loaded(name, measured)

    def failed(self, name: str, cause: Cause = Cause.LOAD_FAILED) -> None:
        self.effects.starting.remove(name)
        self.scheduler.on_load_failed(name, BackendError(cause, f"{name} did not start", private="tail"))

    def asleep(self, name: str) -> None:
        self.effects.falling_asleep.remove(name)
        self.scheduler.on_slept(name)

    def gone(self, name: str) -> None:
        self.effects.stopping.remove(name)
        self.scheduler.on_stopped(name)

    def resident(self, target: Target) -> None:
        """Brings it in, used once and idle."""
        ticket = self.ask(target)
        while not self.is_granted(ticket):
            if target.variant_id in self.effects.starting:
                self.loaded(target.variant_id)
            elif self.effects.falling_asleep:
                self.asleep(self.effects.falling_asleep[0])
            else:
                self.gone(self.effects.stopping[0])
        self.give_back(ticket)

    def settle(self) -> None:
        """Everything that is on its way arrives."""
        while self.effects.stopping or self.effects.starting or self.effects.falling_asleep:
            for name in tuple(self.effects.falling_asleep):
                self.asleep(name)
            for name in tuple(self.effects.stopping):
                self.gone(name)
            for name in tuple(self.effects.starting):
                self.loaded(name)

    def running(self, target: Target, count: int = 1) -> list[Ticket]:
        """So many requests that run on a resident of ``target``, whose turn for those who waited is over."""
        first = [self.ask(target) for _ in range(count)]
        self.settle()
        return first

    # --- time and views -------------------------------------------------------------------------------------------

    def tick(self, seconds: float = 1.0) -> None:
        self.effects.clock += seconds
        self.scheduler.on_tick()

    def state(self, name: str) -> BackendState | None:
        occupant = self.scheduler.occupants.get(name)
        return None if occupant is None else occupant.state

    @property
    def stops(self) -> list[str]:
        return [name for name, _ in self.effects.stopped]
