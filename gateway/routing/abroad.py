"""Work at a provider that outlives the process which began it: what is written down of it, and where. Shapes only."""

from typing import Protocol

from msgspec import Struct

from backends.wire.media_job import RemoteTask
from gateway.routing.route import Where


class Abroad(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Since it is written, a request to ``provider`` for its ``model`` may have left, paid with the reservation
    ``entry`` (empty where nothing is paid). ``task``: it has begun, and can be asked after. Without, nobody knows, and
    it must not be begun again. ``nanousd``: what it has cost, in billionths of a dollar, once that is known. ``notes``:
    what has come otherwise than it was asked for.
    """

    provider: str
    model: str
    where: Where
    entry: str = ""
    task: RemoteTask | None = None
    nanousd: int | None = None
    notes: tuple[str, ...] = ()


class Journal(Protocol):
    """Of one job."""

    async def begins(self, abroad: Abroad) -> None:
        """Durable on return; only then may anything be sent. Raises ``BackendError``: nothing may."""
        ...

    async def nothing_began(self) -> None:
        """It was refused for certain: another may be asked. Raises ``BackendError``."""
        ...
