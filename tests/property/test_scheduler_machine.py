"""Any sequence of events: the scheduler never grants twice, over-commits, loses a request or holds one up."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backends.contract import BackendState, DeviceShare
from backends.errors import Cause
from gateway.scheduling.decision import Load, Placement, Refuse, Serve
from gateway.scheduling.device import Device, Inventory
from gateway.scheduling.limits import Limits
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import GIB
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Ticket, TicketState
from tests.fakes.effects import NO_HEADROOM, FakeEffects, Stage, machine, model

MODELS = (
    model("a", 10, slots=1),
    model("b", 10, slots=2, load_seconds=5),
    model("c", 4, slots=2),
    model("d", 6, slots=1, idle_unload_seconds=20),
    model("e", 16, slots=3),
    model("p", 3, slots=1, pin=True),
    model("r", 99, slots=2, managed=False),
)
MAX_BYPASS = 2
MACHINES = (machine(16), machine(10, 10), machine(20, 6), machine(9), machine(8, 4), Inventory(()))


class Watched(FakeEffects):
    """Checks each effect at the moment it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0
        self.decided: dict[int, int] = {}

    def start(self, target: Target, placement: Placement) -> None:
        super().start(target, placement)
        assert self.occupants_of is not None
        scheduler = self.occupants_of
        occupant = scheduler.occupants.get(target.variant_id)
        assert occupant is not None
        assert not occupant.awaiting, "not before its victims are gone"
        assert scheduler.queue.count(target.variant_id), "not for nobody"
        if self.decided.get(id(occupant), self.epoch) == self.epoch and not occupant.oom_retried:
            for share in placement.shares:
                there = [o for o in scheduler.occupants if not o.awaiting]
                present = sum(s.bytes for o in there for s in o.shares if s.device_id == share.device_id)
                assert present <= usable(scheduler.inventory, share.device_id), "memory is free when a load begins"

    def stop(self, variant_id: str, reason: str) -> None:
        super().stop(variant_id, reason)
        assert self.occupants_of is not None
        occupant = self.occupants_of.occupants.get(variant_id)
        assert occupant is not None
        assert occupant.in_flight == 0, "nothing that runs is cut"
        assert not occupant.pinned, "pins hold until the operator says otherwise"
        if reason == "idle":
            assert not self.occupants_of.queue.count(variant_id)


def usable(inventory: Inventory, device_id: str) -> int:
    device = inventory.get(device_id)
    return 0 if device is None else NO_HEADROOM.usable(device)


class SchedulerMachine(RuleBasedStateMachine):
    """``direct`` are leases of the fast path; ``tickets`` is everything that was ever asked."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.tickets: list[Ticket] = []
        self.direct: list[Occupant] = []
        self.known: set[int] = set()
        self.keep: list[Occupant] = []
        self.drained = False

    @initialize(inventory=st.sampled_from(MACHINES[:3]))
    def begin(self, inventory: Inventory) -> None:
        self.stage = Stage(inventory, Limits(queue_size=4, max_bypass=MAX_BYPASS, idle_unload=60.0))
        self.watched = Watched()
        self.stage.effects = self.watched
        self.stage.scheduler = type(self.stage.scheduler)(
            self.watched, inventory, NO_HEADROOM, Limits(queue_size=4, max_bypass=MAX_BYPASS, idle_unload=60.0)
        )
        self.watched.occupants_of = self.stage.scheduler

    # --- requests -------------------------------------------------------------------------------------------------

    @rule(wanted=st.sampled_from(MODELS), timeout=st.sampled_from((1e6, 1e6, 30.0)))
    def ask(self, wanted: Target, timeout: float) -> None:
        self.tickets.append(self.stage.ask(wanted, timeout))

    @rule(wanted=st.sampled_from(MODELS), count=st.integers(2, 5))
    def ask_often(self, wanted: Target, count: int) -> None:
        for _ in range(count):
            self.ask(wanted, 1e6)

    @rule(wanted=st.sampled_from(MODELS))
    def grant_now(self, wanted: Target) -> None:
        occupant = self.stage.scheduler.grant_now(wanted)
        if occupant is not None:
            assert occupant is self.stage.scheduler.occupants.get(wanted.variant_id)
            self.direct.append(occupant)

    @precondition(lambda self: bool(len(self.stage.scheduler.queue)))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.stage.scheduler.on_cancel(data.draw(st.sampled_from(list(self.stage.scheduler.queue))))

    @precondition(lambda self: bool(len(self.stage.scheduler.queue)))
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """The waiter's task is being cancelled: it cannot take a grant, and says so a moment later."""
        self.watched.gone.add(data.draw(st.sampled_from(list(self.stage.scheduler.queue))).id)

    @precondition(lambda self: bool(self.tickets))
    @rule(data=st.data())
    def cancel_late(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.tickets))
        if ticket.state is not TicketState.WAITING:
            before = ticket.state
            self.stage.scheduler.on_cancel(ticket)
            assert ticket.state is before

    @precondition(lambda self: bool(self.watched.leases))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.watched.leases)))
        self.stage.scheduler.on_released(self.watched.leases.pop(number), 2.0)

    @precondition(lambda self: bool(self.direct))
    @rule(data=st.data())
    def release_direct(self, data: st.DataObject) -> None:
        self.stage.scheduler.on_released(self.direct.pop(data.draw(st.integers(0, len(self.direct) - 1))), 1.0)

    # --- engines --------------------------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.watched.starting))
    @rule(data=st.data(), grown=st.sampled_from((0, 0, 0, 2)))
    def loaded(self, data: st.DataObject, grown: int) -> None:
        name = data.draw(st.sampled_from(self.watched.starting))
        shares = self.watched.placements[name].shares if grown else ()
        self.watched.epoch += bool(grown)
        self.stage.loaded(name, tuple(DeviceShare(s.device_id, s.bytes + grown * GIB) for s in shares))

    @precondition(lambda self: bool(self.watched.starting))
    @rule(data=st.data(), cause=st.sampled_from((Cause.LOAD_FAILED, Cause.OUT_OF_MEMORY, Cause.OUT_OF_MEMORY)))
    def failed(self, data: st.DataObject, cause: Cause) -> None:
        self.stage.failed(data.draw(st.sampled_from(self.watched.starting)), cause)

    @precondition(lambda self: any(o.state is BackendState.READY for o in self.stage.scheduler.occupants))
    @rule(data=st.data())
    def exits(self, data: st.DataObject) -> None:
        ready = [o.target.variant_id for o in self.stage.scheduler.occupants if o.state is BackendState.READY]
        self.stage.scheduler.on_exited(data.draw(st.sampled_from(ready)), "signal 9")

    @precondition(lambda self: bool(self.watched.stopping))
    @rule(data=st.data(), noisy=st.booleans())
    def stopped(self, data: st.DataObject, noisy: bool) -> None:
        name = data.draw(st.sampled_from(self.watched.stopping))
        if noisy:
            self.stage.scheduler.on_exited(name, "signal 15")
        self.stage.gone(name)

    # --- the operator, the machine and the clock ------------------------------------------------------------------

    @rule(wanted=st.sampled_from(MODELS))
    def unload(self, wanted: Target) -> None:
        self.stage.scheduler.on_unload(wanted.variant_id)

    @rule(wanted=st.sampled_from(MODELS), pinned=st.booleans())
    def pin(self, wanted: Target, pinned: bool) -> None:
        self.stage.scheduler.on_pin(wanted.variant_id, pinned=pinned)

    @rule(inventory=st.sampled_from(MACHINES), foreign=st.sampled_from((0, 0, 3)))
    def probe(self, inventory: Inventory, foreign: int) -> None:
        self.watched.epoch += 1
        self.stage.scheduler.on_inventory(
            Inventory(
                tuple(
                    Device(id=d.id, name=d.name, total_bytes=d.total_bytes, foreign_bytes=foreign * GIB)
                    for d in inventory.devices
                )
            )
        )

    @rule(seconds=st.sampled_from((0.0, 1.0, 25.0, 70.0)))
    def tick(self, seconds: float) -> None:
        self.stage.tick(seconds)

    @precondition(lambda self: len(self.tickets) > 12)
    @rule()
    def drain(self) -> None:
        self.drained = True
        self.stage.scheduler.on_drain()

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def leases_are_counted(self) -> None:
        held = [*self.watched.leases.values(), *self.direct]
        for occupant in self.stage.scheduler.occupants:
            assert occupant.in_flight == sum(1 for lease in held if lease is occupant)
            assert 0 <= occupant.in_flight <= occupant.target.slots
        for occupant in held:
            assert occupant.in_flight >= 1, "also when its engine is dead"

    @invariant()
    def tickets_are_in_one_place(self) -> None:
        queue = self.stage.scheduler.queue
        assert len(queue) == sum(1 for t in self.tickets if t.state is TicketState.WAITING)
        granted = {t.id for t in self.watched.granted}
        for ticket in self.tickets:
            assert (ticket in queue) == (ticket.state is TicketState.WAITING)
            assert (ticket.id in granted) == (ticket.state is TicketState.GRANTED)
            assert (ticket.id in self.watched.refused) == (ticket.state is TicketState.REFUSED)
        if self.drained:
            assert len(queue) == 0
        for target in MODELS:
            assert queue.count(target.variant_id) == len(queue.of(target.variant_id)) <= 4

    @invariant()
    def states_match_the_work_under_way(self) -> None:
        occupants = list(self.stage.scheduler.occupants)
        stopping = {o.target.variant_id for o in occupants if o.state is BackendState.STOPPING}
        assert stopping == set(self.watched.stopping)
        begun = {o.target.variant_id for o in occupants if o.state is BackendState.STARTING and not o.awaiting}
        assert begun == set(self.watched.starting)
        for occupant in occupants:
            assert occupant.awaiting <= stopping, "else it would wait for ever"
            if occupant.leave_when_idle is not None and occupant.state is BackendState.READY:
                assert occupant.in_flight

    @invariant()
    def new_plans_fit(self) -> None:
        scheduler = self.stage.scheduler
        for occupant in scheduler.occupants:
            if id(occupant) in self.known or occupant.state is BackendState.STOPPING:
                continue  # also what a crash leaves: it was never a plan
            self.known.add(id(occupant))
            self.keep.append(occupant)  # so that no other gets its id
            self.watched.decided[id(occupant)] = self.watched.epoch
            for share in occupant.shares:
                staying = [o for o in scheduler.occupants if o.state is not BackendState.STOPPING]
                planned = sum(s.bytes for o in staying for s in o.shares if s.device_id == share.device_id)
                assert planned <= usable(scheduler.inventory, share.device_id)

    @invariant()
    def nothing_waits_for_nothing(self) -> None:
        scheduler = self.stage.scheduler
        if not len(scheduler.queue):
            return
        occupants = list(scheduler.occupants)
        moving = [o for o in occupants if o.in_flight or o.state is not BackendState.READY]
        assert moving, "something has to end for a waiting request to go on"
        for occupant in occupants:
            if occupant.can_grant:
                assert not scheduler.queue.count(occupant.target.variant_id)
        seen: set[str] = set()
        for ticket in scheduler.queue:
            if ticket.target.variant_id in seen:
                continue
            seen.add(ticket.target.variant_id)
            impatient = ticket.bypassed >= MAX_BYPASS
            residents = scheduler.occupants.snapshots(scheduler.queue, impatient=impatient)
            decision = decide(ticket.target, residents, scheduler.inventory, NO_HEADROOM, self.watched.clock)
            assert not isinstance(decision, Serve | Refuse)
            if isinstance(decision, Load):
                assert any(t.bypassed >= MAX_BYPASS and t.id < ticket.id for t in scheduler.queue), "only by fairness"

    @invariant()
    def passing_is_bounded(self) -> None:
        for ticket in self.tickets:
            assert ticket.bypassed <= MAX_BYPASS + sum(m.slots for m in MODELS)

    def teardown(self) -> None:
        """When everything under way ends well, every request ends, without any help of the clock."""
        if not hasattr(self, "watched"):
            return
        for _ in range(500):
            if self.watched.stopping:
                self.stage.gone(self.watched.stopping[0])
            elif self.watched.starting:
                self.stage.loaded(self.watched.starting[0])
            elif self.watched.leases:
                self.stage.scheduler.on_released(self.watched.leases.pop(min(self.watched.leases)), 1.0)
            elif self.direct:
                self.stage.scheduler.on_released(self.direct.pop(), 1.0)
            else:
                break
        else:
            raise AssertionError("it never comes to rest")
        assert len(self.stage.scheduler.queue) == 0
        assert self.stage.scheduler.in_flight == 0
        assert all(t.state is not TicketState.WAITING for t in self.tickets)
        ended = len(self.watched.granted) + len(self.watched.refused)
        ended += sum(1 for t in self.tickets if t.state is TicketState.CANCELLED)
        assert ended == len(self.tickets)


TestSchedulerMachine = SchedulerMachine.TestCase
TestSchedulerMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None, derandomize=True)
