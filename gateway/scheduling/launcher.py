"""The port through which the runtime gets engines: start one, use it, stop it. Types only."""

import asyncio
from typing import Protocol

from backends.contract import Backend
from backends.errors import BackendError
from gateway.catalog.profile import ModelProfile, Variant
from gateway.scheduling.decision import Placement
from gateway.scheduling.target import Depth, Target


class Running(Protocol):
    """A backend that takes calls, and the handle on whatever runs it."""

    @property
    def backend(self) -> Backend: ...

    @property
    def exited(self) -> "asyncio.Future[str]":
        """Resolves with a reason when it ends by itself; never for a server that somebody else runs."""
        ...

    @property
    def pid(self) -> int | None: ...

    def pids(self) -> frozenset[int]:
        """Its process and all below it, none for a server that somebody else runs. Asks the system: for a thread."""
        ...

    async def memory(self) -> int:
        """Resident bytes of the process tree, 0 when unknown."""
        ...

    def log_tail(self) -> str:
        """Last lines of its output, for operators."""
        ...

    async def sleep(self, depth: Depth) -> None:
        """Off its devices, into host RAM or out of memory; device memory is free afterwards. Raises ``BackendError``
        when it cannot.
        """
        ...

    async def wake(self) -> None:
        """Takes calls again, however deep it slept. Raises ``BackendError`` when it cannot; then it holds memory until
        it is stopped.
        """
        ...

    async def stop(self) -> None:
        """Returns when the process is gone and its memory is back; idempotent."""
        ...

    def kill(self) -> None:
        """Ends it without grace, also in the middle of a ``stop``, which still has to be awaited."""
        ...


class Launcher(Protocol):
    """Starts what a target names. Raises ``BackendError``; cancelling stops whatever was started."""

    async def launch(self, target: Target, placement: Placement) -> Running: ...

    def missing(self, profile: ModelProfile, variant: Variant) -> BackendError | None:
        """Why this machine cannot start the variant as it is: no weights, no engine. Cheap, asked per request."""
        ...
