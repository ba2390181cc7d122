"""Any sequence of events: the scheduler never grants twice, over-commits, loses a request or holds one up."""

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backends.contract import BackendState, DeviceShare
from backends.errors import Cause
from gateway.scheduling.decision import Load, Serve
from gateway.scheduling.device import Inventory
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.policy import GIB
from gateway.scheduling.resident import bytes_on
from gateway.scheduling.scheduler import Scheduler
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Priority, Ticket, TicketState
from tests.fakes.effects import NO_HEADROOM, Stage
from tests.fakes.watched import CHOICES, LIMITS, MACHINES, MODELS, Watched, usable

MOST_TICKS = 3000
SLEEPERS = [target for target in MODELS if target.sleep is not None]


class SchedulerMachine(RuleBasedStateMachine):
    """``direct`` are leases of the fast path; ``tickets`` is everything that was ever asked."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.tickets: list[Ticket] = []
        self.direct: list[Occupant] = []
        self.drained = False
        self.here = Inventory(())

    @initialize(inventory=st.sampled_from(MACHINES + MACHINES[:-1]))
    def begin(self, inventory: Inventory) -> None:
        self.here = inventory
        self.stage = Stage(inventory, LIMITS)
        self.watched = Watched()
        self.stage.effects = self.watched
        self.stage.scheduler = Scheduler(self.watched, inventory, NO_HEADROOM, LIMITS)
        self.watched.occupants_of = self.stage.scheduler

    # --- requests -------------------------------------------------------------------------------------------------

    @rule(
        choices=st.sampled_from(CHOICES),
        timeout=st.sampled_from((1e6, 1e6, 30.0)),
        priority=st.sampled_from((Priority.INTERACTIVE, Priority.INTERACTIVE, Priority.BATCH)),
        key=st.sampled_from("kl"),
    )
    def ask(self, choices: tuple[Target, ...], timeout: float, priority: Priority, key: str) -> None:
        self.tickets.append(self.stage.ask(*choices, timeout=timeout, priority=priority, key=key))

    @rule(choices=st.sampled_from(CHOICES), count=st.integers(2, 5))
    def ask_often(self, choices: tuple[Target, ...], count: int) -> None:
        for _ in range(count):
            self.ask(choices, 1e6, Priority.INTERACTIVE, "k")

    @rule(wanted=st.sampled_from(MODELS[:4]), more=st.sampled_from((1, 3)))
    def ask_for_more(self, wanted: Target, more: int) -> None:
        """A larger picture: more bytes than the resident was loaded for."""
        larger = msgspec.structs.replace(wanted, device_bytes=wanted.device_bytes + more * GIB)
        self.ask((larger,), 1e6, Priority.INTERACTIVE, "k")

    @rule(wanted=st.sampled_from(MODELS))
    def grant_now(self, wanted: Target) -> None:
        occupant = self.stage.scheduler.grant_now(wanted)
        if occupant is not None:
            assert occupant is self.stage.scheduler.occupants.get(wanted.variant_id)
            assert occupant.state is BackendState.READY, "asleep, or on its way, it would hang"
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
        """Loaded or woken; ``grown``: it takes more than was reserved."""
        name = data.draw(st.sampled_from(self.watched.starting))
        shares = self.watched.placements[name].shares if grown else ()
        self.watched.loose = self.watched.loose or bool(grown)
        self.stage.loaded(name, tuple(DeviceShare(s.device_id, s.bytes + grown * GIB) for s in shares))

    @precondition(lambda self: bool(self.watched.starting))
    @rule(data=st.data(), cause=st.sampled_from((None, None, None, Cause.LOAD_FAILED, Cause.OUT_OF_MEMORY)))
    def failed(self, data: st.DataObject, cause: Cause | None) -> None:
        if cause is not None:  # seldom, or nearly everything would be refused
            self.stage.failed(data.draw(st.sampled_from(self.watched.starting)), cause)

    @rule()
    def settle(self) -> None:
        """All that is on its way arrives."""
        self.stage.settle()

    @rule()
    def finish(self) -> None:
        """All that runs ends."""
        self.stage.settle()
        for number in sorted(self.watched.leases):
            self.stage.scheduler.on_released(self.watched.leases.pop(number), 2.0)
        while self.direct:
            self.stage.scheduler.on_released(self.direct.pop(), 1.0)

    @rule(wanted=st.sampled_from(SLEEPERS))
    def use_and_rest(self, wanted: Target) -> None:
        """Somebody uses one that can sleep, and then nobody anything for a while."""
        self.ask((wanted,), 1e6, Priority.INTERACTIVE, "k")
        self.finish()
        self.stage.tick(61.0)
        self.stage.settle()

    @precondition(lambda self: any(o.state in ALIVE for o in self.stage.scheduler.occupants))
    @rule(data=st.data(), really=st.sampled_from((True, False, False)))
    def exits(self, data: st.DataObject, really: bool) -> None:
        alive = [o.target.variant_id for o in self.stage.scheduler.occupants if o.state in ALIVE]
        if really:
            self.stage.scheduler.on_exited(data.draw(st.sampled_from(alive)), "signal 9")

    @precondition(lambda self: bool(self.watched.falling_asleep))
    @rule(data=st.data(), able=st.sampled_from((True, True, False)))
    def falls_asleep(self, data: st.DataObject, able: bool) -> None:
        name = data.draw(st.sampled_from(self.watched.falling_asleep))
        if able:
            self.stage.asleep(name)
        else:
            self.watched.falling_asleep.remove(name)
            self.stage.scheduler.on_stopped(name)

    @precondition(lambda self: bool(self.watched.stopping))
    @rule(data=st.data(), noisy=st.booleans())
    def stopped(self, data: st.DataObject, noisy: bool) -> None:
        name = data.draw(st.sampled_from(self.watched.stopping))
        if noisy:
            self.stage.scheduler.on_exited(name, "signal 15")
        self.stage.gone(name)

    # --- the operator, the machine and the clock ------------------------------------------------------------------

    @rule(wanted=st.sampled_from(MODELS), really=st.booleans())
    def unload(self, wanted: Target, really: bool) -> None:
        if really:
            self.stage.scheduler.on_unload(wanted.variant_id)

    @rule(wanted=st.sampled_from(MODELS), pinned=st.booleans())
    def pin(self, wanted: Target, pinned: bool) -> None:
        self.stage.scheduler.on_pin(wanted.variant_id, pinned=pinned)

    @rule(lost=st.sampled_from((0, 0, 0, 0, 0, 1)), foreign=st.sampled_from((0, 0, 0, 0, 3)))
    def probe(self, lost: int, foreign: int) -> None:
        """A fresh reading: as before, with others on the machine, or without its first device."""
        self.watched.loose = self.watched.loose or bool(lost or foreign)
        left = self.here.devices[lost:]
        devices = (msgspec.structs.replace(d, foreign_bytes=foreign * GIB) for d in left)
        self.stage.scheduler.on_inventory(Inventory(tuple(devices)))

    @rule(seconds=st.sampled_from((0.0, 1.0, 25.0, 70.0)))
    def tick(self, seconds: float) -> None:
        self.stage.tick(seconds)

    @precondition(lambda self: len(self.tickets) > 30)
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
            there = occupant is self.stage.scheduler.occupants.get(occupant.target.variant_id)
            assert not there or occupant.state is BackendState.READY, "nobody uses who sleeps or is on its way"

    @invariant()
    def tickets_are_in_one_place(self) -> None:
        queue = self.stage.scheduler.queue
        assert len(queue) == sum(1 for t in self.tickets if t.state is TicketState.WAITING)
        assert len(queue) == sum(len(line.tickets) for line in queue.lines())
        granted = {t.id for t in self.watched.granted}
        for ticket in self.tickets:
            assert (ticket in queue) == (ticket.state is TicketState.WAITING)
            assert (ticket.id in granted) == (ticket.state is TicketState.GRANTED)
            assert (ticket.id in self.watched.refused) == (ticket.state is TicketState.REFUSED)
        if self.drained:
            assert len(queue) == 0
        for line in queue.lines():
            assert len(line.tickets) <= LIMITS.queue_size
        for target in MODELS:
            assert queue.count(target.variant_id) == len(queue.of(target.variant_id))

    @invariant()
    def states_match_the_work_under_way(self) -> None:
        occupants = list(self.stage.scheduler.occupants)
        leaving = {o.target.variant_id for o in occupants if o.state is BackendState.STOPPING}
        waiting_for_bed = {o.target.variant_id for o in occupants if o.step == "sleep"}
        assert leaving == {*self.watched.stopping, *self.watched.falling_asleep, *waiting_for_bed}
        begun = {o.target.variant_id for o in occupants if o.state is BackendState.STARTING and o.step is None}
        assert begun == set(self.watched.starting)
        for occupant in occupants:
            assert occupant.awaiting <= leaving, "else it would wait for ever"
            assert bool(occupant.awaiting) == (occupant.step is not None)
            if occupant.leave_when_idle is not None and occupant.state is BackendState.READY:
                assert occupant.in_flight

    @invariant()
    def no_byte_is_promised_twice(self) -> None:
        """When everything that leaves has left, what is planned fits."""
        scheduler = self.stage.scheduler
        if self.watched.loose or any(o.oom_retried for o in scheduler.occupants):
            return
        for device in scheduler.inventory.devices:
            planned = sum(bytes_on(o.shares, device.id) - bytes_on(o.leaving, device.id) for o in scheduler.occupants)
            assert planned <= usable(scheduler.inventory, device.id)

    @invariant()
    def nothing_waits_for_nothing(self) -> None:
        """Whatever could be done for somebody who waits has been done."""
        scheduler = self.stage.scheduler
        if not len(scheduler.queue):
            return
        for occupant in scheduler.occupants:
            if occupant.can_grant:
                name = occupant.target.variant_id
                heads = (line.head for line in scheduler.queue.lines())
                assert not any(occupant.fits(c) for t in heads for c in t.choices if c.variant_id == name)
        for line in scheduler.queue.lines():
            decision = scheduler.next_step(line).decision
            assert not isinstance(decision, Serve | Load), (line.name, decision)

    def teardown(self) -> None:
        """When everything under way ends well, and time passes, every request ends."""
        if not hasattr(self, "watched"):
            return
        scheduler = self.stage.scheduler
        for _ in range(MOST_TICKS):
            if self.watched.falling_asleep:
                self.stage.asleep(self.watched.falling_asleep[0])
            elif self.watched.stopping:
                self.stage.gone(self.watched.stopping[0])
            elif self.watched.starting:
                self.stage.loaded(self.watched.starting[0])
            elif self.watched.leases:
                scheduler.on_released(self.watched.leases.pop(min(self.watched.leases)), 1.0)
            elif self.direct:
                scheduler.on_released(self.direct.pop(), 1.0)
            elif len(scheduler.queue):
                self.stage.tick(5.0)
            else:
                break
        else:
            raise AssertionError("somebody waits for ever")
        assert scheduler.in_flight == 0
        assert all(t.state is not TicketState.WAITING for t in self.tickets)
        ended = len(self.watched.granted) + len(self.watched.refused)
        ended += sum(1 for t in self.tickets if t.state is TicketState.CANCELLED)
        assert ended == len(self.tickets)


ALIVE = (BackendState.READY, BackendState.SLEEPING)
TestSchedulerMachine = SchedulerMachine.TestCase
TestSchedulerMachine.settings = settings(max_examples=300, stateful_step_count=50, deadline=None, derandomize=True)
