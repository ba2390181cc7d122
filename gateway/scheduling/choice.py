"""Which of several variants serves a request: ``choose`` asks ``placement.decide`` about each. Pure.

What is in memory beats what would have to be loaded; what fits beside everybody beats what needs others to leave,
unless those others are hardly missed. Among equals the profile's order decides.
"""

from collections.abc import Sequence

from msgspec import Struct

from backends.errors import Cause
from gateway.scheduling.decision import Decision, Join, Load, Refuse, Serve, Wait
from gateway.scheduling.device import Inventory
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import Policy
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Target


class Choice(Struct, frozen=True):
    """The variant and what has to happen for it."""

    target: Target
    decision: Decision


def choose(
    choices: Sequence[Target], residents: Sequence[Resident], inventory: Inventory, policy: Policy, now: float
) -> Choice:
    """The best of ``choices`` (at least one, the preferred first). Same inputs, same output."""
    if len(choices) == 1:
        return Choice(choices[0], decide(choices[0], residents, inventory, policy, now))
    found = [Choice(target, decide(target, residents, inventory, policy, now)) for target in choices]
    return (
        _first(found, Serve)
        or _load(found, policy)
        or _first(found, Join)
        or _restart(found)
        or _soonest(found)
        or _refused(found)
    )


def _first(found: Sequence[Choice], kind: type[Decision]) -> Choice | None:
    return next((choice for choice in found if isinstance(choice.decision, kind)), None)


def _load(found: Sequence[Choice], policy: Policy) -> Choice | None:
    """The cheapest: who must leave, and a little for each step down in quality or speed. A full one is joined."""
    if _first(found, Join) is not None:
        return None
    best: tuple[float, int, Choice] | None = None
    for rank, choice in enumerate(found):
        if isinstance(choice.decision, Load):
            placement = choice.decision.placement
            slow = max(0.0, 1.0 / choice.target.speed - 1.0) * policy.slowness_seconds
            cost = placement.price + rank * policy.preference_seconds + slow
            if best is None or (cost, rank) < best[:2]:
                best = (cost, rank, choice)
    return None if best is None else best[2]


def _restart(found: Sequence[Choice]) -> Choice | None:
    return next((c for c in found if not isinstance(c.decision, (Wait, Refuse))), None)


def _soonest(found: Sequence[Choice]) -> Choice | None:
    waits = [(choice.decision.seconds, rank, choice) for rank, choice in enumerate(found)
             if isinstance(choice.decision, Wait)]  # fmt: skip
    return min(waits, key=lambda entry: entry[:2])[2] if waits else None


def _refused(found: Sequence[Choice]) -> Choice:
    """The one that came closest: held by pinned models beats too large; else the last, which is the smallest."""
    held = [c for c in found if isinstance(c.decision, Refuse) and c.decision.cause is Cause.NO_CAPACITY]
    return held[0] if held else found[-1]
