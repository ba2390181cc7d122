"""When the starts and wakes under way will have ended, by expectation: on a card they follow each other. Pure.

Monotonic seconds.
"""

from collections.abc import Iterable

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.device import HOST
from gateway.scheduling.occupants import Occupant


def needed_by(occupant: Occupant) -> float:
    """Seconds that its start or wake takes once its turn has come."""
    how = occupant.target.sleep
    wakes = occupant.placement.step == "wake" and how is not None
    return how.bed(occupant.depth).wake_seconds if wakes and how is not None else occupant.target.load_seconds


def starts_end(occupants: Iterable[Occupant], now: float) -> dict[str, float]:
    """For each variant that starts or wakes: when it will be ready, at the earliest ``now``."""
    ends, _ = _in_turn(occupants, now)
    return ends


def cards_free(occupants: Iterable[Occupant], shares: Iterable[DeviceShare], now: float) -> float:
    """When the next start on the cards of ``shares`` may begin: after those under way there, ``now`` if none is."""
    _, free = _in_turn(occupants, now)
    return max((free.get(each, now) for each in _cards(shares)), default=now)


def _in_turn(occupants: Iterable[Occupant], now: float) -> tuple[dict[str, float], dict[str, float]]:
    begun = (o for o in occupants if o.state is BackendState.STARTING and o.step is None)
    ends: dict[str, float] = {}
    free: dict[str, float] = {}
    for occupant in sorted(begun, key=lambda each: each.since):
        cards = _cards(occupant.placement.shares)
        begins = max((occupant.since, *(free.get(each, 0.0) for each in cards)))
        end = max(now, begins + needed_by(occupant))
        ends[occupant.target.variant_id] = end
        free |= dict.fromkeys(cards, end)
    return ends, free


def _cards(shares: Iterable[DeviceShare]) -> list[str]:
    return [share.device_id for share in shares if share.device_id != HOST]
