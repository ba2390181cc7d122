"""Which of several variants serves a request: ``choose`` asks ``placement.decide`` about each. Pure.

What is in memory beats what would have to be loaded; what fits beside everybody beats what needs others to leave,
unless those others are hardly missed. Among equals the profile's order decides. The next replica of a variant is loaded
when those that are there are full: at once where there is room, else when waiting for them takes longer.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from backends.contract import BackendState
from backends.errors import Cause
from gateway.scheduling.decision import Decision, Join, Load, Placement, Refuse, Serve, Wait
from gateway.scheduling.device import Inventory
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import Policy
from gateway.scheduling.replica import base_of
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
    there = {resident.variant_id: resident for resident in residents}
    asked = _in_question(choices, there)
    found = [Choice(target, decide(target, residents, inventory, policy, now)) for target in asked]
    return (
        _serve(found, there)
        or _load(found, there, policy)
        or _first(found, Join)
        or _restart(found)
        or _soonest(found)
        or _refused(found)
    )


def _first(found: Sequence[Choice], kind: type[Decision]) -> Choice | None:
    return next((choice for choice in found if isinstance(choice.decision, kind)), None)


def _in_question(choices: Sequence[Target], there: Mapping[str, Resident]) -> Sequence[Target]:
    """Of replicas that are not there only the first, and none while another is on its way or asleep."""
    groups: dict[str, list[Target]] = {}
    for target in choices:
        groups.setdefault(base_of(target.variant_id), []).append(target)
    if len(groups) == len(choices):
        return choices
    asked: list[Target] = []
    for group in groups.values():
        absent = [target for target in group if target.variant_id not in there]
        present = [target for target in group if target.variant_id in there]
        all_ready = all(there[target.variant_id].state is BackendState.READY for target in present)
        asked += [*present, *(absent[:1] if all_ready else ())]
    return asked


def _serve(found: Sequence[Choice], there: Mapping[str, Resident]) -> Choice | None:
    """The first; of its replicas the one with the least to do."""
    first = _first(found, Serve)
    if first is None:
        return None
    base = base_of(first.target.variant_id)
    equal = [c for c in found if isinstance(c.decision, Serve) and base_of(c.target.variant_id) == base]
    return min(equal, key=lambda choice: there[choice.target.variant_id].in_flight)


def _load(found: Sequence[Choice], there: Mapping[str, Resident], policy: Policy) -> Choice | None:
    """The cheapest: who must leave, and a little for each step down in quality or speed. A full one is joined, unless
    another of its kind is worth a load.
    """
    full = {base_of(c.target.variant_id): c for c in found if isinstance(c.decision, Join)}
    best: tuple[float, int, Choice] | None = None
    ranks: dict[str, int] = {}
    for choice in found:
        base = base_of(choice.target.variant_id)
        rank = ranks.setdefault(base, len(ranks))
        if isinstance(choice.decision, Load):
            placement = choice.decision.placement
            if full and not (base in full and _is_worth_it(choice.target, placement, found, there)):
                continue
            slow = max(0.0, 1.0 / choice.target.speed - 1.0) * policy.slowness_seconds
            cost = placement.price + rank * policy.preference_seconds + slow
            if best is None or (cost, rank) < best[:2]:
                best = (cost, rank, choice)
    return None if best is None else best[2]


def _is_worth_it(target: Target, placement: Placement, found: Sequence[Choice], there: Mapping[str, Resident]) -> bool:
    """One more, beside those that are full: there is room for it, or its load and what others lose by it are over
    before the first of those is free.
    """
    if not placement.leavers:
        return True
    base = base_of(target.variant_id)
    full = [c for c in found if isinstance(c.decision, Join) and base_of(c.target.variant_id) == base]
    free_in = min(there[c.target.variant_id].busy for c in full)
    load = target.load_seconds
    if placement.step == "wake" and target.sleep is not None:
        load = target.sleep.bed(there[target.variant_id].depth).wake_seconds
    return free_in > load + placement.price


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
