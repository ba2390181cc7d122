"""The slow work behind ``Effects``: loads, wakes, sleeps and stops as tasks, each reported to the scheduler once.

It decides nothing. ``running`` are the engines that take calls or sleep, by variant.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Protocol

from backends.contract import Backend, DeviceShare
from backends.errors import BackendError, Cause
from gateway.scheduling.beside import Beside
from gateway.scheduling.decision import Placement
from gateway.scheduling.launcher import Launcher, Running
from gateway.scheduling.target import Depth, Target
from gateway.scheduling.turns import Turns
from gateway.telemetry.metrics import Metrics

_log = logging.getLogger("forebay.scheduling")
_QUESTION_SECONDS = 10.0
"""How long a sleep waits for a question that takes no slot; those are answered in milliseconds."""


class Events(Protocol):
    """What the scheduler is told."""

    def on_loaded(self, variant_id: str, measured: tuple[DeviceShare, ...] = ()) -> None: ...

    def on_load_failed(self, variant_id: str, error: BackendError) -> None: ...

    def on_slept(self, variant_id: str) -> None: ...

    def on_stopped(self, variant_id: str) -> None: ...

    def on_exited(self, variant_id: str, reason: str) -> None: ...


class Memory(Protocol):
    """Who knows what engines take, and when it is back."""

    async def measured(self, target: Target, placement: Placement, running: Running) -> tuple[DeviceShare, ...]:
        """What it took, where that is more than was reserved."""
        ...

    def loaded(self, target: Target, seconds: float) -> None:
        """How long it took until it took calls."""
        ...

    async def returned(self, variant_id: str, running: Running) -> None:
        """Returns when the memory of an engine that has ended is free, or after some seconds."""
        ...


class EngineTasks:
    """One per runtime, used from one event loop."""

    def __init__(
        self, launcher: Launcher, memory: Memory, metrics: Metrics, clock: Callable[[], float], events: Events
    ) -> None:
        self._launcher = launcher
        self._memory = memory
        self._metrics = metrics
        self._clock = clock
        self._events = events
        self._begins: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.Task[None]] = set()
        self._ending: set[Running] = set()
        self._hurry = False
        self._turns = Turns()
        self._beside: dict[Running, Beside] = {}
        self.running: dict[str, Running] = {}

    def beside(self, variant_id: str) -> Backend | None:
        """One that takes calls, for questions that take no slot: it never falls asleep under one."""
        running = self.running.get(variant_id)
        return None if running is None else self._beside_of(running)

    def _beside_of(self, running: Running) -> Beside:
        known = self._beside.get(running)
        if known is None:
            known = self._beside[running] = Beside(running.backend)
        return known

    def load(self, target: Target, placement: Placement) -> None:
        """Ends in ``on_loaded`` or ``on_load_failed``."""
        _spawn(self._load(target, placement), self._begins)

    def wake(self, target: Target, placement: Placement) -> None:
        """Ends in ``on_loaded`` or ``on_load_failed``."""
        _spawn(self._wake(target, placement, self.running[target.variant_id]), self._begins)

    def sleep(self, variant_id: str, depth: Depth) -> None:
        """Ends in ``on_slept``, or in ``on_stopped`` when it cannot."""
        running = self.running[variant_id]
        self._beside_of(running).shut()  # now, not when the task begins: whoever asks in between would hang
        _spawn(self._sleep(variant_id, running, depth), self._ends)

    def stop(self, variant_id: str) -> None:
        """Ends in ``on_stopped``."""
        # Taken out now, not when the task begins: an exit in between was asked for and must not look like a crash.
        _spawn(self._stop(variant_id, self.running.pop(variant_id, None)), self._ends)

    def kill_hung(self, variant_id: str, model: str) -> None:
        """It is alive and silent: it is ended, and the scheduler told that it has exited."""
        running = self.running[variant_id]
        _log.error(
            "engine of %s does not answer and is killed", variant_id,
            extra={"model": model, "tail": running.log_tail()[-4096:]},
        )  # fmt: skip
        self._metrics.restarts.labels(model, "hung").inc()
        running.kill()
        self._events.on_exited(variant_id, "it stopped answering")

    def hurry(self) -> None:
        """No grace for engines from now on: those that are being stopped are killed, and so is each one yet to stop."""
        self._hurry = True
        for running in self._ending:
            running.kill()

    async def aclose(self) -> None:
        """Ends every load under way and stops every engine, whatever it is doing; returns when all are gone."""
        for task in tuple(self._begins):
            task.cancel()
        await asyncio.gather(*self._begins, return_exceptions=True)
        ending = tuple(self.running.values())
        self.running.clear()  # first: an exit that was asked for must not look like a crash
        await asyncio.gather(*self._ends, *(self._end(running) for running in ending), return_exceptions=True)

    async def _load(self, target: Target, placement: Placement) -> None:
        async with self._turns.on(share.device_id for share in placement.shares):
            await self._load_now(target, placement)

    async def _load_now(self, target: Target, placement: Placement) -> None:
        begun = self._clock()
        try:
            running = await self._launcher.launch(target, placement)
        except BackendError as error:
            self._failed(target, error)
            return
        except Exception:  # noqa: BLE001 - the run loop: one broken load must not leave its waiters hanging
            _log.exception("model %s failed to load", target.variant_id)
            self._events.on_load_failed(target.variant_id, BackendError(Cause.LOAD_FAILED, "internal error"))
            return
        self.running[target.variant_id] = running
        measured = await self._memory.measured(target, placement, running)
        running.exited.add_done_callback(lambda done: self._exited(target, running, done))
        seconds = self._clock() - begun
        self._metrics.load.labels(target.profile_id, running.backend.name, "cold").observe(seconds)
        self._memory.loaded(target, seconds)
        self._events.on_loaded(target.variant_id, measured)

    async def _wake(self, target: Target, placement: Placement, running: Running) -> None:
        async with self._turns.on(share.device_id for share in placement.shares):
            await self._wake_now(target, placement, running)

    async def _wake_now(self, target: Target, placement: Placement, running: Running) -> None:
        begun = self._clock()
        try:
            await running.wake()
        except BackendError as error:
            # It holds memory in a state nobody knows: only its end gives that back for certain.
            self.running.pop(target.variant_id, None)
            with contextlib.suppress(BackendError):
                await self._end(running)
            await self._memory.returned(target.variant_id, running)
            self._failed(target, error)
            return
        self._beside_of(running).reopen()
        measured = await self._memory.measured(target, placement, running)
        self._metrics.load.labels(target.profile_id, running.backend.name, "awake").observe(self._clock() - begun)
        self._events.on_loaded(target.variant_id, measured)

    def _failed(self, target: Target, error: BackendError) -> None:
        _log.error(
            "model %s failed to load: %s", target.variant_id, error.detail,
            extra={"model": target.profile_id, "cause": error.cause.value, "tail": error.private[-4096:]},
        )  # fmt: skip
        self._metrics.restarts.labels(target.profile_id, error.cause.value).inc()
        self._events.on_load_failed(target.variant_id, error)

    async def _sleep(self, variant_id: str, running: Running, depth: Depth) -> None:
        try:
            await self._beside_of(running).quiet(_QUESTION_SECONDS)
            await running.sleep(depth)
        except BackendError as error:
            _log.warning("%s cannot sleep and is stopped: %s", variant_id, error.detail)
            self.running.pop(variant_id, None)
            await self._stop(variant_id, running)
            return
        self._events.on_slept(variant_id)

    async def _stop(self, variant_id: str, running: Running | None) -> None:
        if running is not None:
            with contextlib.suppress(BackendError):
                await self._end(running)
            await self._memory.returned(variant_id, running)
        self._events.on_stopped(variant_id)

    async def _end(self, running: Running) -> None:
        self._ending.add(running)
        if self._hurry:
            running.kill()
        try:
            await running.stop()
        finally:
            self._ending.discard(running)
            self._beside.pop(running, None)

    def _exited(self, target: Target, running: Running, done: "asyncio.Future[str]") -> None:
        if done.cancelled() or self.running.get(target.variant_id) is not running:
            return
        _log.error(
            "engine of %s ended by itself: %s", target.variant_id, done.result(),
            extra={"model": target.profile_id, "tail": running.log_tail()[-4096:]},
        )  # fmt: skip
        self._metrics.restarts.labels(target.profile_id, "exited").inc()
        self._events.on_exited(target.variant_id, done.result())


def _spawn(work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    among.add(task)
    task.add_done_callback(among.discard)
