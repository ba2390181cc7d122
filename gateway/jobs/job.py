"""What a job is, which status may follow which, and what becomes of a job whose owner is gone. Pure.

Never reads a clock or a database: ``store`` and ``claims`` apply what is decided here.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from backends.errors import Cause
from gateway.routing.abroad import Abroad

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled", "expired"]

FOLLOWS: Mapping[Status, frozenset[Status]] = {
    "queued": frozenset(("in_progress", "cancelled", "expired")),
    "in_progress": frozenset(("queued", "completed", "failed", "cancelled")),
    "completed": frozenset(("expired",)),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}
"""From each status to those that may follow. ``in_progress`` to ``queued``: given back, or rescued."""

LIVE: frozenset[Status] = frozenset(("queued", "in_progress"))
ENDED: frozenset[Status] = frozenset(FOLLOWS) - LIVE

ATTEMPTS = 2
"""A job that killed its engine twice is failed: no crash loops."""

WAITED = 10
"""So often a job that only waits for memory outlives its gateway at no cost; from then on it may be what kills it."""

LEASE_SECONDS = 30.0
"""A worker that has not been heard of for that long is dead."""

HEARTBEAT_SECONDS = 5.0


class Failure(Struct, frozen=True, kw_only=True):
    """Why a job failed. ``message`` may be shown to its owner."""

    cause: Cause
    message: str


class Artifact(Struct, frozen=True, kw_only=True):
    """One file of a result: ``name`` is what clients ask for (``video``, ``thumbnail``), ``key`` its place in the
    artifact store, ``size`` its bytes, ``digest`` its SHA-256 in hex."""

    name: str
    key: str
    media_type: str
    size: int
    digest: str = ""


class NewJob(Struct, frozen=True, kw_only=True):
    """What a client asks for. ``spec`` is JSON that only the job's kind reads; ``request_digest`` stands for the
    request under its ``idempotency_key``. ``wait_seconds`` is how long it may stay queued before it expires. Whoever
    puts files beside it first gives it an ``id`` (``new_id``)."""

    id: str = ""
    owner: str
    kind: str
    model: str
    spec: bytes
    priority: int = 0
    notes: tuple[str, ...] = ()
    wait_seconds: float | None = None
    idempotency_key: str | None = None
    request_digest: str = ""


class Job(Struct, frozen=True, kw_only=True):
    """A row. Times are Unix seconds (UTC), ``eta`` seconds, ``progress`` 0 to 100, ``owner`` a key's id or ``""``.

    ``attempt`` counts claims and fences writes; ``returned`` counts those given back, which use nothing up.
    ``notes`` say what was changed of the request (snapped sizes). ``abroad``: what was begun for it at a provider.
    """

    id: str
    owner: str
    kind: str
    model: str
    spec: bytes
    status: Status
    created_at: float
    run_at: float
    priority: int = 0
    variant: str = ""
    backend: str = ""
    progress: float = 0.0
    stage: str = ""
    eta: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    expires_at: float | None = None
    attempt: int = 0
    returned: int = 0
    worker: str = ""
    lease_until: float | None = None
    cancel_requested: bool = False
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    result: tuple[Artifact, ...] = ()
    bytes: int = 0
    abroad: Abroad | None = None

    @property
    def attempts_used(self) -> int:
        return self.attempt - self.returned


class Progress(Struct, frozen=True, kw_only=True):
    """What its worker says about a running job; what is left out stays."""

    percent: float | UnsetType = UNSET
    stage: str | UnsetType = UNSET
    eta: float | UnsetType | None = UNSET
    variant: str | UnsetType = UNSET
    backend: str | UnsetType = UNSET
    notes: tuple[str, ...] | UnsetType = UNSET


class Verdict(Struct, frozen=True, kw_only=True):
    """What a job becomes when its attempt came to nothing."""

    status: Status
    failure: Failure | None = None


def may_follow(before: Status, after: Status) -> bool:
    return after in FOLLOWS[before]


def precede(after: Status) -> tuple[Status, ...]:
    """The statuses that ``after`` may follow, in a fixed order."""
    return tuple(before for before in FOLLOWS if may_follow(before, after))


def after_loss(*, used: int, attempts: int, cancel_requested: bool, failure: Failure) -> Verdict:
    """An attempt is over without a result: its worker died, or its engine did. Again, unless nobody wants it any more
    or it has used up its ``attempts``; then ``failure`` is what its owner reads."""
    if cancel_requested:
        return Verdict(status="cancelled")
    if used >= attempts:
        return Verdict(status="failed", failure=failure)
    return Verdict(status="queued")


def is_charged(job: Job) -> bool:
    """Whether the end of its worker costs a running job an attempt: it had begun, or has been given back too often.

    What a provider does goes on meanwhile, and brings no gateway down.
    """
    if job.abroad is not None and job.abroad.task is not None:
        return False
    return bool(job.stage) or job.returned >= WAITED


def new_id(kind: str) -> str:
    """``video_`` and 128 random bits: not to be guessed by others."""
    return f"{kind}_{secrets.token_hex(16)}"


def worker_name(gateway: str) -> str:
    """A name for this run of ``gateway``, whose own name outlives its runs."""
    return f"{gateway}/{secrets.token_hex(8)}"


def gateway_of(worker: str) -> str:
    return worker.rpartition("/")[0]


def request_digest(*parts: bytes) -> str:
    """SHA-256 in hex of a request's parts; where one ends and the next begins counts."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()
