"""What a simulation showed: waits, swaps, bytes, by model and by device. Pure; seconds and bytes."""

from collections.abc import Sequence
from math import ceil

from msgspec import Struct

from gateway.scheduling.device import Inventory
from gateway.scheduling.simulate.fair_share import is_starved
from gateway.scheduling.simulate.outcome import Outcome
from gateway.scheduling.simulate.world import World
from gateway.scheduling.ticket import Priority


class Figures(Struct, frozen=True, kw_only=True):
    """Of all requests, of one model's, or of those that ran on one device. Percentiles are nearest rank, of the served.

    ``swaps``: loads and wakes that others had to leave for; ``evictions``: those who left; ``busy_share``: part of the
    time in which a device worked (of a model: in which its requests ran, counted one by one).
    """

    requests: int
    served: int
    refused: int
    wait_p50: float
    wait_p95: float
    wait_p99: float
    wait_max: float
    interactive_wait_p95: float
    swaps: int
    evictions: int
    bytes_loaded: int
    busy_share: float
    overcommit_bytes: int
    starved: int


class Report(Struct, frozen=True, kw_only=True):
    """One policy on one trace."""

    policy: str
    total: Figures
    models: dict[str, Figures]
    devices: dict[str, Figures]


def report(policy: str, world: World, inventory: Inventory) -> Report:
    """The figures of a world that has been run."""
    length = max((o.ended or 0.0 for o in world.outcomes), default=0.0)
    starved = _starved(world.outcomes)
    ledger = world.ledger
    models: dict[str, list[Outcome]] = {}
    for outcome in world.outcomes:
        models.setdefault(outcome.model, []).append(outcome)
    worst = max(ledger.worst.values(), default=0)
    used = [device.id for device in inventory.devices if any(device.id in o.devices for o in world.outcomes)]
    return Report(
        policy=policy,
        total=_figures(
            world.outcomes, starved,
            swaps=ledger.swaps.total(), evictions=ledger.evictions.total(), loaded=ledger.loaded.total(),
            busy=_share(sum(world.busy[d] for d in used), length * len(used)), over=max(0, worst),
        ),
        models={
            name: _figures(
                outcomes, starved,
                swaps=ledger.swaps[name], evictions=ledger.evictions[name], loaded=ledger.loaded[name],
                busy=_share(_ran(outcomes), length), over=0,
            )
            for name, outcomes in sorted(models.items())
        },
        devices={
            device.id: _figures(
                [o for o in world.outcomes if device.id in o.devices], starved,
                swaps=ledger.swaps_on[device.id], evictions=ledger.evictions_on[device.id],
                loaded=ledger.loaded_on[device.id],
                busy=_share(world.busy[device.id], length), over=max(0, ledger.worst[device.id]),
            )
            for device in inventory.devices
        },
    )  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0 of nothing. ``values`` are sorted."""
    return values[max(0, ceil(share * len(values)) - 1)] if values else 0.0


def _figures(
    outcomes: Sequence[Outcome], starved: set[int], *, swaps: int, evictions: int, loaded: int, busy: float, over: int
) -> Figures:
    waits = sorted(o.waited for o in outcomes if o.granted is not None)
    people = sorted(o.waited for o in outcomes if o.granted is not None and o.priority is Priority.INTERACTIVE)
    return Figures(
        requests=len(outcomes),
        served=len(waits),
        refused=sum(o.refused for o in outcomes),
        wait_p50=_rounded(percentile(waits, 0.50)),
        wait_p95=_rounded(percentile(waits, 0.95)),
        wait_p99=_rounded(percentile(waits, 0.99)),
        wait_max=_rounded(waits[-1] if waits else 0.0),
        interactive_wait_p95=_rounded(percentile(people, 0.95)),
        swaps=swaps,
        evictions=evictions,
        bytes_loaded=loaded,
        busy_share=round(busy, 4),
        overcommit_bytes=over,
        starved=sum(id(o) in starved for o in outcomes),
    )


def _starved(outcomes: Sequence[Outcome]) -> set[int]:
    people = sorted((o.asked, o.seconds / o.slots) for o in outcomes if o.priority is Priority.INTERACTIVE)
    found: set[int] = set()
    for outcome in outcomes:
        end = outcome.asked + outcome.waited
        overtaken = sum(work for at, work in people if outcome.asked < at < end) if _is_batch(outcome) else 0.0
        if is_starved(outcome, overtaken):
            found.add(id(outcome))
    return found


def _is_batch(outcome: Outcome) -> bool:
    return outcome.priority is Priority.BATCH


def _ran(outcomes: Sequence[Outcome]) -> float:
    return sum(o.ended - o.granted for o in outcomes if o.granted is not None and o.ended is not None)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
