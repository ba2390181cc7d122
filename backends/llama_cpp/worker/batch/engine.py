# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp and numpy views have no types that a strict check could follow.
"""The thread that owns the context: takes jobs in, gives slots out, runs steps, and sends pieces to the event loop.

Which slot and which tokens is decided in ``placing`` and ``stepping``; what a step does is in ``step``.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from backends.llama_cpp.worker.batch.context import Context
from backends.llama_cpp.worker.batch.job import EmbeddingJob, Job
from backends.llama_cpp.worker.batch.model import Model
from backends.llama_cpp.worker.batch.placing import Placement, may_settle, place, settle
from backends.llama_cpp.worker.batch.slot import Slot, Work
from backends.llama_cpp.worker.batch.step import Stepper

AnyJob = Job | EmbeddingJob


class Engine:
    """Runs until ``stop``. ``submit`` and ``cancel`` may be called from the event loop at any time."""

    def __init__(self, model: Model, context: Context, slots: int, on_death: Callable[[], None]) -> None:
        self.slots = [Slot(index=index) for index in range(slots)]
        self.stepper = Stepper(model, context, self.slots)
        self._context = context
        self._sharing = not model.sequential_memory
        self._window = model.window
        self._loop = asyncio.get_running_loop()
        self._on_death = on_death
        self._wakeup = threading.Condition()
        self._inbox: deque[AnyJob] = deque()
        self._waiting: deque[AnyJob] = deque()
        self._order = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Jobs without a slot. Read from the event loop: a moment old at most."""
        return len(self._inbox) + len(self._waiting)

    @property
    def busy(self) -> int:
        return sum(slot.work is not None for slot in self.slots)

    def submit(self, job: AnyJob) -> None:
        with self._wakeup:
            self._inbox.append(job)
            self._wakeup.notify()

    def cancel(self, job: AnyJob) -> None:
        """Stop a job before the next step; nothing more comes out of it."""
        with self._wakeup:
            job.cancelled = True
            self._wakeup.notify()

    def stop(self) -> None:
        """End the thread after the current step and wait for it."""
        with self._wakeup:
            self._stopping = True
            self._wakeup.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._take():
                self._drop_cancelled()
                self._admit()
                self._settle()
                outbox = self.stepper.run()
                if outbox:
                    self._loop.call_soon_threadsafe(_deliver, outbox)
        finally:
            if not self._stopping:
                self._loop.call_soon_threadsafe(self._on_death)

    def _take(self) -> bool:
        """Wait for something to do; false when the engine shall stop."""
        with self._wakeup:
            while not (self._stopping or self._inbox or self._waiting or self.busy):
                self._wakeup.wait()
            self._waiting.extend(self._inbox)
            self._inbox.clear()
            return not self._stopping

    def _drop_cancelled(self) -> None:
        for slot in self.slots:
            job = self.stepper.jobs[slot.index]
            if job is not None and job.cancelled:
                self.stepper.release(slot)
        for job in [job for job in self._waiting if job.cancelled]:
            self._waiting.remove(job)
            self.stepper.discard(job)

    def _admit(self) -> None:
        while self._waiting:
            job = self._waiting[0]
            embedding = isinstance(job, EmbeddingJob)
            prompt = job.prompt if embedding else job.generation.prompt
            scored = not embedding and job.generation.score_prompt
            placement = place(self.slots, prompt, reuse=not (embedding or scored), sharing=self._sharing)
            if placement is None:
                return
            self._waiting.popleft()
            self._order += 1
            slot = self.slots[placement.target]
            slot.work = Work(prompt=prompt, order=self._order, every_output=embedding or scored, embedding=embedding)
            self.stepper.jobs[slot.index] = job
            if placement.wait:
                slot.work.waits_for, slot.work.waits_until = placement.source, placement.wait
            else:
                self._begin(slot, placement)

    def _settle(self) -> None:
        for slot in self.slots:
            if slot.work is not None and may_settle(self.slots, slot.work):
                slot.work.waits_for = None
                self._begin(slot, settle(self.slots, slot, slot.work.prompt, sharing=self._sharing))

    def _begin(self, slot: Slot, placement: Placement) -> None:
        """Put the memory of ``slot`` into the state that ``placement`` promises, or empty it where that fails."""
        if placement.source != placement.target:
            self._context.forget(slot.index, 0)
            self._context.share(placement.source, slot.index, placement.keep)
            slot.kept = self.slots[placement.source].kept[: placement.keep]
        else:
            self._cut(slot, placement.keep)
        self.stepper.begin(slot)

    def _cut(self, slot: Slot, keep: int) -> None:
        if keep == len(slot.kept):
            return
        whole = keep == 0
        if not self._context.forget(slot.index, keep) and not whole:
            whole = True
        if whole or (self._window and self._lost(slot.index, keep)):
            self._context.forget(slot.index, 0)
            keep = 0
        slot.kept = slot.kept[:keep]

    def _lost(self, sequence: int, keep: int) -> bool:
        """True when layers with a window have dropped some of what they need before ``keep``."""
        first = self._context.first_position(sequence)
        return first < 0 or first > max(0, keep - self._window)


def _deliver(outbox: list[Callable[[], None]]) -> None:
    for send in outbox:
        send()
