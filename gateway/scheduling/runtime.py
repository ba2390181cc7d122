"""The kernel around the scheduler: runs loads and stops as tasks, wakes waiters, ticks, probes. Implements ``Effects``.

It decides nothing. One per process, used from one event loop only.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Coroutine

from backends.contract import BackendState, DeviceShare
from backends.errors import BackendError, Cause
from gateway.scheduling.effects import Transition
from gateway.scheduling.launcher import Launcher, Running
from gateway.scheduling.lease import Lease
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.placement import Placement, Policy, Target
from gateway.scheduling.probe import Probe, Readings
from gateway.scheduling.scheduler import Limits, Scheduler
from gateway.scheduling.ticket import Ticket
from gateway.scheduling.watchdog import Watchdog
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger("forebay.scheduling")
_TICK = 1.0
_PROBE_EVERY = 5
_PROBE_TIMEOUT = 2.0


class Runtime:
    """Acquire leases here; ``run`` must be running for ticks and probes."""

    def __init__(
        self,
        launcher: Launcher,
        probe: Probe,
        metrics: Metrics,
        limits: Limits,
        policy: Policy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launcher = launcher
        self._readings = Readings(probe)
        self._metrics = metrics
        self._clock = clock
        self._ids = itertools.count(1)
        self._waiters: dict[int, asyncio.Future[Occupant]] = {}
        self._loads: set[asyncio.Task[None]] = set()
        self._stops: set[asyncio.Task[None]] = set()
        self._ending: set[Running] = set()
        self._hurry = False
        self._memory: dict[str, int] = {}
        self._drained: asyncio.Event | None = None
        self.running: dict[str, Running] = {}
        self.watchdog = Watchdog()
        self.scheduler = Scheduler(self, probe.read(0), policy or Policy(), limits)

    # --- leases ---------------------------------------------------------------------------------------------------

    def acquire_now(self, target: Target) -> Lease | None:
        """A lease without waiting, when the model is ready and a slot is free."""
        occupant = self.scheduler.grant_now(target)
        return None if occupant is None else self._lease(occupant, 0.0, loaded_cold=False)

    async def acquire(self, target: Target, key: str, timeout: float) -> Lease:
        """Waits in the queue, for a load if need be. Raises ``BackendError`` with the reason of a refusal."""
        now = self._clock()
        there = self.scheduler.occupants.get(target.variant_id)
        cold = there is None or there.state is not BackendState.READY
        ticket = Ticket(id=next(self._ids), target=target, key=key, enqueued=now, deadline=now + timeout)
        waiter: asyncio.Future[Occupant] = asyncio.get_running_loop().create_future()
        self._waiters[ticket.id] = waiter
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
        self._metrics.queue_wait.labels(target.profile_id).observe(waited)
        return self._lease(occupant, waited, loaded_cold=cold)

    def _lease(self, occupant: Occupant, waited: float, *, loaded_cold: bool) -> Lease:
        running = self.running.get(occupant.target.variant_id)
        started = self._clock()
        if running is None:
            self.scheduler.on_released(occupant, 0.0)
            raise BackendError(Cause.UPSTREAM_CONNECT, f"{occupant.target.variant_id} has just stopped")

        def give_back() -> None:
            self.scheduler.on_released(occupant, self._clock() - started)
            if self._drained is not None and not self.scheduler.in_flight:
                self._drained.set()

        return Lease(occupant.target.variant_id, running.backend, give_back, waited, loaded_cold=loaded_cold)

    # --- the operator ---------------------------------------------------------------------------------------------

    async def load(self, target: Target, timeout: float, *, pin: bool) -> None:
        """Brings a variant into memory and, if asked, keeps it there."""
        lease = self.acquire_now(target) or await self.acquire(target, "operator", timeout)
        self.scheduler.on_pin(target.variant_id, pinned=pin)
        lease.release()

    def unload(self, variant_id: str) -> bool:
        """Drains and stops; false when it is not in memory."""
        return self.scheduler.on_unload(variant_id)

    def own_bytes(self) -> int:
        """Resident bytes of all engines of ours, as last read."""
        return sum(self._memory.values())

    # --- Effects --------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._clock()

    def start(self, target: Target, placement: Placement) -> None:
        _spawn(self._load(target, placement), self._loads)

    def stop(self, variant_id: str, reason: str) -> None:
        # Taken out now, not when the task begins: an exit in between was asked for and must not look like a crash.
        _spawn(self._stop(variant_id, self.running.pop(variant_id, None)), self._stops)

    def grant(self, ticket: Ticket) -> bool:
        waiter = self._waiters.get(ticket.id)
        occupant = self.scheduler.occupants.get(ticket.target.variant_id)
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

    # --- tasks ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ticks and probes until cancelled. A probe that hangs or raises leaves the last reading in place."""
        for beat in itertools.count(1):
            await asyncio.sleep(_TICK)
            if beat % _PROBE_EVERY == 0 and not self._loading():
                await self._read_probe()
            for variant_id in self.watchdog.look(self._ours(), self._clock()):
                self._hung(variant_id)
            self.scheduler.on_tick()

    def _ours(self) -> dict[str, Running]:
        ready = {o.target.variant_id for o in self.scheduler.occupants if o.state is BackendState.READY}
        return {name: running for name, running in self.running.items() if running.pid is not None and name in ready}

    def _loading(self) -> bool:
        """An engine on its way would count twice: as foreign memory, and as what is reserved for it."""
        return any(o.state is BackendState.STARTING for o in self.scheduler.occupants)

    async def _read_probe(self) -> None:
        for variant_id, running in tuple(self.running.items()):
            self._memory[variant_id] = await running.memory()
        for variant_id in self._memory.keys() - self.running.keys():
            del self._memory[variant_id]
        try:
            inventory = await self._readings.take(self.own_bytes(), _PROBE_TIMEOUT)
        except (TimeoutError, OSError, RuntimeError) as error:
            _log.warning("device probe failed: %s", type(error).__name__)
            return
        self.scheduler.on_inventory(inventory)

    async def drain(self, window: float) -> bool:
        """Refuses what waits and gives running requests ``window`` seconds. True when all ended in time."""
        self.scheduler.on_drain()
        self._drained = asyncio.Event()
        if self.scheduler.in_flight:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(window):
                    await self._drained.wait()
        return self.scheduler.in_flight == 0

    def hurry(self) -> None:
        """No grace for engines from now on: those that are being stopped are killed, and so is each one yet to stop."""
        self._hurry = True
        for running in self._ending:
            running.kill()

    async def aclose(self) -> None:
        """Ends every load under way and stops every engine, whatever it is doing; returns when all are gone."""
        self.watchdog.close()
        for task in tuple(self._loads):
            task.cancel()
        await asyncio.gather(*self._loads, return_exceptions=True)
        ending = tuple(self.running.values())
        self.running.clear()  # first: an exit that was asked for must not look like a crash
        await asyncio.gather(*self._stops, *(self._end(running) for running in ending), return_exceptions=True)

    async def _end(self, running: Running) -> None:
        self._ending.add(running)
        if self._hurry:
            running.kill()
        try:
            await running.stop()
        finally:
            self._ending.discard(running)

    async def _load(self, target: Target, placement: Placement) -> None:
        begun = self._clock()
        try:
            running = await self._launcher.launch(target, placement)
        except BackendError as error:
            _log.error(
                "model %s failed to load: %s", target.variant_id, error.detail,
                extra={"model": target.profile_id, "cause": error.cause.value, "tail": error.private[-4096:]},
            )  # fmt: skip
            self._metrics.restarts.labels(target.profile_id, error.cause.value).inc()
            self.scheduler.on_load_failed(target.variant_id, error)
            return
        except Exception:  # noqa: BLE001 - the run loop: one broken load must not leave its waiters hanging
            _log.exception("model %s failed to load", target.variant_id)
            self.scheduler.on_load_failed(target.variant_id, BackendError(Cause.LOAD_FAILED, "internal error"))
            return
        self.running[target.variant_id] = running
        self._memory[target.variant_id] = taken = await running.memory()
        running.exited.add_done_callback(lambda done: self._exited(target, running, done))
        self._metrics.load.labels(target.profile_id, running.backend.name, "cold").observe(self._clock() - begun)
        self.scheduler.on_loaded(target.variant_id, _measured(placement, taken))

    async def _stop(self, variant_id: str, running: Running | None) -> None:
        if running is not None:
            with contextlib.suppress(BackendError):
                await self._end(running)
        self.scheduler.on_stopped(variant_id)

    def _exited(self, target: Target, running: Running, done: "asyncio.Future[str]") -> None:
        if done.cancelled() or self.running.get(target.variant_id) is not running:
            return
        _log.error(
            "engine of %s ended by itself: %s", target.variant_id, done.result(),
            extra={"model": target.profile_id, "tail": running.log_tail()[-4096:]},
        )  # fmt: skip
        self._metrics.restarts.labels(target.profile_id, "exited").inc()
        self.scheduler.on_exited(target.variant_id, done.result())

    def _hung(self, variant_id: str) -> None:
        running, occupant = self.running[variant_id], self.scheduler.occupants.get(variant_id)
        model = variant_id if occupant is None else occupant.target.profile_id
        _log.error(
            "engine of %s does not answer and is killed", variant_id,
            extra={"model": model, "tail": running.log_tail()[-4096:]},
        )  # fmt: skip
        self._metrics.restarts.labels(model, "hung").inc()
        running.kill()
        self.scheduler.on_exited(variant_id, "it stopped answering")


def _spawn(work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)


def _measured(placement: Placement, taken: int) -> tuple[DeviceShare, ...]:
    """What it took, where that is more than was reserved (memory that grows lazily still looks small now)."""
    if len(placement.shares) != 1 or taken <= placement.shares[0].bytes:
        return ()
    return (DeviceShare(placement.shares[0].device_id, taken),)
