"""Who leaves to make room: the cheapest to bring back, and asleep rather than gone where memory allows. Pure."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from backends.contract import BackendState
from gateway.scheduling.beds import Beds
from gateway.scheduling.books import Books
from gateway.scheduling.device import HOST
from gateway.scheduling.policy import Policy
from gateway.scheduling.price import beds_of, price_of
from gateway.scheduling.resident import Resident, is_evictable
from gateway.scheduling.target import Depth

Price = Callable[[Resident], float]
_ORDER: tuple[Depth | None, ...] = ("light", "deep", None)


class Leavers(Struct, frozen=True, kw_only=True):
    """``stop``, ``sleep`` (lightly) and ``deep`` name who goes how; ``price`` is what bringing them back will cost, in
    seconds.
    """

    stop: tuple[str, ...] = ()
    sleep: tuple[str, ...] = ()
    deep: tuple[str, ...] = ()
    price: float = 0.0


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
        lowest = price_of(resident, policy, now)
        for depth, bed in beds_of(resident):  # not min(): this is asked of everybody in every decision
            if bed.host_bytes - resident.held(HOST) <= spare:
                lowest = min(lowest, price_of(resident, policy, now, asleep=depth))
        return lowest

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


def _to_bed(
    chosen: tuple[Resident, ...],
    missing: Mapping[str, int],
    sleepers: Sequence[Resident],
    spare: int,
    policy: Policy,
    now: float,
) -> Leavers:
    """Of those chosen, who sleeps instead and how deep, the dearest first: each the way that costs least, and for the
    same price rather asleep than stopped, but nobody stopped for it.
    """
    dearest_first = sorted(((-price_of(r, policy, now), r.variant_id, r) for r in chosen), key=lambda each: each[:2])
    # Host RAM that is missing itself comes back from those who are gone only.
    if HOST in missing or not any(beds_of(r) for r in chosen):
        price = -sum(each[0] for each in dearest_first)
        return Leavers(stop=tuple(each[1] for each in dearest_first), price=price)
    surplus = {d: sum(r.held(d) for r in chosen) - amount for d, amount in missing.items()}
    beds = Beds(spare, [r for r in sleepers if r not in chosen], policy, now)
    left: dict[Depth | None, list[str]] = {None: [], "light": [], "deep": []}
    total = 0.0
    for _, name, resident in dearest_first:
        way = min(beds.ways(resident, surplus), key=lambda w: (w.price, bool(w.out), _ORDER.index(w.depth)))
        total += way.price
        left[None] += [r.variant_id for r in way.out]
        left[way.depth].append(name)
        if way.bed is not None:
            beds.take(way)
            for share in resident.shares:
                if share.device_id in surplus:
                    surplus[share.device_id] -= way.bed.device_bytes
    return Leavers(stop=tuple(left[None]), sleep=tuple(left["light"]), deep=tuple(left["deep"]), price=total)
