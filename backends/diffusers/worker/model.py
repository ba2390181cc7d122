"""What the front needs of a loaded model. Types only: nothing here imports torch."""

from collections.abc import Callable
from typing import Protocol

from backends.wire.media_job import Event, MediaJob, Memory


class JobStoppedError(Exception):
    """Raised inside a job by its own hooks, once it has been cancelled."""


class Control:
    """How a job in the model's thread talks to the front: events out, a stop in. Both may be called from any thread."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self.report = report
        self.stopped = False

    def stop(self) -> None:
        """The job ends at its next step."""
        self.stopped = True

    def check(self) -> None:
        """Raises ``JobStoppedError`` if the job has been cancelled."""
        if self.stopped:
            raise JobStoppedError


class Model(Protocol):
    """A pipeline in memory. All of it is called from one thread, ``check`` and ``memory`` from any."""

    def check(self, job: MediaJob) -> None:
        """Raises ``BackendError(INVALID_REQUEST)``, with ``param``, for what this model cannot do. Cheap."""
        ...

    def run(self, job: MediaJob, control: Control) -> None:
        """Does the job and reports its events but for the first and the last.

        Raises ``JobStoppedError``, and ``BackendError`` for failures. Whatever happens, the next job is not affected.
        """
        ...

    def offload(self) -> None:
        """Moves to host RAM; the device's memory is free afterwards."""
        ...

    def onload(self) -> None:
        """Comes back to the device; nothing when it is there."""
        ...

    def memory(self) -> Memory:
        """As it is now."""
        ...
