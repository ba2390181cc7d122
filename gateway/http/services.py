"""What the HTTP edge needs of the rest, in one object made by ``app``. Data and references; no behaviour of its own."""

from collections.abc import Callable

from backends.cloud.client import CloudClient
from backends.cloud.media.backends import MediaBackends
from backends.environments.environments import Environments
from gateway.catalog.watch import CatalogStore
from gateway.conversations.store import ResponseStore
from gateway.documents.pdf import PdfReader
from gateway.http.body import BodyLimits
from gateway.http.media_links import MediaLinks
from gateway.http.origin import OriginRules
from gateway.http.remote_media import RemotePictures
from gateway.http.uploads import Uploads
from gateway.jobs.videos import Videos
from gateway.keys.ring import KeyRing
from gateway.routing.dispatch import Dispatcher
from gateway.routing.experience import Experience
from gateway.routing.spillway import Spillway
from gateway.routing.table import RouteTable
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.runtime import Runtime
from gateway.settings import Settings
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.recorder import Recorder


class Lifetime:
    """Whether the process is on its way in, serving, or on its way out."""

    __slots__ = ("_since", "draining", "started")

    def __init__(self) -> None:
        self.started = False
        self.draining = False
        self._since = 0.0

    def drain(self, now: float) -> None:
        """On its way out, since the first call."""
        if not self.draining:
            self.draining, self._since = True, now

    def left(self, window: float, now: float) -> float:
        """What is left of the time that the way out may take, in seconds."""
        return max(0.0, window - (now - self._since))


class Services:
    """One per process, from the composition root. ``links``, ``videos``, ``responses``: once it has started."""

    __slots__ = (
        "access",
        "body_limits",
        "catalog",
        "cloud",
        "dispatcher",
        "environments",
        "experience",
        "footprints",
        "keys",
        "lifetime",
        "links",
        "media",
        "metrics",
        "origin",
        "pdfs",
        "recorder",
        "remote_pictures",
        "responses",
        "runtime",
        "settings",
        "spillway",
        "table",
        "uploads",
        "videos",
    )

    def __init__(
        self,
        *,
        settings: Settings,
        catalog: CatalogStore,
        table: Callable[[], RouteTable],
        runtime: Runtime,
        dispatcher: Dispatcher,
        environments: Environments,
        experience: Experience,
        footprints: Footprints,
        keys: KeyRing,
        origin: OriginRules,
        metrics: Metrics,
        recorder: Recorder,
        access: AccessLog,
        uploads: Uploads,
        remote_pictures: RemotePictures,
        cloud: CloudClient,
        media: MediaBackends,
        spillway: Spillway,
    ) -> None:
        self.settings = settings
        self.catalog = catalog
        self.table = table
        self.runtime = runtime
        self.dispatcher = dispatcher
        self.environments = environments
        self.experience = experience
        self.footprints = footprints
        self.keys = keys
        self.origin = origin
        self.metrics = metrics
        self.recorder = recorder
        self.access = access
        self.uploads = uploads
        self.remote_pictures = remote_pictures
        self.cloud = cloud
        self.media = media
        self.spillway = spillway
        self.lifetime = Lifetime()
        self.pdfs = PdfReader()
        self.links: MediaLinks | None = None
        self.videos: Videos | None = None
        self.responses: ResponseStore | None = None
        self.body_limits = BodyLimits(most_bytes=settings.max_body_bytes, deadline=settings.body_deadline)
