"""The launcher of real engines: a child process behind a Unix socket, or a server that somebody else runs.

Knows where weights, environments and sockets are; decides nothing about when.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from backends.contract import Backend, LaunchPlan, LaunchRequest, Post
from backends.environments.environments import Environments
from backends.errors import BackendError, Cause
from backends.external.args import ExternalArgs
from backends.http.relay import HttpBackend
from backends.http.vitals import call_of
from backends.process.exit import Exit, load_error
from backends.process.ledger import Ledger
from backends.process.reaper import RUN_PREFIX
from backends.process.supervisor import EngineProcess
from backends.registry import backend_of, missing_engine, plan_of
from backends.weights.store import WeightStore
from gateway.catalog.profile import EngineArgs, ModelProfile, Variant, Weights
from gateway.scheduling.decision import Placement
from gateway.scheduling.launcher import Running
from gateway.scheduling.target import Depth, Target

_FIRST_TRIES = 6
"""Canaries of a new engine, each with its own deadline: the first of them may compile."""
_PULL = "run: forebay pull {}"


class Named(Protocol):
    """What a variant id stands for."""

    @property
    def profile(self) -> ModelProfile: ...

    @property
    def variant(self) -> Variant: ...


class EngineLauncher:
    """Implements ``Launcher``. One per process."""

    def __init__(
        self,
        find: Callable[[str], Named],
        environments: Environments,
        weights: WeightStore,
        ledger: Ledger,
        cache_dir: Path | None = None,
        capacity: Callable[[str], int] = lambda device_id: 0,
    ) -> None:
        """``capacity`` tells the bytes of a whole device, 0 when unknown; ``cache_dir`` is for what engines compile."""
        self._find = find
        self._cache_dir = cache_dir
        self._capacity = capacity
        self._environments = environments
        self._weights = weights
        self._ledger = ledger

    def missing(self, profile: ModelProfile, variant: Variant) -> BackendError | None:
        """No weights or no engine environment on this machine, in words that say what to run."""
        sources = (*((variant.weights,) if variant.weights is not None else ()), *variant.parts.values())
        if any(self._weights.locate(weights) is None for weights in sources):
            how = _PULL.format(f"{profile.id}:{variant.name}" if len(profile.variants) > 1 else profile.id)
            return BackendError(
                Cause.LOAD_FAILED, f"the weights of {profile.id}:{variant.name} are not on this machine; {how}",
                code="weights_missing",
            )  # fmt: skip
        return missing_engine(variant.engine, self._environments)

    async def launch(self, target: Target, placement: Placement) -> Running:
        """Starts the variant and waits until it takes calls. Cancelling stops it again."""
        named = self._find(target.variant_id)
        if isinstance(named.variant.engine, ExternalArgs) and named.variant.engine.url is not None:
            return await _join(target, named.variant.engine.url, named.variant.engine)
        absent = self.missing(named.profile, named.variant)
        if absent is not None:
            raise absent
        try:
            run_dir = Path(tempfile.mkdtemp(prefix=RUN_PREFIX))  # short: socket paths are limited to about 100 bytes
        except OSError as error:
            raise _no_disk(error) from error
        try:
            return await self._start(target, placement, named, run_dir)
        except OSError as error:
            shutil.rmtree(run_dir, ignore_errors=True)
            raise _no_disk(error) from error
        except BaseException:
            shutil.rmtree(run_dir, ignore_errors=True)
            raise

    async def _start(self, target: Target, placement: Placement, named: Named, run_dir: Path) -> Running:
        variant = named.variant
        located = self._weights.locate(variant.weights) if variant.weights is not None else ()
        request = LaunchRequest(
            variant_id=target.variant_id,
            served_name=named.profile.id,
            weights=tuple(located or ()),
            folder=None if variant.weights is None else self._weights.root_of(variant.weights),
            parts={name: self._part(weights) for name, weights in variant.parts.items()},
            shares=placement.shares,
            run_dir=run_dir,
            slots=target.slots,
            context_tokens=_context(variant.engine, named.profile),
            cache_bytes=variant.footprint.kv_bytes,
            capacities={share.device_id: self._capacity(share.device_id) for share in placement.shares},
            cache_dir=self._cache_dir,
            steps=None if named.profile.picture is None else named.profile.picture.steps,
            guidance=None if named.profile.picture is None else named.profile.picture.guidance,
        )
        plan = plan_of(variant.engine, request, self._environments)
        process = await EngineProcess.start(plan, self._ledger)
        try:
            await process.wait_ready(variant.start_timeout_seconds)
            backend = backend_of(variant.engine, plan)
            await _first_work(process, backend)
        except BaseException:
            await process.stop(0.0)
            raise
        return ChildEngine(process, backend, plan, variant.stop_grace_seconds, run_dir)

    def _part(self, weights: Weights) -> Path:
        """The folder of a part, or its only file."""
        located = self._weights.locate(weights) or ()
        return located[0] if len(located) == 1 else self._weights.root_of(weights)


class ChildEngine:
    """A ready engine process of ours."""

    def __init__(self, process: EngineProcess, backend: Backend, plan: LaunchPlan, grace: float, run_dir: Path) -> None:
        self._process = process
        self._plan = plan
        self._grace = grace
        self._run_dir = run_dir
        self._depth: Depth = "light"
        self.backend = backend
        self.exited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        process.exited.add_done_callback(self._ended)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def pids(self) -> frozenset[int]:
        return self._process.pids()

    async def memory(self) -> int:
        return await self._process.memory()

    def log_tail(self) -> str:
        return self._process.logs.tail()

    async def sleep(self, depth: Depth) -> None:
        self._depth = depth
        await self._posts(self._plan.sleep if depth == "light" else self._plan.deep_sleep)

    async def wake(self) -> None:
        """By the posts that belong to how it was put to sleep: others would wake it without its weights."""
        await self._posts(self._plan.wake if self._depth == "light" else self._plan.deep_wake)

    async def _posts(self, posts: tuple[Post, ...]) -> None:
        if not posts:
            raise BackendError(Cause.UPSTREAM_PROTOCOL, "this engine cannot sleep so")
        for post in posts:
            reply = await self.backend.open(call_of(post))
            reply.aclose()

    async def stop(self) -> None:
        """The stop ladder, then the socket's folder goes. The pool closes first: nothing may reuse its connections."""
        await self.backend.aclose()
        await self._process.stop(self._grace)
        await asyncio.to_thread(shutil.rmtree, self._run_dir, ignore_errors=True)

    def kill(self) -> None:
        self._process.kill()

    def _ended(self, done: "asyncio.Future[Exit]") -> None:
        # Words only: clients are told this reason, and the log's tail is not for them.
        if not self.exited.done():
            self.exited.set_result(done.result().words if not done.cancelled() else "cancelled")


class ForeignServer:
    """A server that somebody else runs: used, never started, stopped or measured."""

    pid: int | None = None

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.exited: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def pids(self) -> frozenset[int]:
        return frozenset()

    async def memory(self) -> int:
        return 0

    def log_tail(self) -> str:
        return ""

    async def sleep(self, depth: Depth) -> None:
        """It takes none of our memory, so nobody asks it to."""

    async def wake(self) -> None:
        """See ``sleep``."""

    async def stop(self) -> None:
        await self.backend.aclose()

    def kill(self) -> None:
        """It is not ours to end."""


async def _join(target: Target, url: str, args: ExternalArgs) -> ForeignServer:
    # Who calls thoughts as vLLM does has its kind of server, see ``HttpBackend``.
    backend = HttpBackend("external", url, health_path=args.health_path, keeps=args.thoughts != "reasoning")
    health = await backend.health()
    if not health.ready:
        await backend.aclose()
        raise BackendError(Cause.UPSTREAM_CONNECT, f"{target.variant_id} does not answer", private=health.detail)
    return ForeignServer(backend)


async def _first_work(process: EngineProcess, backend: Backend) -> None:
    """Whoever listens may still be unable to compute: its canary says. Raises ``BackendError(LOAD_FAILED)``."""
    detail = ""
    for _ in range(_FIRST_TRIES):
        health = await backend.health()
        if health.ready:
            return
        if process.exited.done():
            raise load_error(process.exited.result())
        detail = health.detail
    private = f"{detail}\n{process.logs.tail()}"
    raise BackendError(Cause.LOAD_FAILED, "the engine listens and does not compute", private=private)


def _no_disk(error: OSError) -> BackendError:
    return BackendError(Cause.STORAGE, "the engine's run directory cannot be written", private=str(error))


def _context(engine: EngineArgs, profile: ModelProfile) -> int:
    return engine.context_tokens or profile.context_tokens or 0
