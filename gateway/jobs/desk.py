"""Where the edge brings jobs and asks for them: the store, its files and the runner behind one counter.

Owns the order of a creation (files first, then the row) and of a removal (row first, then the files), so that whatever
is interrupted leaves at most files that the sweep finds. All of it waits in threads, never in the event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.artifacts.room import Room, require_room
from gateway.artifacts.store import ArtifactStore, Made, Reached, unwatched
from gateway.jobs.job import Artifact, Job, NewJob, new_id
from gateway.jobs.runner import JobRunner
from gateway.jobs.store import Created, JobStore, Order, Page


class Given(Struct, frozen=True, kw_only=True):
    """A file that a job begins with: at a ``path`` here, or kept already under ``key``, which is then copied."""

    name: str
    path: Path | None = None
    key: str | None = None


class JobDesk:
    """Jobs of one kind."""

    def __init__(
        self,
        kind: str,
        store: JobStore,
        artifacts: ArtifactStore,
        runner: JobRunner,
        room: Room,
        most_queued: int,
        reached: Reached = unwatched,
    ) -> None:
        self.kind = kind
        self._store = store
        self._artifacts = artifacts
        self._runner = runner
        self._room = room
        self._most_queued = most_queued
        self._reached = reached

    def new_id(self) -> str:
        """For ``create``: keys of given files begin with it."""
        return new_id(self.kind)

    async def create(self, new: NewJob, given: Sequence[Given] = ()) -> Created:
        """A queued job, on the disk when this returns. ``given`` come under ``{id}/0/{name}``.

        Raises ``BackendError``: ``STORAGE`` where there is no room, ``QUEUE_FULL``, as ``JobStore.create``.
        """
        created = await asyncio.to_thread(self._create, new, given)
        self._reached("after_insert")
        if created.fresh:
            self._runner.wake()
        return created

    async def get(self, owner: str, job_id: str) -> Job:
        """Raises ``BackendError``: ``NOT_FOUND``, ``STORAGE``."""
        return _found(await asyncio.to_thread(self._store.get, owner, job_id))

    async def made_as(self, owner: str, digest: str) -> Job:
        """The completed job with a file of that SHA-256, which may have been downloaded. Raises as ``get``."""
        found = await asyncio.to_thread(self._store.made_as, owner, self.kind, digest)
        if found is None:
            detail = "this file is no video that was made here and is still kept; others are not taken"
            raise BackendError(Cause.NOT_FOUND, detail, param="video", code="video_not_found")
        return found

    async def page(self, owner: str, *, limit: int, after: str | None, order: Order) -> Page:
        """As ``JobStore.page``."""
        return await asyncio.to_thread(
            lambda: self._store.page(owner, self.kind, limit=limit, after=after, order=order)
        )

    async def remove(self, owner: str, job_id: str) -> Job | None:
        """Forgets a job that has ended, and its files; None when there is no such job, or it has not ended.

        Raises ``BackendError(STORAGE)``.
        """
        removed = await asyncio.to_thread(self._store.remove, owner, job_id)
        if removed is not None:
            self._reached("after_remove")
            await asyncio.to_thread(self._artifacts.forget, removed.id)
        return removed

    async def cancel(self, owner: str, job_id: str) -> Job:
        """One that waits ends at once, one that runs within a step; the row stays and tells so.

        Raises ``BackendError``: ``NOT_FOUND``, ``STORAGE``.
        """
        job = _found(await asyncio.to_thread(self._store.cancel, owner, job_id))
        self._reached("after_cancel")
        self._runner.stop(job.id, "cancelled")
        self._runner.abandon(job)
        return job

    def read(self, artifact: Artifact, start: int, end: int) -> AsyncIterator[bytes]:
        """As ``ArtifactStore.read``."""
        return self._artifacts.read(artifact.key, start, end)

    def _create(self, new: NewJob, given: Sequence[Given]) -> Created:
        if (known := self._store.known(new)) is not None:  # needs no room
            return Created(job=known, fresh=False)
        tally = self._store.tally(self.kind)
        require_room(self._room, tally.bytes, self._artifacts.free_bytes())
        if tally.queued >= self._most_queued:
            raise BackendError(Cause.QUEUE_FULL, f"{tally.queued} jobs are waiting already", retry_after=60.0)
        try:
            self._keep(new.id, given)
            if given:
                self._reached("after_given")
            self._reached("before_insert")
            created = self._store.create(new)
        except BackendError:
            self._discard(new.id, given)
            raise
        if not created.fresh:
            self._discard(new.id, given)
        return created

    def _keep(self, job_id: str, given: Sequence[Given]) -> None:
        for each in given:
            if each.key is not None:
                self._artifacts.copy(each.key, f"{job_id}/0/{each.name}")
            elif each.path is not None:
                self._artifacts.publish(job_id, 0, each.path.parent, (Made(name=each.name, path=each.path, sha256=""),))

    def _discard(self, job_id: str, given: Sequence[Given]) -> None:
        if given:
            self._artifacts.forget(job_id)


def _found(job: Job | None) -> Job:
    if job is None:
        raise BackendError(Cause.NOT_FOUND, "there is no such video", code="video_not_found")
    return job
