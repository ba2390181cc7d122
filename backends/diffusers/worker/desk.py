"""Jobs of one worker: one at a time, in the model's own thread; the rest wait for their turn.

Knows the life of a job, nothing of HTTP and nothing of torch.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor

from backends.diffusers.worker.model import Control, JobStoppedError, Model
from backends.errors import BackendError, Cause
from backends.wire.media_job import LAST, Accepted, Alive, Cancelled, Done, Event, Failed, MediaJob, Memory

_log = logging.getLogger(__name__)
_MOST_WAITING = 8


class Desk:
    """One a process. ``alive_seconds``: something is said at least so often while a job waits or works."""

    def __init__(self, model: Model, thread: ThreadPoolExecutor, alive_seconds: float) -> None:
        self._model = model
        self._thread = thread
        self._alive_seconds = alive_seconds
        self._turn = asyncio.Lock()
        self._jobs: dict[str, Control] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._offloaded = False

    def admit(self, job: MediaJob) -> None:
        """Raises ``BackendError``: the model cannot do it, the id is taken, or too many wait already."""
        self._model.check(job)
        if job.id in self._jobs:
            raise BackendError(Cause.INVALID_REQUEST, "a job of this id is here already", param="id")
        if len(self._jobs) >= _MOST_WAITING:
            raise BackendError(Cause.QUEUE_FULL, "too many jobs wait for this worker", retry_after=1.0)

    async def events(self, job: MediaJob) -> AsyncGenerator[Event]:
        """From ``Accepted`` to one of ``LAST``. Closing it early cancels the job."""
        loop = asyncio.get_running_loop()
        said: asyncio.Queue[Event] = asyncio.Queue()

        def report(event: Event) -> None:
            loop.call_soon_threadsafe(said.put_nowait, event)

        control = self._jobs[job.id] = Control(report)
        task = loop.create_task(self._work(job, control))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            yield Accepted(id=job.id)
            event: Event | None = None
            while not isinstance(event, LAST):
                try:
                    event = await asyncio.wait_for(said.get(), self._alive_seconds)
                except TimeoutError:
                    event = Alive()
                yield event
        finally:
            control.stop()

    def cancel(self, job_id: str) -> bool:
        """Whether there is such a job; it ends at its next step."""
        control = self._jobs.get(job_id)
        if control is not None:
            control.stop()
        return control is not None

    def stop(self) -> None:
        """Cancels all of them."""
        for control in self._jobs.values():
            control.stop()

    async def idle(self) -> None:
        """Returns when no job works or waits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def offload(self) -> None:
        """After the job that works. Raises ``BackendError`` when it cannot be done."""
        async with self._turn:
            self._offloaded = True
            await self._in_thread(self._model.offload)

    async def onload(self) -> None:
        """Raises ``BackendError`` when there is no room."""
        async with self._turn:
            await self._bring_back()

    def memory(self) -> Memory:
        """What the process holds."""
        return self._model.memory()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a job failed as nobody foresaw", exc_info=error)

    async def _work(self, job: MediaJob, control: Control) -> None:
        last: Event = Failed(cause=Cause.INTERNAL.value, message="the worker failed")  # unless told otherwise
        try:
            async with self._turn:
                last = await self._try(job, control)
        except BackendError as error:
            last = Failed(cause=error.cause.value, message=error.detail, param=error.param, private=error.private)
        finally:
            del self._jobs[job.id]
            control.report(last)

    async def _try(self, job: MediaJob, control: Control) -> Event:
        begun = time.monotonic()
        try:
            control.check()
            await self._bring_back()
            await self._in_thread(lambda: self._model.run(job, control))
        except JobStoppedError:
            return Cancelled()
        return Done(seconds=time.monotonic() - begun, memory=self._model.memory())

    async def _bring_back(self) -> None:
        if self._offloaded:
            await self._in_thread(self._model.onload)
            self._offloaded = False

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)
