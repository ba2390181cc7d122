"""Jobs as a worker sees them: claim one, keep it, end it. Never decides what a job does, nor what a lost one becomes.

A claim is a lease fenced by (worker, attempt): every write of a worker names both, and touches nothing once the job
has gone to another. Calls are synchronous and may wait for the disk or the network: the gateway makes them in a thread.
"""

from collections.abc import Collection

from msgspec import UNSET, Struct
from msgspec.json import encode
from sqlalchemy import ColumnElement, Update, and_, case, select, update

from gateway.jobs.job import ATTEMPTS, LEASE_SECONDS, Artifact, Failure, Job, Progress, after_loss
from gateway.jobs.storage import Storage
from gateway.jobs.table import job_of, jobs, plain_text, stored_list
from gateway.routing.abroad import Abroad


class Pulse(Struct, frozen=True, kw_only=True):
    """What a worker hears when it says that it lives. Without ``held`` the job is another's now: drop it at once."""

    held: bool
    cancel_requested: bool = False


class Claims:
    """One worker's claims on jobs of one kind. ``worker`` is unique to a run of a process (``worker_name``).

    Methods take the ``Job`` that ``claim`` returned. Those that end it return the row as it is then, or None when the
    claim was lost and nothing was written. Everything raises ``BackendError(STORAGE)``.
    """

    def __init__(
        self, storage: Storage, *, worker: str, kind: str, attempts: int = ATTEMPTS, lease: float = LEASE_SECONDS
    ) -> None:
        self._storage = storage
        self._worker = worker
        self._kind = kind
        self._attempts = attempts
        self._lease = lease

    def claim(self, models: Collection[str] | None = None, besides: Collection[str] = ()) -> Job | None:
        """The next job that is due, of these ``models`` if named, of none of ``besides``: highest priority first, then
        the longest waiting.

        One statement, in which rows that others are claiming are passed over.
        """
        now = self._storage.now()
        due = select(jobs.c.id).where(jobs.c.kind == self._kind, jobs.c.status == "queued", jobs.c.run_at <= now)
        if models is not None:
            due = due.where(jobs.c.model.in_(sorted(models)))
        if besides:
            due = due.where(jobs.c.model.not_in(sorted(besides)))
        due = due.order_by(jobs.c.priority.desc(), jobs.c.run_at, jobs.c.id).limit(1)
        statement = update(jobs).where(jobs.c.id == due.with_for_update(skip_locked=True).scalar_subquery())
        return self._ended(
            statement.values(
                status="in_progress",
                worker=self._worker,
                attempt=jobs.c.attempt + 1,
                lease_until=now + self._lease,
                started_at=now,
                progress=0.0,
                stage="",
                eta=None,
                variant="",
                backend="",
            )
        )

    def heartbeat(self, job: Job) -> Pulse:
        """I live: the lease begins anew."""
        return self.progress(job, Progress())

    def progress(self, job: Job, progress: Progress) -> Pulse:
        """What is to be told about the job, and a heartbeat."""
        statement = update(jobs).where(_held(job)).values(lease_until=self._storage.now() + self._lease)
        for column, value in (
            (jobs.c.progress, progress.percent),
            (jobs.c.stage, progress.stage),
            (jobs.c.eta, progress.eta),
            (jobs.c.variant, progress.variant),
            (jobs.c.backend, progress.backend),
            (jobs.c.notes, UNSET if progress.notes is UNSET else stored_list(progress.notes)),
        ):
            if value is not UNSET:
                statement = statement.values({column: value})
        # That it has begun must outlive a power cut that it causes: such an attempt counts.
        begins = progress.variant is not UNSET
        with self._storage.write() if begins else self._storage.write_hastily() as connection:
            wanted = connection.execute(statement.returning(jobs.c.cancel_requested)).scalar_one_or_none()
        return Pulse(held=wanted is not None, cancel_requested=bool(wanted))

    def note_abroad(self, job: Job, abroad: Abroad | None) -> bool:
        """What has begun for it at a provider, durable on return. False when the claim was lost and nothing was
        written."""
        stored = None if abroad is None else encode(abroad)
        statement = update(jobs).where(_held(job)).values(abroad=stored, lease_until=self._storage.now() + self._lease)
        with self._storage.write() as connection:
            return connection.execute(statement.returning(jobs.c.id)).one_or_none() is not None

    def unwanted(self) -> frozenset[str]:
        """Which of this worker's running jobs are to be cancelled."""
        mine = and_(jobs.c.status == "in_progress", jobs.c.worker == self._worker, jobs.c.kind == self._kind)
        with self._storage.read() as connection:
            found = connection.execute(select(jobs.c.id).where(mine, jobs.c.cancel_requested))
            return frozenset(found.scalars())

    def finish(self, job: Job, result: tuple[Artifact, ...], *, keep_seconds: float | None = None) -> Job | None:
        """Publish. Its files must be in place already; they expire after ``keep_seconds``.

        Whoever cancelled before this commit wins: the job returned is then ``cancelled`` and the files go.
        """
        now = self._storage.now()
        unwanted = jobs.c.cancel_requested
        return self._ended(
            self._end(job).values(
                status=case((unwanted, "cancelled"), else_="completed"),
                progress=case((unwanted, jobs.c.progress), else_=100.0),
                result=case((unwanted, stored_list(())), else_=stored_list(result)),
                bytes=case((unwanted, 0), else_=sum(artifact.size for artifact in result)),
                expires_at=None if keep_seconds is None else case((unwanted, None), else_=now + keep_seconds),
            )
        )

    def fail(self, job: Job, failure: Failure) -> Job | None:
        """It cannot be done, and trying again would not help."""
        return self._ended(self._end(job).values(status="failed", **_told(failure)))

    def cancelled(self, job: Job) -> Job | None:
        """The worker has stopped as it was asked to."""
        return self._ended(self._end(job).values(status="cancelled"))

    def retry(self, job: Job, failure: Failure, *, delay: float = 0.0) -> Job | None:
        """This attempt came to nothing: again after ``delay`` seconds, or ``failure`` when attempts are used up."""
        with self._storage.write() as connection:
            row = connection.execute(select(jobs).where(_held(job)).with_for_update()).one_or_none()
            if row is None:
                return None
            statement = loss(self._storage, job_of(row), self._attempts, failure)
            if delay:
                statement = statement.values(run_at=self._storage.now() + delay)
            return job_of(connection.execute(statement.returning(jobs)).one())

    def give_back(self, job: Job, *, delay: float = 0.0) -> Job | None:
        """Nothing was tried (no room, a drain): queued again without using an attempt, due after ``delay`` seconds."""
        again = self._end(job).values(
            status=case((jobs.c.cancel_requested, "cancelled"), else_="queued"),
            finished_at=case((jobs.c.cancel_requested, self._storage.now()), else_=None),
            expires_at=case((jobs.c.cancel_requested, None), else_=jobs.c.expires_at),
            returned=jobs.c.returned + 1,
        )
        return self._ended(again.values(run_at=self._storage.now() + delay) if delay else again)

    def _end(self, job: Job) -> Update:
        return ended(self._storage).where(_held(job))

    def _ended(self, statement: Update) -> Job | None:
        with self._storage.write() as connection:
            row = connection.execute(statement.returning(jobs)).one_or_none()
        return None if row is None else job_of(row)


def ended(storage: Storage) -> Update:
    """What is true of every job that stops running now; ``worker`` stays, for whoever asks who ran it."""
    return update(jobs).values(lease_until=None, eta=None, finished_at=storage.now(), expires_at=None)


def loss(storage: Storage, job: Job, attempts: int, failure: Failure, *, charged: bool = True) -> Update:
    """The write that follows an attempt without a result; one that is not ``charged`` uses nothing up. The caller has
    the row locked."""
    verdict = after_loss(
        used=job.attempts_used - (not charged),
        attempts=attempts,
        cancel_requested=job.cancel_requested,
        failure=failure,
    )
    statement = ended(storage).where(_held(job)).values(status=verdict.status)
    if not charged:
        statement = statement.values(returned=jobs.c.returned + 1)
    if verdict.status == "queued":
        statement = statement.values(finished_at=None, expires_at=jobs.c.expires_at)
    return statement.values(**_told(verdict.failure)) if verdict.failure else statement


def _held(job: Job) -> ColumnElement[bool]:
    return and_(
        jobs.c.id == job.id,
        jobs.c.status == "in_progress",
        jobs.c.worker == job.worker,
        jobs.c.attempt == job.attempt,
    )


def _told(failure: Failure) -> dict[str, str]:
    return {"error_cause": failure.cause.value, "error_message": plain_text(failure.message)}
