"""A model without torch: it makes as many steps as it is let, and remembers what was done to it."""

import threading

from backends.diffusers.worker.model import Control
from backends.errors import BackendError, Cause
from backends.wire.media_job import Artifact, MediaJob, Memory, Step

DEADLINE = 20.0


class FakeModel:
    """Implements ``Model``. ``steps`` is released once for each step that may be made; ``log`` is what happened."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.log: list[str] = []
        self.controls: dict[str, Control] = {}
        self.failure: Exception | None = None
        self.refusal: BackendError | None = None

    def check(self, job: MediaJob) -> None:
        if self.refusal is not None:
            raise self.refusal

    def run(self, job: MediaJob, control: Control) -> None:
        self.log.append(f"begin {job.id}")
        self.controls[job.id] = control
        if self.failure is not None:
            raise self.failure
        for i in range(job.steps or 1):
            if not self.steps.acquire(timeout=DEADLINE):
                raise BackendError(Cause.INTERNAL, "the test let nothing happen")
            control.check()
            control.report(Step(i=i + 1, n=job.steps or 1))
        control.report(Artifact(index=0, seed=job.seeds[0], width=1, height=1, format="png", data="QQ=="))
        self.log.append(f"end {job.id}")

    def offload(self) -> None:
        self.log.append("offload")

    def onload(self) -> None:
        self.log.append("onload")

    def memory(self) -> Memory:
        return Memory(device_bytes=3, host_bytes=5, device_peak_bytes=4)
