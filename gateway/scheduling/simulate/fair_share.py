"""How long a request would fairly wait: the measure for starvation, the same for every policy. Pure; seconds.

Fair is what it would have waited had nobody who came later been served before it: the work that is ahead of it when it
comes, spread over the cards and over the slots it can use, and one load for each model of that work that is not in
memory, its own included. Never less than its own load and service. Somebody with one request beside a key that sends a
hundred has a right to his share, so for the busier key the work of all keys counts as much as its own. People overtake
batch on purpose: what they ask for while it waits counts as ahead of it.
"""

from collections.abc import Iterable

from msgspec import Struct

from gateway.scheduling.simulate.outcome import Outcome
from gateway.scheduling.ticket import Priority

STARVED_FACTOR = 3.0


class Ahead(Struct, frozen=True, kw_only=True):
    """One request that is in the system: seconds of work left, and the load it needs if its model is not in memory."""

    model: str
    key: str
    work: float
    load: float


def fair_wait(ahead: Iterable[Ahead], *, key: str, load: float, seconds: float, cards: int) -> float:
    """The fair wait of a request of ``key`` that needs ``load`` and ``seconds`` itself."""
    by_key: dict[str, float] = {}
    loads: dict[str, float] = {}
    for other in ahead:
        by_key[other.key] = by_key.get(other.key, 0.0) + other.work
        loads[other.model] = other.load
    everything = sum(by_key.values())
    own = by_key.get(key, 0.0) * max(1, len(by_key))
    return load + seconds + (max(everything, own) + sum(loads.values())) / max(1, cards)


def is_starved(outcome: Outcome, overtaken: float) -> bool:
    """It waited beyond three times its share; ``overtaken`` is the work of people that came while batch waited."""
    share = outcome.fair + (overtaken if outcome.priority is Priority.BATCH else 0.0)
    return outcome.waited > STARVED_FACTOR * share
