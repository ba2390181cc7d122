"""A dispatcher on profiles made here, engines that answer by script, and clocks that stand still."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

from backends.contract import Call, Task
from backends.errors import BackendError, Cause
from backends.http.reply import WholeReply
from backends.llama_cpp.args import LlamaCppArgs
from gateway.catalog.catalog import build_catalog
from gateway.catalog.profile import FallbackRule, Footprint, ModelProfile, Variant
from gateway.routing.dispatch import Dispatcher
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Opened
from gateway.routing.table import RouteTable
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.policy import GIB
from tests.fakes.launcher import FakeBackend, FakeLauncher
from tests.fakes.runtime_stage import Clock, RuntimeStage


def variant(name: str, gib: float = 1.0, slots: int = 1, context: int = 8192, **fields) -> Variant:
    footprint = Footprint(weights_bytes=int(gib * GIB))
    return Variant(name=name, engine=LlamaCppArgs(slots=slots, context_tokens=context), footprint=footprint, **fields)


def profile(name: str, *variants: Variant, to: str = "", when: tuple[Cause, ...] = (), **fields) -> ModelProfile:
    return ModelProfile(
        id=name, name=name, modality="llm", tasks=(Task.CHAT,), licence="MIT", open_weights=True, variants=variants,
        fallbacks=(FallbackRule(when=when, to=to),) if to else (), **fields,
    )  # fmt: skip


class Scripted(FakeBackend):
    """``says`` is what the next calls meet: an error to raise, or an event to wait for. Then it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.says: deque[BaseException | asyncio.Event] = deque()
        self.calls: list[Call] = []
        self.waiting = 0

    async def open(self, call: Call) -> WholeReply:
        self.calls.append(call)
        said = self.says.popleft() if self.says else None
        if isinstance(said, asyncio.Event):
            self.waiting += 1
            try:
                await said.wait()
            finally:
                self.waiting -= 1
        elif said is not None:
            raise said
        return WholeReply(200, "application/json", (), b"{}")


class _Launcher(FakeLauncher):
    def __init__(self, backends: defaultdict[str, Scripted]) -> None:
        super().__init__(at_once=True)
        self.backends = backends
        self.refuses: dict[str, BackendError] = {}
        self.lacks: dict[str, BackendError] = {}

    def missing(self, profile: ModelProfile, variant: Variant) -> BackendError | None:
        return self.lacks.get(f"{profile.id}:{variant.name}")

    async def launch(self, target, placement):
        if target.variant_id in self.refuses:
            raise self.refuses[target.variant_id]
        running = await super().launch(target, placement)
        running.fake = self.backends[target.variant_id]
        running.pid = None
        return running


class DispatchStage(RuntimeStage):
    """``backends`` by variant id (``alpha:q8``); ``launcher.lacks`` and ``.refuses`` stop a variant."""

    def __init__(self, *profiles: ModelProfile, gib: int = 10) -> None:
        super().__init__(gib, at_once=True)
        self.backends: defaultdict[str, Scripted] = defaultdict(Scripted)
        self.runtime.engines._launcher = self.launcher = _Launcher(self.backends)
        self.catalog = build_catalog({p.id: p for p in profiles}, {}, "1")
        self.footprints = Footprints()
        self.table = RouteTable(self.catalog, self.footprints, lambda _: True)
        self.time = Clock()
        self.dispatcher = Dispatcher(
            self.runtime,
            self.metrics,
            lambda: self.table,
            self.launcher.missing,
            60.0,
            self.time,
            self._sleep,
            chance=lambda: 0.0,
        )
        self.slept: list[float] = []

    async def _sleep(self, seconds: float) -> None:
        self.nothing_held()
        self.slept.append(seconds)
        self.time.now += seconds

    async def open(self, name: str, call: Callable[[Candidate], Call] | None = None, ask: Ask | None = None) -> Opened:
        made = call or (lambda candidate: Call(path="/", body=candidate.variant.name.encode()))
        return await self.dispatcher.open(self.table.route(name), made, "key", ask or Ask())

    async def failing(self, name: str) -> BackendError:
        try:
            opened = await self.open(name)
        except BackendError as error:
            self.nothing_held()
            return error
        raise AssertionError(f"served by {opened.candidate.target.variant_id}")

    async def served(self, name: str) -> Opened:
        """Opens, closes, and holds nothing after it."""
        opened = await self.open(name)
        assert self.runtime.scheduler.in_flight == 1
        opened.close()
        opened.close()
        self.nothing_held()
        return opened

    def nothing_held(self) -> None:
        assert self.runtime.scheduler.in_flight == 0
        assert len(self.runtime.scheduler.queue) == 0

    def called(self) -> dict[str, int]:
        return {name: len(backend.calls) for name, backend in self.backends.items() if backend.calls}


def error(cause: Cause, detail: str = "as ordered") -> BackendError:
    """One that nobody waits for: the backend has no room for an hour."""
    return BackendError(cause, detail, retry_after=3600.0)
