"""What nobody asks for but time brings: rescue of jobs whose worker is gone, expiry, forgetting. Deletes no file.

Safe to run in every gateway at once. Calls are synchronous: the gateway makes them in a thread.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update

from backends.errors import Cause
from gateway.jobs.claims import loss
from gateway.jobs.job import ATTEMPTS, LIVE, Failure, Job, gateway_of, is_charged
from gateway.jobs.storage import Storage
from gateway.jobs.table import job_of, jobs, stored_list

WORKER_LOST = Failure(cause=Cause.INTERNAL, message="the gateway that ran this job stopped, as often as may be tried")
_NO_FILES = stored_list(())
_AT_ONCE = 500


class Sweep:
    """Of jobs of one kind. Everything raises ``BackendError(STORAGE)``."""

    def __init__(self, storage: Storage, *, kind: str, attempts: int = ATTEMPTS) -> None:
        self._storage = storage
        self._kind = kind
        self._attempts = attempts

    def rescue(self) -> tuple[Job, ...]:
        """Jobs whose lease has ended, as they are now: queued again, or failed, or cancelled if that was asked for."""
        return self._rescue(jobs.c.lease_until < self._storage.now())

    def rescue_predecessors(self, worker: str) -> tuple[Job, ...]:
        """At start: jobs that earlier runs of this worker's gateway left, without waiting for their leases.

        Only for a gateway that holds the lock of its state, so that no earlier run of it can be alive.
        """
        name = f"{gateway_of(worker)}/"
        earlier = func.substr(jobs.c.worker, 1, len(name)) == name  # SQLite's LIKE takes A for a
        return self._rescue(and_(earlier, jobs.c.worker != worker))

    def expire(self) -> tuple[Job, ...]:
        """Ends the time of results, and of jobs that waited too long for their first attempt (of what goes on at a
        provider that attempt was made).

        Returns every expired job whose files are still recorded, of earlier sweeps too: delete those files, then call
        ``forget_files``.
        """
        waited = and_(jobs.c.status == "queued", jobs.c.attempt == jobs.c.returned, jobs.c.abroad.is_(None))
        kept = jobs.c.status == "completed"
        over = and_(jobs.c.kind == self._kind, jobs.c.expires_at <= self._storage.now())
        of_kind = and_(jobs.c.kind == self._kind, jobs.c.status == "expired")
        with self._storage.write() as connection:
            ended = update(jobs).values(status="expired", finished_at=self._storage.now())
            connection.execute(ended.where(_free(over, waited)))
            connection.execute(update(jobs).values(status="expired").where(_free(over, kept)))
            left = connection.execute(select(jobs).where(of_kind, jobs.c.result != _NO_FILES).limit(_AT_ONCE))
            return tuple(job_of(row) for row in left)

    def forget_files(self, ids: Collection[str]) -> None:
        """The files of these expired jobs are gone."""
        gone = and_(jobs.c.id.in_(sorted(ids)), jobs.c.status == "expired")
        with self._storage.write() as connection:
            connection.execute(update(jobs).where(gone).values(result=_NO_FILES, bytes=0))

    def with_files(self, ids: Collection[str]) -> frozenset[str]:
        """Which of these jobs may have files: live ones (what they begin with), and those with a result. Other files
        belong to nobody."""
        may = or_(jobs.c.status.in_(sorted(LIVE)), jobs.c.result != _NO_FILES)
        with self._storage.read() as connection:
            return frozenset(connection.execute(select(jobs.c.id).where(jobs.c.id.in_(sorted(ids)), may)).scalars())

    def purge(self, older_than: float) -> int:
        """Forgets jobs that ended without a result, or lost it, more than that many seconds ago. How many."""
        over = and_(jobs.c.status.in_(("cancelled", "expired", "failed")), jobs.c.result == _NO_FILES)
        old = jobs.c.finished_at < self._storage.now() - older_than
        with self._storage.write() as connection:
            return connection.execute(delete(jobs).where(_free(jobs.c.kind == self._kind, over, old))).rowcount

    def _rescue(self, lost: ColumnElement[bool]) -> tuple[Job, ...]:
        running = and_(jobs.c.kind == self._kind, jobs.c.status == "in_progress")
        # Rows that another gateway is rescuing, or whose worker is writing just now, are passed over.
        found = select(jobs).where(running, lost).order_by(jobs.c.id).with_for_update(skip_locked=True)
        with self._storage.write() as connection:
            orphans = [job_of(row) for row in connection.execute(found).all()]
            written = [
                loss(self._storage, job, self._attempts, WORKER_LOST, charged=is_charged(job)).returning(jobs)
                for job in orphans
            ]
            return tuple(job_of(connection.execute(each).one()) for each in written)


def _free(*wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Such rows, but those another gateway is writing: two sweeps that wait for each other's rows would deadlock."""
    return jobs.c.id.in_(select(jobs.c.id).where(*wanted).with_for_update(skip_locked=True))
