"""The composition root: makes every part, connects them, and gives them a beginning and an end.

A request passes, from the outside in:
1. ``listener``  caps and deadline on the head    2. ``edge``  id, Host and Origin, key, limits, metrics, access line
3. Litestar      routing and error envelopes (the hot text paths go past it)
4. the handler of its endpoint family in ``gateway/http``
"""

import logging
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, Scope, Send

from backends.cloud.client import CloudClient
from backends.cloud.media.backends import MediaBackends
from backends.cloud.media.downloads import Downloads
from backends.cloud.secrets import has_key
from backends.contract import Backend
from backends.environments.environments import Environments
from backends.errors import BackendError
from backends.http.fetch import Fetcher, FetchRules
from backends.process.ledger import Ledger
from backends.registry import provider_backend, runtime_of
from backends.weights.store import WeightStore
from gateway import __version__
from gateway.artifacts.store import Reached, unwatched
from gateway.catalog.problem import Problem
from gateway.catalog.profile import Variant
from gateway.catalog.substitutes import parse_substitutes
from gateway.catalog.watch import CatalogStore
from gateway.http.edge import Edge
from gateway.http.health import health_routes
from gateway.http.images import image_routes
from gateway.http.media_route import media_route
from gateway.http.messages import messages_handlers
from gateway.http.models import model_routes
from gateway.http.multipart import FormLimits
from gateway.http.operator import operator_routes
from gateway.http.origin import OriginRules
from gateway.http.picture_input import PictureLimits
from gateway.http.remote_media import RemotePictures
from gateway.http.replies import on_backend_error, on_exception, on_http_exception
from gateway.http.responses import PATH as RESPONSES
from gateway.http.responses import responses_handler
from gateway.http.services import Services
from gateway.http.stored_responses import stored_response_routes
from gateway.http.text import text_handlers, text_routes
from gateway.http.uploads import Uploads
from gateway.http.videos import video_routes
from gateway.jobs.gauges import job_gauges
from gateway.jobs.video_spec import KIND
from gateway.keys.policy import operator_policy
from gateway.keys.ring import KeyRing
from gateway.lifespan import begin, end
from gateway.routing.dispatch import Dispatcher
from gateway.routing.experience import Experience
from gateway.routing.route import Offered
from gateway.routing.spillway import Spillway, today
from gateway.routing.succession import Succession
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
from gateway.scheduling.pace import Paces
from gateway.scheduling.placement import could_hold
from gateway.scheduling.policy import Policy
from gateway.scheduling.probes import probe_of
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.watchdog import Watchdog
from gateway.settings import Settings
from gateway.telemetry.logs import Logging
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.recorder import Recorder
from gateway.telemetry.systemd import notify

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
            self.services.lifetime.drain(time.monotonic())
            if self.services.videos is not None:
                self.services.videos.runner.begin_drain()
            notify("STOPPING=1")
            self.services.runtime.scheduler.on_drain()

    def hurry(self) -> None:
        """The second request to end: engines are killed, whatever they do."""
        self.services.runtime.hurry()


def create_app(
    settings: Settings,
    launcher: Launcher | None = None,
    reached: Reached = unwatched,
    cloud: CloudClient | None = None,
    downloads: Downloads | None = None,
) -> Application:
    """The whole gateway; nothing is started before the lifespan. Tests replace the real engines by a ``launcher``, the
    ways to providers by a ``cloud`` and ``downloads``, and kill the process at points that ``reached`` hears of."""
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

    substitutes = parse_substitutes(settings.model_aliases, settings.default_model)
    succession = Succession(settings.successors, today)
    tables = [RouteTable(catalog.catalog, footprints, fits, substitutes, succession)]

    def table() -> RouteTable:
        if tables[0].catalog is not catalog.catalog:
            tables[0] = RouteTable(catalog.catalog, footprints, fits, substitutes, succession)
        return tables[0]

    def forget() -> None:
        tables[0].forget()

    engines = EngineLauncher(
        lambda variant_id: table().route(variant_id).candidates[0],
        environments,
        weights,
        Ledger(settings.state_dir / "engines"),
        settings.cache_dir / "compiled",
        lambda device_id: device.total_bytes if (device := runtime.scheduler.inventory.get(device_id)) else 0,
    )
    limits = Limits(queue_size=settings.queue_size, idle_unload=settings.idle_unload)
    learning = Learning(footprints, lambda name: table().route(name).candidates[0], forget)
    machine = Machine(probe_of(settings.devices, settings.memory_limit), learning)
    watchdog = Watchdog.within(settings.idle_timeout)
    client = cloud or CloudClient(settings.provider_secrets())
    media = MediaBackends(client, downloads or Downloads())

    def provider(each: Offered) -> Backend:
        if each.media:
            return media.of(each.provider, each.offer.model)
        return provider_backend(each.provider, each.offer, client)

    spillway = Spillway(
        provider,
        lambda each: has_key(each.provider, client.secrets),
        metrics,
        answer_seconds=settings.cloud_answer_timeout,
    )
    runtime = Runtime(launcher or engines, machine, metrics, limits, policy, watchdog=watchdog)
    recorder = Recorder(metrics)
    fetcher = _fetcher(settings)
    services = Services(
        settings=settings,
        catalog=catalog,
        table=table,
        runtime=runtime,
        environments=environments,
        footprints=footprints,
        experience=Experience(runtime, footprints, table, Paces()),
        dispatcher=Dispatcher(
            runtime, metrics, table, (launcher or engines).missing, settings.queue_wait, spillway=spillway
        ),
        cloud=client,
        media=media,
        spillway=spillway,
        keys=KeyRing(
            operator_secret=settings.presented_key(),
            policy=operator_policy(settings.cloud_budget_day, settings.cloud_budget_month),
        ),
        origin=OriginRules(
            settings.allowed_hosts, settings.allowed_origins, public=settings.host not in LOOPBACK
        ),
        metrics=metrics,
        recorder=recorder,
        access=logs.access,
        uploads=Uploads(
            settings.state_dir / "uploads", FormLimits(deadline=settings.body_deadline), PictureLimits(),
            fetcher,
        ),
        remote_pictures=RemotePictures(fetcher),
    )  # fmt: skip
    metrics.observe(lambda: _gauges(services))

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await begin(stack, services, logs, reached)
            yield
            await end(services)

    handlers = text_handlers(services)
    handlers[RESPONSES] = responses_handler(services)
    handlers |= messages_handlers(services)
    litestar = Litestar(
        route_handlers=[
            *text_routes(handlers),
            *image_routes(services),
            *video_routes(services),
            media_route(services),
            *stored_response_routes(services),
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


def _gauges(services: Services) -> Iterator[tuple[str, tuple[str, ...], float]]:
    yield from scheduling_gauges(services.runtime)
    for model, count in services.recorder.open_streams.items():
        yield "gateway_open_streams", (model,), float(count)
    for provider, model, rests in services.spillway.resting():
        yield "gateway_provider_resting", (provider, model), float(rests)
    if services.videos is not None:
        yield from job_gauges(KIND, services.videos.housekeeping.tally)
