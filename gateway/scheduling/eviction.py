"""Who leaves to make room: the cheapest to bring back, and asleep rather than gone where host RAM allows. Pure.

Prices are seconds: the time to bring a resident back by the chance that it is asked for again.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from backends.contract import BackendState
from gateway.scheduling.books import Books
from gateway.scheduling.device import HOST
from gateway.scheduling.policy import Policy
from gateway.scheduling.resident import Resident, is_evictable

Price = Callable[[Resident], float]


class Leavers(Struct, frozen=True, kw_only=True):
    """``stop`` and ``sleep`` name who goes how; ``price`` is what bringing them back will cost, in seconds."""

    stop: tuple[str, ...] = ()
    sleep: tuple[str, ...] = ()
    price: float = 0.0


def price_of(resident: Resident, policy: Policy, now: float, *, asleep: bool = False) -> float:
    """Seconds lost, by expectation, when it leaves; ``asleep``: when it can be put to sleep."""
    gap = max(0.0, now - resident.last_used) if resident.gap is None else resident.gap
    chance = policy.horizon / (policy.horizon + gap)
    if resident.state is BackendState.SLEEPING and resident.sleep is not None:
        back = max(0.0, resident.load_seconds - resident.sleep.wake_seconds)
    elif asleep and resident.sleep is not None:
        back = resident.sleep.wake_seconds
    else:
        back = resident.load_seconds
    return back * chance * resident.weight


def leavers(
    asker: str,
    missing: Mapping[str, int],
    books: Books,
    needs: Mapping[str, int],
    policy: Policy,
    now: float,
) -> Leavers | None:
    """Whom to send away so that ``missing`` bytes come free for ``asker``, or ``None``. ``needs`` is what it takes."""
    spare = books.free.get(HOST, 0) - needs.get(HOST, 0)

    def price(resident: Resident) -> float:
        return price_of(resident, policy, now, asleep=_can_sleep(resident, spare))

    chosen = cheapest(missing, [r for r in books.on(missing) if is_evictable(r) and r.variant_id != asker], price)
    if chosen is None:
        return None
    sleepers = [r for r in books.on((HOST,)) if r.state is BackendState.SLEEPING and is_evictable(r)]
    return _to_bed(chosen, missing, [r for r in sleepers if r.variant_id != asker], spare, policy, now)


def cheapest(missing: Mapping[str, int], among: Sequence[Resident], price: Price) -> tuple[Resident, ...] | None:
    """A minimal set that holds all of ``missing``: the better of one resident alone and the best by price a byte."""
    if not missing:
        return ()
    if not _covers(among, missing):
        return None
    useful = [(r, price(r)) for r in among]
    alone = [(p, r.variant_id, r) for r, p in useful if _covers((r,), missing)]
    several = _greedy(missing, useful)
    single = min(alone, key=lambda entry: entry[:2], default=None)
    if single is None:
        return several
    if several is not None and sum(price(r) for r in several) < single[0]:
        return several
    return (single[2],)


def _greedy(missing: Mapping[str, int], useful: list[tuple[Resident, float]]) -> tuple[Resident, ...] | None:
    left = dict(missing)
    chosen: list[Resident] = []
    pool = list(useful)
    while any(amount > 0 for amount in left.values()):
        gains = [(p / gain, r.variant_id, r) for r, p in pool if (gain := _gain(r, left)) > 0]
        if not gains:
            return None
        best = min(gains, key=lambda entry: entry[:2])[2]
        chosen.append(best)
        pool = [(r, p) for r, p in pool if r is not best]
        for device_id in left:
            left[device_id] -= best.held(device_id)
    # A later, larger one can make an earlier one unnecessary: keep the set minimal, dropping the dearest first.
    prices = {r.variant_id: p for r, p in useful}
    for resident in sorted(chosen, key=lambda r: -prices[r.variant_id]):
        rest = tuple(r for r in chosen if r is not resident)
        if _covers(rest, missing):
            chosen = list(rest)
    return tuple(chosen)


def _gain(resident: Resident, left: Mapping[str, int]) -> int:
    gain = 0
    for device_id, amount in left.items():
        if amount > 0:
            gain += min(resident.held(device_id), amount)
    return gain


def _covers(residents: Sequence[Resident], missing: Mapping[str, int]) -> bool:
    for device_id, amount in missing.items():
        left = amount
        for resident in residents:
            left -= resident.held(device_id)
        if left > 0:
            return False
    return True


def _can_sleep(resident: Resident, spare: int) -> bool:
    return (
        resident.sleep is not None
        and resident.state is BackendState.READY
        and resident.sleep.host_bytes - resident.held(HOST) <= spare
    )


def _to_bed(
    chosen: tuple[Resident, ...],
    missing: Mapping[str, int],
    sleepers: Sequence[Resident],
    spare: int,
    policy: Policy,
    now: float,
) -> Leavers:
    """Of those chosen, who sleeps instead: the dearest first, in host RAM that is free or held by cheaper sleepers."""
    surplus = {d: sum(r.held(d) for r in chosen) - amount for d, amount in missing.items()}
    beds = sorted((r for r in sleepers if r not in chosen), key=lambda r: (price_of(r, policy, now), r.variant_id))
    stop: list[str] = []
    sleep: list[str] = []
    total = 0.0
    for resident in sorted(chosen, key=lambda r: (-price_of(r, policy, now), r.variant_id)):
        bed = resident.sleep
        gain = price_of(resident, policy, now) - price_of(resident, policy, now, asleep=True)
        if bed is None or resident.state is not BackendState.READY or HOST in missing or not _stays(resident, surplus):
            stop.append(resident.variant_id)
            total += price_of(resident, policy, now)
            continue
        wanted = bed.host_bytes - resident.held(HOST)
        out: list[Resident] = []
        while spare + sum(r.held(HOST) for r in out) < wanted and len(out) < len(beds):
            out.append(beds[len(out)])
        cost = sum(price_of(r, policy, now) for r in out)
        if spare + sum(r.held(HOST) for r in out) < wanted or (out and cost >= gain):
            stop.append(resident.variant_id)
            total += price_of(resident, policy, now)
            continue
        spare += sum(r.held(HOST) for r in out) - wanted
        beds = beds[len(out) :]
        stop += [r.variant_id for r in out]
        sleep.append(resident.variant_id)
        total += cost + price_of(resident, policy, now, asleep=True)
        if bed.device_bytes:
            for share in resident.shares:
                if share.device_id in surplus:
                    surplus[share.device_id] -= bed.device_bytes
    return Leavers(stop=tuple(stop), sleep=tuple(sleep), price=total)


def _stays(resident: Resident, surplus: Mapping[str, int]) -> bool:
    """What it keeps on its devices while it sleeps is not needed there."""
    kept = 0 if resident.sleep is None else resident.sleep.device_bytes
    return all(surplus[share.device_id] >= kept for share in resident.shares if share.device_id in surplus)
