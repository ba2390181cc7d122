"""What the operator may tune of the queue. Data only; seconds."""

from msgspec import Struct, field

from gateway.scheduling.fairness import Turns


class Limits(Struct, frozen=True, kw_only=True):
    """``queue_size`` tickets a line; how patient lines are; after how much disuse a resident leaves, and one asleep."""

    queue_size: int = 512
    turns: Turns = field(default_factory=Turns)
    idle_unload: float = 900.0
    asleep_unload: float = 3600.0
