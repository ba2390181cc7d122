"""How long a request would fairly wait: the measure for starvation, the same for every policy. Pure; seconds.

Fair is what it would have waited had nobody who came later been served before it: the work that is ahead of it when it
comes, spread over the cards and over the slots it can use, and one load for each model of that work that is not in
memory, its own included (once, however many wait for it). Never less than its own load and service. Keys share evenly:
of another key's work at most as much is ahead as of its own, so who sends one request need not wait for somebody else's
hundred, and who sends the hundred has to. People overtake batch on purpose: what they ask for while it waits counts as
ahead of it.
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


def fair_wait(ahead: Iterable[Ahead], *, model: str, key: str, load: float, seconds: float, cards: int) -> float:
    """The fair wait of a request of ``key`` for ``model``, which needs ``load`` and ``seconds`` itself."""
    by_key: dict[str, float] = {key: 0.0}
    loads: dict[str, float] = {}
    for other in ahead:
        by_key[other.key] = by_key.get(other.key, 0.0) + other.work
        loads[other.model] = other.load
    loads.pop(model, None)
    keys, own = len(by_key), by_key[key]
    work = max(own * keys, min(sum(by_key.values()), (own + seconds) * keys))
    return load + seconds + (work + sum(loads.values())) / max(1, cards)


def is_starved(outcome: Outcome, overtaken: float) -> bool:
    """It waited beyond three times its share; ``overtaken`` is the work of people that came while batch waited."""
    share = outcome.fair + (overtaken if outcome.priority is Priority.BATCH else 0.0)
    return outcome.waited > STARVED_FACTOR * share
