"""Jobs as their owners see them: create, look up, list, cancel, remove. Never runs one: that is ``claims``.

Calls are synchronous and may wait for the disk or the network: the gateway makes them in a thread.
"""

from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    and_,
    case,
    delete,
    false,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from backends.errors import BackendError, Cause
from gateway.jobs.job import ENDED, Job, NewJob, new_id, precede
from gateway.jobs.storage import Storage
from gateway.jobs.table import job_of, jobs, stored_list

Order = Literal["asc", "desc"]
LONGEST_KEY = 255


class Created(Struct, frozen=True, kw_only=True):
    """``fresh`` is False when the same request under the same idempotency key had made ``job`` before."""

    job: Job
    fresh: bool


class Page(Struct, frozen=True, kw_only=True):
    """A piece of a list; ``more`` says that jobs follow the last one."""

    jobs: tuple[Job, ...]
    more: bool


class Tally(Struct, frozen=True, kw_only=True):
    """What is in the table of one kind. ``oldest_wait`` is in seconds, ``bytes`` those of all results."""

    queued: int
    in_progress: int
    oldest_wait: float
    bytes: int


class JobStore:
    """All by owner: another owner's job is absent. Everything raises ``BackendError(STORAGE)``."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create(self, new: NewJob) -> Created:
        """A queued job, durable on return. The same idempotency key with another request: ``INVALID_REQUEST``."""
        if len(new.idempotency_key or "") > LONGEST_KEY:
            raise BackendError(Cause.INVALID_REQUEST, "the idempotency key is too long", param="Idempotency-Key")
        with self._storage.write() as connection:
            row = connection.execute(self._insert(new)).one_or_none()
            if row is None:
                if (known := self._same(connection, new)) is not None:
                    return Created(job=known, fresh=False)
                # Between the two statements the older job was removed: its key is free now.
                row = connection.execute(self._insert(new)).one()
            return Created(job=job_of(row), fresh=True)

    def known(self, new: NewJob) -> Job | None:
        """What the same request under the same idempotency key has made before. Raises as ``create``."""
        if new.idempotency_key is None:
            return None
        with self._storage.read() as connection:
            return self._same(connection, new)

    def get(self, owner: str, job_id: str) -> Job | None:
        with self._storage.read() as connection:
            row = connection.execute(select(jobs).where(_owned(owner, job_id))).one_or_none()
        return None if row is None else job_of(row)

    def made_as(self, owner: str, kind: str, digest: str) -> Job | None:
        """The newest completed job of which a file has that SHA-256."""
        needle = literal(f'"digest":"{digest}"'.encode(), LargeBinary)
        inside = needle.op("IN")(jobs.c.result) if self._storage.on_postgresql else None
        found = func.instr(jobs.c.result, needle) if inside is None else func.position(inside)
        statement = select(jobs).where(jobs.c.owner == owner, jobs.c.kind == kind, jobs.c.status == "completed")
        newest = statement.where(found > 0).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(1)
        with self._storage.read() as connection:
            row = connection.execute(newest).one_or_none()
        return None if row is None else job_of(row)

    def page(self, owner: str, kind: str, *, limit: int = 20, after: str | None = None, order: Order = "desc") -> Page:
        """By time of creation; ``after`` is the id of the last job seen. An unknown one: ``INVALID_REQUEST``."""
        place = (jobs.c.created_at, jobs.c.id)
        statement = select(jobs).where(jobs.c.owner == owner, jobs.c.kind == kind).limit(limit + 1)
        statement = statement.order_by(*(c.asc() if order == "asc" else c.desc() for c in place))
        with self._storage.read() as connection:
            if after is not None:
                mark = connection.execute(select(*place).where(_owned(owner, after))).one_or_none()
                if mark is None:
                    raise BackendError(Cause.INVALID_REQUEST, "there is no such job to list after", param="after")
                seen = tuple_(*mark)
                statement = statement.where(tuple_(*place) > seen if order == "asc" else tuple_(*place) < seen)
            found = [job_of(row) for row in connection.execute(statement)]
        return Page(jobs=tuple(found[:limit]), more=len(found) > limit)

    def cancel(self, owner: str, job_id: str) -> Job | None:
        """At once where it is queued; a running one is marked and its worker told at its next heartbeat. A job that
        has ended stays as it is. None when there is no such job."""
        queued = jobs.c.status == "queued"
        statement = update(jobs).where(_owned(owner, job_id), jobs.c.status.in_(precede("cancelled")))
        statement = statement.values(
            status=case((queued, "cancelled"), else_=jobs.c.status),
            finished_at=case((queued, self._storage.now()), else_=jobs.c.finished_at),
            expires_at=case((queued, None), else_=jobs.c.expires_at),
            cancel_requested=True,
        )
        with self._storage.write() as connection:
            row = connection.execute(statement.returning(jobs)).one_or_none()
            if row is None:
                row = connection.execute(select(jobs).where(_owned(owner, job_id))).one_or_none()
        return None if row is None else job_of(row)

    def remove(self, owner: str, job_id: str) -> Job | None:
        """Forget a job that has ended; its files are the caller's to delete. None when there is none to remove."""
        statement = delete(jobs).where(_owned(owner, job_id), jobs.c.status.in_(sorted(ENDED))).returning(jobs)
        with self._storage.write() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else job_of(row)

    def tally(self, kind: str) -> Tally:
        """Of all owners, for gauges and limits."""
        queued = and_(jobs.c.kind == kind, jobs.c.status == "queued")
        running = and_(jobs.c.kind == kind, jobs.c.status == "in_progress")
        statement = select(
            select(func.count()).select_from(jobs).where(queued).scalar_subquery(),
            select(func.count()).select_from(jobs).where(running).scalar_subquery(),
            select(self._storage.now() - func.min(jobs.c.created_at)).where(queued).scalar_subquery(),
            select(func.sum(jobs.c.bytes)).where(jobs.c.kind == kind).scalar_subquery(),
        )
        with self._storage.read() as connection:
            waiting, at_work, oldest, size = connection.execute(statement).one()
        return Tally(queued=waiting, in_progress=at_work, oldest_wait=max(0.0, oldest or 0.0), bytes=int(size or 0))

    def _insert(self, new: NewJob) -> ReturningInsert[Any]:
        now = self._storage.now()
        into = postgresql.insert(jobs) if self._storage.on_postgresql else sqlite.insert(jobs)
        into = into.values(
            id=new.id or new_id(new.kind), owner=new.owner, kind=new.kind, model=new.model, spec=new.spec,
            status="queued", priority=new.priority, created_at=now, run_at=now,
            expires_at=None if new.wait_seconds is None else now + new.wait_seconds,
            idempotency_key=new.idempotency_key, request_digest=new.request_digest,
            notes=stored_list(new.notes), result=stored_list(()),
        )  # fmt: skip
        return into.on_conflict_do_nothing(index_elements=[jobs.c.owner, jobs.c.idempotency_key]).returning(jobs)

    def _same(self, connection: Connection, new: NewJob) -> Job | None:
        key = and_(jobs.c.owner == new.owner, jobs.c.idempotency_key == new.idempotency_key)
        row = connection.execute(select(jobs).where(key)).one_or_none()
        if row is None:
            return None
        if row.request_digest != new.request_digest:
            raise BackendError(
                Cause.INVALID_REQUEST,
                "this idempotency key was used for another request",
                param="Idempotency-Key",
                code="idempotency_key_reused",
            )
        return job_of(row)


def _owned(owner: str, job_id: str) -> ColumnElement[bool]:
    if "\0" in job_id:  # PostgreSQL does not even compare it
        return false()
    return and_(jobs.c.id == job_id, jobs.c.owner == owner)
