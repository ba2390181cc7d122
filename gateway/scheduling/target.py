"""What a request may be served by: one variant, as the scheduler has to know it. Data only; bytes and seconds."""

from typing import Literal

from msgspec import Struct

from gateway.scheduling.replica import base_of

RunsOn = Literal["gpu", "gpu_else_cpu", "any"]
"""``gpu``: a card or nothing. ``gpu_else_cpu``: host RAM on a machine without cards. ``any``: host RAM also beside
cards that have no room."""


Depth = Literal["light", "deep"]
"""How a resident sleeps. ``light``: its weights wait in host RAM. ``deep``: only its process is left, and it reads them
again; that costs less than a start, which imports and compiles besides. One leads to the other only through waking."""


class Bed(Struct, frozen=True, kw_only=True):
    """What a resident keeps asleep, in host RAM and on each of its devices, and the seconds to wake."""

    wake_seconds: float
    host_bytes: int
    device_bytes: int = 0


class Sleep(Bed, frozen=True, kw_only=True):
    """How a resident sleeps lightly, and deeply where its engine can."""

    deep: Bed | None = None

    def bed(self, depth: Depth) -> Bed:
        """Of that depth; the only one where there is no other."""
        return self.deep if depth == "deep" and self.deep is not None else self


class Target(Struct, frozen=True, kw_only=True):
    """A variant somebody wants: what it needs and how many requests one resident serves at once.

    ``managed`` is false for a server that somebody else runs: it takes none of our memory. ``host_bytes`` are needed
    in host RAM beside whatever device it runs on. ``split`` is the most cards it may be spread over, in equal parts,
    each with ``split_overhead_bytes`` more; ``split_evenly``: only over a number that divides it, since heads and
    experts do not come in thirds. ``speed`` divides the time of a request. ``fixed``: no request needs more memory than
    another, so that a figure which another engine of the same has taught makes nobody grow.
    """

    variant_id: str
    profile_id: str
    device_bytes: int
    host_bytes: int = 0
    slots: int = 1
    load_seconds: float = 30.0
    pin: bool = False
    managed: bool = True
    idle_unload_seconds: float | None = None
    runs_on: RunsOn = "gpu_else_cpu"
    split: int = 1
    split_overhead_bytes: int = 0
    split_evenly: bool = False
    speed: float = 1.0
    fixed: bool = False
    sleep: Sleep | None = None

    @property
    def fails_as(self) -> str:
        """Whose failures are its own: replicas of ours start from the same files, servers of others do not."""
        return base_of(self.variant_id) if self.managed else self.variant_id
