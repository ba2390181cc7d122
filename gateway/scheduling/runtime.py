"""The kernel around the scheduler: wakes waiters, ticks, hands slow work to ``EngineTasks``. Implements ``Effects``.

It decides nothing. One per process, used from one event loop only.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable

from backends.contract import Backend, BackendState
from backends.errors import BackendError, Cause
from gateway.scheduling.decision import Placement
from gateway.scheduling.effects import Transition
from gateway.scheduling.engine_tasks import EngineTasks
from gateway.scheduling.launcher import Launcher, Running
from gateway.scheduling.lease import Lease
from gateway.scheduling.limits import Limits
from gateway.scheduling.machine import Machine
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.policy import Policy
from gateway.scheduling.scheduler import Scheduler
from gateway.scheduling.signals import Signals
from gateway.scheduling.target import Depth, Target
from gateway.scheduling.ticket import Ticket
from gateway.scheduling.wanted import Wanted
from gateway.scheduling.watchdog import Watchdog
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger("forebay.scheduling")
_TICK = 1.0
_PROBE_EVERY = 5


class Runtime:
    """Acquire leases here; ``run`` must be running for ticks and probes."""

    def __init__(
        self,
        launcher: Launcher,
        machine: Machine,
        metrics: Metrics,
        limits: Limits,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._machine = machine
        self._metrics = metrics
        self._clock = clock
        self._ids = itertools.count(1)
        self._waiters: dict[int, asyncio.Future[Occupant]] = {}
        self._drained: asyncio.Event | None = None
        self._hurried = False
        self.watchdog = watchdog or Watchdog()
        self.scheduler = Scheduler(self, machine.first_reading(), policy or Policy(), limits)
        self.engines = EngineTasks(launcher, machine, metrics, clock, self.scheduler)
        self.signals = Signals(self.scheduler.on_pressure)

    @property
    def running(self) -> dict[str, Running]:
        """Engines that take calls or sleep, by variant."""
        return self.engines.running

    # --- leases ---------------------------------------------------------------------------------------------------

    def acquire_now(self, target: Target) -> Lease | None:
        """A lease without waiting, when the model is ready and a slot is free."""
        occupant = self.scheduler.grant_now(target)
        return None if occupant is None else self._lease(occupant, 0.0, "resident")

    async def acquire(self, wanted: Wanted, key: str, timeout: float) -> Lease:
        """Waits in the queue, for a load if need be. Raises ``BackendError`` with the reason of a refusal."""
        now = self._clock()
        ticket = wanted.ticket(next(self._ids), key, now, now + timeout)
        waiter: asyncio.Future[Occupant] = asyncio.get_running_loop().create_future()
        self._waiters[ticket.id] = waiter
        ready = {name for target in ticket.choices if self._is_ready(name := target.variant_id)}
        try:
            self.scheduler.on_request(ticket)
            occupant = await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.scheduler.on_released(waiter.result(), 0.0)
            else:
                self.scheduler.on_cancel(ticket)
            raise
        finally:
            self._waiters.pop(ticket.id, None)
        waited = self._clock() - now
        self._metrics.queue_wait.labels(ticket.target.profile_id).observe(waited)
        return self._lease(occupant, waited, _reason(occupant, cold=occupant.target.variant_id not in ready))

    def _is_ready(self, variant_id: str) -> bool:
        there = self.scheduler.occupants.get(variant_id)
        return there is not None and there.state is BackendState.READY

    def _lease(self, occupant: Occupant, waited: float, reason: str) -> Lease:
        running = self.running.get(occupant.target.variant_id)
        started = self._clock()
        if running is None:
            self.scheduler.on_released(occupant, 0.0)
            raise BackendError(Cause.UPSTREAM_CONNECT, f"{occupant.target.variant_id} has just stopped")

        def give_back() -> None:
            self.scheduler.on_released(occupant, self._clock() - started)
            if self._drained is not None and not self.scheduler.in_flight:
                self._drained.set()

        return Lease(occupant.target.variant_id, running.backend, give_back, waited, reason)

    def ready(self, variant_id: str) -> Backend | None:
        """Its engine, for questions that take no slot. Not leased: it may stop while it answers, but never sleeps."""
        return self.engines.beside(variant_id) if self._is_ready(variant_id) else None

    # --- the operator ---------------------------------------------------------------------------------------------

    async def load(self, target: Target, timeout: float, *, pin: bool) -> None:
        """Brings a variant into memory and, if asked, keeps it there."""
        lease = self.acquire_now(target) or await self.acquire(Wanted(target=target), "operator", timeout)
        self.scheduler.on_pin(target.variant_id, pinned=pin)
        lease.release()

    def unload(self, variant_id: str) -> bool:
        """Drains and stops; false when it is not in memory."""
        return self.scheduler.on_unload(variant_id)

    # --- Effects --------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._clock()

    def start(self, target: Target, placement: Placement) -> None:
        self.engines.load(target, placement)

    def wake(self, target: Target, placement: Placement) -> None:
        self.engines.wake(target, placement)

    def sleep(self, variant_id: str, depth: Depth, reason: str) -> None:
        self.watchdog.leave(variant_id)
        self.engines.sleep(variant_id, depth)

    def stop(self, variant_id: str, reason: str) -> None:
        self.engines.stop(variant_id)

    def grant(self, ticket: Ticket, variant_id: str) -> bool:
        waiter = self._waiters.get(ticket.id)
        occupant = self.scheduler.occupants.get(variant_id)
        if waiter is None or waiter.done() or occupant is None:
            return False
        waiter.set_result(occupant)
        return True

    def refuse(self, ticket: Ticket, error: BackendError) -> None:
        waiter = self._waiters.get(ticket.id)
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    def record(self, transition: Transition) -> None:
        before, after = transition.before.value, transition.after.value
        self._metrics.transitions.labels(transition.profile_id, before, after).inc()
        _log.info(
            "model %s: %s -> %s (%s)", transition.variant_id, before, after, transition.reason,
            extra={"model": transition.profile_id, "variant": transition.variant_id, "state": after},
        )  # fmt: skip

    # --- the clock ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ticks and probes until cancelled. A probe that hangs or raises leaves the last reading in place, and holds up
        neither deadlines nor turns.
        """
        probing: asyncio.Task[None] | None = None
        try:
            for beat in itertools.count(1):
                await asyncio.sleep(_TICK)
                if beat % _PROBE_EVERY == 0 and (probing is None or probing.done()):
                    probing = asyncio.get_running_loop().create_task(self._probe())
                self._tick()
        finally:
            if probing is not None:
                probing.cancel()

    async def _probe(self) -> None:
        if self._loading():
            return
        inventory = await self._machine.read(self.running, self._worked())
        if inventory is not None and not self._loading():
            self._tell_measured()
            self.scheduler.on_inventory(inventory)

    def _tick(self) -> None:
        for variant_id in self.watchdog.look(self._ours(), self._clock()):
            occupant = self.scheduler.occupants.get(variant_id)
            model = variant_id if occupant is None else occupant.target.profile_id
            self.engines.kill_hung(variant_id, model)
        self.signals.look(self._ready(), self._clock())
        self.scheduler.on_tick()

    def _tell_measured(self) -> None:
        for occupant in self.scheduler.occupants:
            more = self._machine.beyond(occupant.target.variant_id, occupant.shares)
            if more:
                self.scheduler.on_measured(occupant.target.variant_id, more)

    def _worked(self) -> set[str]:
        return {o.target.variant_id for o in self.scheduler.occupants if o.served}

    def _ready(self) -> dict[str, Running]:
        ready = {o.target.variant_id for o in self.scheduler.occupants if o.state is BackendState.READY}
        return {name: running for name, running in self.running.items() if name in ready}

    def _ours(self) -> dict[str, Running]:
        return {name: running for name, running in self._ready().items() if running.pid is not None}

    def _loading(self) -> bool:
        """An engine on its way would count twice: as foreign memory, and as what is reserved for it."""
        return any(o.state is BackendState.STARTING for o in self.scheduler.occupants)

    async def drain(self, window: float) -> bool:
        """Refuses what waits and gives running requests ``window`` seconds. True when all ended in time."""
        self.scheduler.on_drain()
        self._drained = asyncio.Event()
        if self.scheduler.in_flight and not self._hurried:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(window):
                    await self._drained.wait()
        return self.scheduler.in_flight == 0

    def hurry(self) -> None:
        """No grace for engines from now on, and no window for what they do."""
        self._hurried = True
        self.engines.hurry()
        if self._drained is not None:
            self._drained.set()

    async def aclose(self) -> None:
        """Ends every load under way and stops every engine, whatever it is doing; returns when all are gone."""
        self.watchdog.close()
        self.signals.close()
        await self.engines.aclose()


def _reason(occupant: Occupant, *, cold: bool) -> str:
    """For the client: whether it was there, and if not, how room was made."""
    if not cold:
        return "resident"
    word = "woken" if occupant.placement.step == "wake" else "loaded"
    return f"{word}: {occupant.placement.why}" if occupant.placement.why else word
