"""How many requests an engine is given at once, from what it says of its load. Pure.

What it cannot begin yet waits better with us: in a fair queue, where another engine may take it, and who hangs up costs
nothing. So an engine with a queue of its own, or with hardly any cache left, gets no more than it works on.
"""

from msgspec import Struct

from backends.contract import Pressure

FULL_CACHE = 0.9
ROOMY_CACHE = 0.8
_IN_A_ROW = 2
"""A queue seen once says nothing: prompts that come at the same moment are begun one after the other."""


class Allowance(Struct, frozen=True):
    """``slots`` it is given at once; ``None``: all that its variant has. ``queued``: times in a row it had a queue."""

    slots: int | None = None
    queued: int = 0


def allowance(before: Allowance, said: Pressure, in_flight: int, slots: int) -> Allowance:
    """After the engine ``said`` its load, with ``in_flight`` of ours in it, of a variant with so many ``slots``.

    With a full cache it falls at once to what runs, with a queue by a quarter at a time, never below 1: a burst of long
    prompts is a queue too, and soon over. It rises by halves while there is no queue and room in the cache, is gone
    when less than half of it is used, and stays as it is in between.
    """
    now = slots if before.slots is None else min(before.slots, slots)
    queued = before.queued + 1 if said.waiting else 0
    runs = max(1, min(said.running, in_flight))
    if said.cache_usage > FULL_CACHE:
        now = min(now, runs)
    elif queued >= _IN_A_ROW:
        now = min(now, max(runs, now * 3 // 4, 1))
    elif not said.waiting and said.cache_usage <= ROOMY_CACHE:
        now = slots if 2 * said.running <= now else min(slots, now + max(1, now // 2))
    return Allowance(None if now >= slots else now, queued)
