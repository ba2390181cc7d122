"""The contract between the gateway and whatever serves a request: an engine of ours or a provider.

Types only, no I/O. ``Backend`` is all that dispatch sees; ``EngineKind`` is what the scheduler's runtime needs
to start a local engine. The suite in ``tests/contract`` holds every implementation to these promises.
"""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from msgspec import Struct


class Task(StrEnum):
    """What a client wants done; a profile lists the tasks it serves."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    SCORE = "score"
    IMAGE = "image"
    IMAGE_EDIT = "image_edit"
    IMAGE_VARIATION = "image_variation"
    INPAINT = "inpaint"
    VIDEO = "video"
    IMAGE_TO_VIDEO = "image_to_video"
    VIDEO_TO_VIDEO = "video_to_video"
    SPEECH = "speech"


class BackendState(StrEnum):
    """The life of a resident, as shown by ``/api/ps``. Advisory: nobody branches on a snapshot of it."""

    STARTING = "starting"
    READY = "ready"
    SLEEPING = "sleeping"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Call(Struct, frozen=True, kw_only=True):
    """One request to a backend. ``body`` is sent as it is; times are in seconds.

    ``answer_timeout`` bounds a plain answer, which gives no sign of life while it is made. A stream that ends without
    ``terminator`` is broken.

    ``bare``: only the status of the answer counts; its body may be of any type, or missing.

    ``lines``: the answer is the events of a job, one a line (``wire/media_job.py``). ``heard`` gets those before the
    commit point, which is the first content when ``stream``, else the end of the job.
    """

    path: str
    body: bytes
    stream: bool = False
    method: str = "POST"
    content_type: str = "application/json"
    request_id: str = ""
    first_event_timeout: float = 120.0
    idle_timeout: float = 60.0
    answer_timeout: float = 3600.0
    terminator: bytes = b"[DONE]"
    bare: bool = False
    lines: bool = False
    heard: Callable[[bytes], None] | None = None


class Reply(Protocol):
    """An answer whose head and first bytes are in hand: the commit point has been reached.

    ``first`` is the whole body of a plain answer, or everything up to and including the first complete SSE event
    of a stream. Iterating yields the bytes that follow, unchanged, and raises ``BackendError`` (``STREAM_BROKEN``,
    ``UPSTREAM_TIMEOUT``) when the backend fails midway. ``aclose`` stops the backend's work by closing the
    connection; it is idempotent and safe to call at any time, also from a task being cancelled.
    """

    @property
    def status(self) -> int: ...

    @property
    def content_type(self) -> str: ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]: ...

    @property
    def first(self) -> bytes: ...

    @property
    def complete(self) -> bool:
        """True when ``first`` is the whole body."""
        ...

    @property
    def usage_tail(self) -> bytes:
        """A plain body, or both ends of a long one; a bounded end of a stream: where ``usage`` is looked for."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def aclose(self) -> None: ...


class Health(Struct, frozen=True, kw_only=True):
    """What a probe learned. ``detail`` is for operators."""

    ready: bool
    detail: str = ""


class Pressure(Struct, frozen=True, kw_only=True):
    """What an engine says of its own load: requests it works on, and those in its own queue.

    ``cache_usage``, from 0 to 1, of a cache of so many tokens, which holds so many (``concurrency``) of the longest
    requests; 0 where it does not say.
    """

    running: int
    waiting: int
    cache_usage: float = 0.0
    cache_tokens: int = 0
    concurrency: float = 0.0


class Backend(Protocol):
    """An engine process or a provider, ready to take calls."""

    @property
    def name(self) -> str: ...

    async def open(self, call: Call) -> Reply:
        """Send ``call`` and return once the commit point is reached.

        Raises ``BackendError``; cancelling the awaiting task closes the connection, which stops the work.
        """
        ...

    async def health(self) -> Health: ...

    async def aclose(self) -> None: ...


class DeviceShare(Struct, frozen=True):
    """``bytes`` of memory granted on one device (``id`` is ``cpu`` or a GPU UUID)."""

    device_id: str
    bytes: int


class LaunchRequest(Struct, frozen=True, kw_only=True):
    """Everything an engine may know about the process it is about to be. ``run_dir`` is private and short-lived.

    ``folder`` is where the files of ``weights`` lie as their source names them; ``parts`` are those of further sources.
    ``cache_bytes``: of the shares, what is meant for caches of sequences. ``capacities`` are the bytes of the whole
    devices, where known. ``cache_dir`` outlives the process: for what it compiles, not for what it serves.
    ``steps`` and ``guidance`` are the profile's, for engines that make pictures.
    """

    variant_id: str
    served_name: str
    weights: tuple[Path, ...]
    folder: Path | None = None
    parts: dict[str, Path] = {}
    shares: tuple[DeviceShare, ...]
    run_dir: Path
    slots: int
    context_tokens: int
    cache_bytes: int = 0
    capacities: dict[str, int] = {}
    cache_dir: Path | None = None
    steps: int | None = None
    guidance: float | None = None


class Post(Struct, frozen=True, kw_only=True):
    """A POST to an engine of which only the success counts. ``seconds``: how long that may take."""

    path: str
    body: bytes = b""
    seconds: float = 3600.0


class Canary(Struct, frozen=True, kw_only=True):
    """The smallest real work: what it takes to know that an engine computes. ``heartbeat`` names a counter in its
    Prometheus text that grows with every step, for when the canary has to wait behind others.
    """

    post: Post
    heartbeat: str | None = None


class LaunchPlan(Struct, frozen=True, kw_only=True):
    """A command line made from typed fields. No shell ever reads it; ``env`` is the whole environment.

    The posts of ``sleep``, one after the other, move the engine to host RAM, those of ``deep_sleep`` only off its
    device; ``wake`` and ``deep_wake`` bring it back. An engine without ``sleep`` cannot.
    ``canary``: proof that it computes, where ``ready_path`` proves only that it listens.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    socket: Path
    cwd: Path
    start_timeout: float = 120.0
    stop_grace: float = 10.0
    ready_path: str = "/health"
    sleep: tuple[Post, ...] = ()
    wake: tuple[Post, ...] = ()
    deep_sleep: tuple[Post, ...] = ()
    deep_wake: tuple[Post, ...] = ()
    canary: Canary | None = None


class MemoryReport(Struct, frozen=True, kw_only=True):
    """Measured after load: what an engine says it took. Replaces estimates from then on."""

    device_bytes: int
    host_bytes: int
