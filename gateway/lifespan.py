"""The beginning and the end of a gateway's parts: databases, leftovers of earlier runs, background tasks.

Owns the order, in which everything is begun and by which it is undone in reverse. What the parts are is ``app``'s.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from backends.errors import BackendError
from backends.process.lock import StateLock
from backends.process.reaper import reap_orphans
from gateway.artifacts.room import Room
from gateway.artifacts.shelf import BucketShelf, FolderShelf, Shelf
from gateway.artifacts.store import ArtifactStore, Reached
from gateway.conversations.store import ResponseStore
from gateway.database import open_database
from gateway.http.media_links import MediaLimits, MediaLinks, media_key
from gateway.http.services import Services
from gateway.jobs.clip_stills import ClipStills
from gateway.jobs.gateway_name import gateway_name
from gateway.jobs.schema import upgrade
from gateway.jobs.videos import VideoRules, Videos
from gateway.keys.policy import operator_policy
from gateway.keys.ring import KeyRing
from gateway.keys.store import KeyStore
from gateway.routing.egress import Permit, permit_of
from gateway.settings import Settings
from gateway.spending.account import SpendingAccount
from gateway.spending.budget import Budget
from gateway.spending.ledger import Ledger
from gateway.spending.schema import upgrade as upgrade_spending
from gateway.spending.store import SpendingStore
from gateway.telemetry.logs import Logging
from gateway.telemetry.pulse import pulse
from gateway.telemetry.systemd import notify

_SWEEP_EVERY = 60.0
_KEYS_EVERY = 2.0
_FOLDER = "file://"
_log = logging.getLogger("forebay")


async def begin(stack: AsyncExitStack, services: Services, logs: Logging, reached: Reached) -> None:
    """Everything that has to be undone, in the order it is done; the stack undoes it in reverse."""
    settings, runtime, catalog = services.settings, services.runtime, services.catalog
    logs.start()
    stack.callback(logs.stop)
    stack.enter_context(StateLock(settings.state_dir))
    for reaped in await asyncio.to_thread(reap_orphans, settings.state_dir / "engines"):
        _log.warning("an engine of an earlier run was still there and was ended: %s", reaped)
    machine = await asyncio.to_thread(open_database, settings.state_dir / "forebay.db")
    stack.callback(machine.dispose)
    await asyncio.to_thread(services.footprints.load, machine)
    stack.callback(services.footprints.save)
    shared = await asyncio.to_thread(open_database, settings.shared_database)
    stack.callback(shared.dispose)
    store = await asyncio.to_thread(KeyStore, shared, lambda: datetime.now(UTC))
    services.keys.replace(store.all())
    services.responses = await asyncio.to_thread(ResponseStore, shared, time.time, settings.response_seconds)
    spending = await asyncio.to_thread(_spending, shared)
    budget = operator_policy(settings.cloud_budget_day, settings.cloud_budget_month).budget
    account = services.spillway.account = SpendingAccount(spending, Ledger(shared, budget), budget)
    stack.push_async_callback(account.aclose)
    stack.push_async_callback(services.cloud.aclose)
    stack.push_async_callback(services.media.aclose)
    await catalog.refresh()
    await asyncio.to_thread(_read_heads, services)
    catalog.subscribe(lambda change: _unload_removed(services, change.removed + change.changed))
    await asyncio.to_thread(services.uploads.prepare)
    key = await asyncio.to_thread(media_key, settings.state_dir / "media.key")
    links = services.links = MediaLinks(settings.state_dir / "media", key, MediaLimits())
    videos = services.videos = await _videos(services, shared, reached)
    stack.callback(services.uploads.close)
    stack.push_async_callback(runtime.aclose)
    for work in (
        runtime.run(),
        catalog.watch(every=settings.reload_every),
        _watch_keys(store, services.keys),
        _sweep(links, services.responses),
        _look_for_overdue(spending),
        account.run(),
        pulse(services.metrics),
        videos.run(),
    ):
        await stack.enter_async_context(_running(work))
    services.lifetime.started = True
    notify("READY=1")


def _spending(database: Engine) -> SpendingStore:
    upgrade_spending(database)
    return SpendingStore(database, time.time)


async def _look_for_overdue(spending: SpendingStore) -> None:
    """What a killed gateway left open is never freed by itself: an operator is told, and settles it."""
    while True:
        try:
            for entry in await asyncio.to_thread(spending.doubt_overdue):
                if entry.in_advance:
                    _log.warning("a gateway that is gone has left %s with what it cost: forebay spend", entry.id)
                else:
                    _log.warning("nobody heard what call %s of %s has cost: forebay spend", entry.id, entry.provider)
        except BackendError as error:
            _log.error("the account cannot be read: %s", error.private or error.detail)
        await asyncio.sleep(_SWEEP_EVERY)


async def _videos(services: Services, database: Engine, reached: Reached) -> Videos:
    """The jobs of videos, those of earlier runs taken up again."""
    settings = services.settings
    await asyncio.to_thread(upgrade, database)
    name = gateway_name(settings.state_dir / "gateway.name")
    shelf, staging = await asyncio.to_thread(_place_of_results, settings, name)
    artifacts = ArtifactStore(shelf, staging, settings.result_bytes, reached)

    def permitted(key_id: str, local_only: bool) -> tuple[Permit, Budget]:
        policy = services.keys.policy(key_id)
        return permit_of(settings.cloud, policy, local_only=local_only), policy.budget

    videos = Videos(
        database,
        name,
        artifacts,
        services.dispatcher,
        services.spillway,
        services.runtime,
        services.table,
        services.experience,
        services.metrics,
        VideoRules(
            slots=settings.job_slots,
            most_queued=settings.jobs_queued,
            patience=settings.job_wait,
            idle_timeout=settings.idle_timeout,
            hold=settings.clip_hold,
            room=Room(each=settings.result_bytes, total=settings.results_bytes, keep_seconds=settings.result_seconds),
        ),
        permitted,
        ClipStills(lambda: services.environments.python("diffusers")),
        reached,
    )
    await videos.begin()
    return videos


def _place_of_results(settings: Settings, name: str) -> tuple[Shelf, Path]:
    """Where results are kept, and where this gateway makes them: in a folder, on the same file system."""
    own, url = settings.state_dir / "results", settings.results_url
    if url is not None and not url.startswith(_FOLDER):
        return BucketShelf(url), own / "staging"
    if url is not None:
        shared = Path(url.removeprefix(_FOLDER))
        return FolderShelf(shared / "kept"), shared / f"staging-{name}"
    if settings.database_url is not None:
        _log.warning("jobs are shared but results are not: set FOREBAY_RESULTS_URL if other gateways use the database")
    return FolderShelf(own / "kept"), own / "staging"


async def end(services: Services) -> None:
    """What runs gets what is left of its time; nothing new is begun."""
    services.lifetime.drain(time.monotonic())
    if services.videos is not None:
        services.videos.runner.begin_drain()
    # Requests have had their part of it; clips run without any.
    await services.runtime.drain(services.lifetime.left(services.settings.drain_window, time.monotonic()))


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


async def _sweep(links: MediaLinks, responses: ResponseStore) -> None:
    """Pictures whose links have expired go, and old conversations."""
    while True:
        try:
            await links.sweep(time.time())
        except OSError as error:
            _log.error("expired pictures could not be removed: %s", error)
        try:
            await asyncio.to_thread(responses.sweep)
        except BackendError as error:
            _log.error("%s", error.detail)
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
