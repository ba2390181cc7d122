"""The table ``jobs``, and a row as a ``Job``. Its history is in ``migrations``; a test holds the two together."""

from typing import Any

from msgspec.json import decode, encode
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
)

from backends.errors import Cause
from gateway.jobs.job import Artifact, Failure, Job
from gateway.routing.abroad import Abroad

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("variant", Text, nullable=False, default=""),
    Column("backend", Text, nullable=False, default=""),
    Column("spec", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("progress", Double[float](), nullable=False, default=0.0),
    Column("stage", Text, nullable=False, default=""),
    Column("eta", Double[float]()),
    Column("priority", Integer, nullable=False, default=0),
    Column("created_at", Double[float](), nullable=False),
    Column("run_at", Double[float](), nullable=False),
    Column("started_at", Double[float]()),
    Column("finished_at", Double[float]()),
    Column("expires_at", Double[float]()),
    Column("attempt", Integer, nullable=False, default=0),
    Column("returned", Integer, nullable=False, default=0),
    Column("worker", Text, nullable=False, default=""),
    Column("lease_until", Double[float]()),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("idempotency_key", Text),
    Column("request_digest", Text, nullable=False, default=""),
    Column("error_cause", Text),
    Column("error_message", Text),
    Column("notes", LargeBinary, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("abroad", LargeBinary),
    UniqueConstraint("owner", "idempotency_key", name="uq_jobs_idempotency"),
)
Index("ix_jobs_claim", jobs.c.kind, jobs.c.status, jobs.c.priority.desc(), jobs.c.run_at, jobs.c.id)
Index("ix_jobs_owner", jobs.c.owner, jobs.c.kind, jobs.c.created_at, jobs.c.id)


def job_of(row: Row[Any]) -> Job:
    """A row of every column."""
    fields = row._mapping  # pyright: ignore[reportPrivateUsage] -- public API of SQLAlchemy, named so to keep columns free
    failure = None
    if fields["error_cause"] is not None:
        failure = Failure(
            cause=_CAUSES.get(fields["error_cause"], Cause.INTERNAL), message=fields["error_message"] or ""
        )
    abroad = fields["abroad"]
    plain = {name: fields[name] for name in _PLAIN}
    return Job(
        failure=failure,
        notes=decode(fields["notes"], type=tuple[str, ...]),
        result=decode(fields["result"], type=tuple[Artifact, ...]),
        abroad=None if abroad is None else decode(abroad, type=Abroad),
        **plain,
    )


def plain_text(text: str) -> str:
    """What both databases can keep: PostgreSQL takes neither NUL nor half a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:_LONGEST_MESSAGE]


def stored_list(values: tuple[str, ...] | tuple[Artifact, ...]) -> bytes:
    """As ``notes`` and ``result`` are kept: JSON."""
    return encode(values)


_LONGEST_MESSAGE = 2_000
_CAUSES = {cause.value: cause for cause in Cause}
"""Words of a later release that shares the table are not among them."""
_PLAIN = tuple(name for name in Job.__struct_fields__ if name not in ("failure", "notes", "result", "abroad"))
