"""The composition root: makes every part, connects them, and gives them a beginning and an end.

A request passes, from the outside in:
1. ``listener``  caps and deadline on the head    2. ``edge``  id, Host and Origin, key, limits, metrics, access line
3. Litestar      routing and error envelopes (the hot text paths go past it)
4. the handler of its endpoint family in ``gateway/http``
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, Scope, Send

from backends.environments.environments import Environments
from backends.errors import BackendError
from backends.http.fetch import Fetcher, FetchRules
from backends.process.ledger import Ledger
from backends.process.lock import StateLock
from backends.process.reaper import reap_orphans
from backends.registry import runtime_of
from backends.weights.store import WeightStore
from gateway import __version__
from gateway.catalog.problem import Problem
from gateway.catalog.profile import Variant
from gateway.catalog.watch import CatalogStore
from gateway.database import open_database
from gateway.http.edge import Edge
from gateway.http.health import health_routes
from gateway.http.images import image_routes
from gateway.http.media_links import MediaLimits, MediaLinks, media_key
from gateway.http.media_route import media_route
from gateway.http.models import model_routes
from gateway.http.multipart import FormLimits
from gateway.http.operator import operator_routes
from gateway.http.origin import OriginRules
from gateway.http.picture_input import PictureLimits
from gateway.http.replies import on_backend_error, on_exception, on_http_exception
from gateway.http.services import Services
from gateway.http.text import text_handlers, text_routes
from gateway.http.uploads import Uploads
from gateway.keys.ring import KeyRing
from gateway.keys.store import KeyStore
from gateway.routing.dispatch import Dispatcher
from gateway.routing.table import RouteTable
from gateway.routing.targets import target_of
from gateway.scheduling.engines import EngineLauncher
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.gauges import scheduling_gauges
from gateway.scheduling.heads import Heads
from gateway.scheduling.launcher import Launcher
from gateway.scheduling.learning import Learning
from gateway.scheduling.limits import Limits
from gateway.scheduling.machine import Machine
from gateway.scheduling.placement import could_hold
from gateway.scheduling.policy import Policy
from gateway.scheduling.probes import probe_of
from gateway.scheduling.runtime import Runtime
from gateway.settings import Settings
from gateway.telemetry.logs import Logging
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.pulse import pulse
from gateway.telemetry.recorder import Recorder
from gateway.telemetry.systemd import notify

_SWEEP_EVERY = 60.0
_KEYS_EVERY = 2.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_log = logging.getLogger("forebay")


class Application:
    """What the server runs. ``services`` is there for tests and for the drain at shutdown."""

    def __init__(self, litestar: Litestar, direct: Mapping[str, ASGIApp], services: Services) -> None:
        self.litestar = litestar
        self.services = services
        self._edge = Edge(litestar, direct, services)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """ASGI 3; no coroutine of its own."""
        return self._edge(scope, receive, send)

    def begin_drain(self) -> None:
        """Not ready from now on; what waits is refused; what runs goes on."""
        if not self.services.lifetime.draining:
            self.services.lifetime.draining = True
            notify("STOPPING=1")
            self.services.runtime.scheduler.on_drain()

    def hurry(self) -> None:
        """The second request to end: engines are killed, whatever they do."""
        self.services.runtime.hurry()


def create_app(settings: Settings, launcher: Launcher | None = None) -> Application:
    """The whole gateway. ``launcher`` replaces the real engines in tests; nothing is started before the lifespan."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    metrics = Metrics(__version__)
    logs = Logging(settings.log_level, settings.log_format, access=settings.access_log)
    catalog = CatalogStore(settings.profiles_dir, on_report=lambda problems: _report(metrics, problems))
    weights = WeightStore(settings.cache_dir / "weights", models_dir=settings.models_dir)
    environments = Environments(settings.data_dir / "engines")
    footprints = Footprints(heads=Heads(weights.locate), runtime=lambda args: runtime_of(args, environments))
    policy = Policy()

    def fits(variant: Variant) -> bool:
        footprint = variant.footprint
        target = target_of("", variant, footprint.device_bytes, footprint.host_bytes, footprint.load_seconds)
        return could_hold(target, runtime.scheduler.inventory, policy)

    tables = [RouteTable(catalog.catalog, footprints, fits)]

    def table() -> RouteTable:
        if tables[0].catalog is not catalog.catalog:
            tables[0] = RouteTable(catalog.catalog, footprints, fits)
        return tables[0]

    def forget() -> None:
        tables[0].forget()

    engines = EngineLauncher(
        lambda variant_id: table().route(variant_id).candidates[0],
        environments,
        weights,
        Ledger(settings.state_dir / "engines"),
    )
    limits = Limits(queue_size=settings.queue_size, idle_unload=settings.idle_unload)
    learning = Learning(footprints, lambda name: table().route(name).candidates[0], forget)
    machine = Machine(probe_of(settings.devices, settings.memory_limit), learning)
    runtime = Runtime(launcher or engines, machine, metrics, limits, policy)
    recorder = Recorder(metrics)
    services = Services(
        settings=settings,
        catalog=catalog,
        table=table,
        runtime=runtime,
        footprints=footprints,
        dispatcher=Dispatcher(runtime, metrics, table, (launcher or engines).missing, settings.queue_wait),
        keys=KeyRing(operator_secret=settings.presented_key()),
        origin=OriginRules(
            settings.allowed_hosts, settings.allowed_origins, public=settings.host not in LOOPBACK
        ),
        metrics=metrics,
        recorder=recorder,
        access=logs.access,
        uploads=Uploads(
            settings.state_dir / "uploads", FormLimits(deadline=settings.body_deadline), PictureLimits(),
            _fetcher(settings),
        ),
    )  # fmt: skip
    metrics.observe(lambda: _gauges(runtime, recorder))

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await _begin(stack, services, logs)
            yield
            await _end(services)

    handlers = text_handlers(services)
    litestar = Litestar(
        route_handlers=[
            *text_routes(handlers),
            *image_routes(services),
            media_route(services),
            *model_routes(services),
            *operator_routes(services),
            *health_routes(services),
        ],
        exception_handlers={
            BackendError: on_backend_error,
            HTTPException: on_http_exception,
            Exception: on_exception,
        },
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=None,
    )
    return Application(litestar, handlers, services)


async def _begin(stack: AsyncExitStack, services: Services, logs: Logging) -> None:
    """Everything that has to be undone, in the order it is done; the stack undoes it in reverse."""
    settings, runtime, catalog = services.settings, services.runtime, services.catalog
    logs.start()
    stack.callback(logs.stop)
    stack.enter_context(StateLock(settings.state_dir))
    for reaped in await asyncio.to_thread(reap_orphans, settings.state_dir / "engines"):
        _log.warning("an engine of an earlier run was still there and was ended: %s", reaped)
    database = await asyncio.to_thread(open_database, settings.state_dir / "forebay.db")
    stack.callback(database.dispose)
    await asyncio.to_thread(services.footprints.load, database)
    stack.callback(services.footprints.save)
    store = KeyStore(database, lambda: datetime.now(UTC))
    services.keys.replace(store.all())
    await catalog.refresh()
    await asyncio.to_thread(_read_heads, services)
    catalog.subscribe(lambda change: _unload_removed(services, change.removed + change.changed))
    await asyncio.to_thread(services.uploads.prepare)
    key = await asyncio.to_thread(media_key, settings.state_dir / "media.key")
    links = services.links = MediaLinks(settings.state_dir / "media", key, MediaLimits())
    stack.callback(services.uploads.close)
    stack.push_async_callback(runtime.aclose)
    for work in (
        runtime.run(),
        catalog.watch(every=settings.reload_every),
        _watch_keys(store, services.keys),
        _sweep(links),
        pulse(services.metrics),
    ):
        await stack.enter_async_context(_running(work))
    services.lifetime.started = True
    notify("READY=1")


async def _end(services: Services) -> None:
    services.lifetime.draining = True
    await services.runtime.drain(services.settings.drain_window)


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncGenerator[None]:
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_complain)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("a background task ended: %s", task.get_name(), exc_info=error)


async def _watch_keys(store: KeyStore, ring: KeyRing) -> None:
    """A key revoked by the command line is gone within seconds; an unreadable store keeps what is known."""
    while True:
        await asyncio.sleep(_KEYS_EVERY)
        try:
            ring.replace(await asyncio.to_thread(store.all))
        except BackendError as error:
            _log.error("%s", error.detail)


async def _sweep(links: MediaLinks) -> None:
    """Pictures whose links have expired go."""
    while True:
        try:
            await links.sweep(time.time())
        except OSError as error:
            _log.error("expired pictures could not be removed: %s", error)
        await asyncio.sleep(_SWEEP_EVERY)


def _unload_removed(services: Services, profiles: tuple[str, ...]) -> None:
    """A profile that changed or went is drained: the next request loads what the catalog says now."""
    for occupant in services.runtime.scheduler.occupants:
        if occupant.target.profile_id in profiles:
            services.runtime.unload(occupant.target.variant_id)


def _read_heads(services: Services) -> None:
    """What the weights on this machine say of themselves; for a thread."""
    profiles = services.catalog.catalog.profiles.values()
    services.footprints.read_heads(variant for profile in profiles for variant in profile.variants)
    services.table().forget()


def _report(metrics: Metrics, problems: tuple[Problem, ...]) -> None:
    metrics.reload_success.set(0.0 if problems else 1.0)
    if not problems:
        metrics.reload_timestamp.set(time.time())
    for problem in problems:
        _log.error("catalog: %s", problem)


def _fetcher(settings: Settings) -> Fetcher | None:
    """What fetches pictures that are named by a URL, where the operator allows it."""
    if settings.remote_pictures == "off":
        return None
    return Fetcher(FetchRules(schemes=("https",) if settings.remote_pictures == "https" else ("https", "http")))


def _gauges(runtime: Runtime, recorder: Recorder) -> Iterator[tuple[str, tuple[str, ...], float]]:
    yield from scheduling_gauges(runtime)
    for model, count in recorder.open_streams.items():
        yield "gateway_open_streams", (model,), float(count)
