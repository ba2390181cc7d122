"""What it costs to send a resident away, and where it could sleep instead. Pure; seconds.

The time to bring it back by the chance that it is asked for again.
"""

from backends.contract import BackendState
from gateway.scheduling.policy import Policy
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Bed, Depth


def price_of(resident: Resident, policy: Policy, now: float, *, asleep: Depth | None = None) -> float:
    """Seconds lost, by expectation, when it leaves; ``asleep``: when it is put to sleep, so deep."""
    gap = max(0.0, now - resident.last_used) if resident.gap is None else resident.gap
    chance = policy.horizon / (policy.horizon + gap)
    if resident.state is BackendState.SLEEPING and resident.sleep is not None:
        back = max(0.0, resident.load_seconds - resident.sleep.bed(resident.depth).wake_seconds)
    elif asleep is not None and resident.sleep is not None:
        back = resident.sleep.bed(asleep).wake_seconds
    else:
        back = resident.load_seconds
    return back * chance * resident.weight


def beds_of(resident: Resident) -> tuple[tuple[Depth, Bed], ...]:
    """Where it could sleep, if it is awake and its engine can, the lighter way first."""
    how = resident.sleep
    if how is None or resident.state is not BackendState.READY:
        return ()
    light: tuple[Depth, Bed] = ("light", how)
    return (light,) if how.deep is None else (light, ("deep", how.deep))
