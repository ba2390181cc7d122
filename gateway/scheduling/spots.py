"""Where a variant could be put on this machine, whoever is there now. Pure; bytes.

Whole on one device before anything is split, cards before host RAM.
"""

from collections.abc import Iterator

from msgspec import Struct

from backends.contract import DeviceShare
from gateway.scheduling.books import Books
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Target


class Spot(Struct, frozen=True, kw_only=True):
    """``shares`` it would hold there, ``needs`` what it does not hold yet, by device."""

    shares: tuple[DeviceShare, ...]
    needs: dict[str, int]

    @property
    def where(self) -> str:
        """For people: the devices that matter, host RAM only when it is the only one."""
        cards = [share.device_id for share in self.shares if share.device_id != HOST]
        return " + ".join(cards) or "host RAM"


def spots(target: Target, inventory: Inventory, books: Books) -> list[Spot]:
    """Every spot that is large enough when nobody else is there, the preferred ones first."""
    whole = [spot for device in _allowed(target, inventory) if _large(spot := _on(target, device, inventory), books)]
    if whole or target.split < 2:
        return whole
    return [spot for spot in _splits(target, inventory, books) if _large(spot, books)]


def back_in_place(own: Resident, shares: tuple[DeviceShare, ...]) -> Spot:
    """Where it is already: it needs only what it does not hold (awake again, or larger)."""
    needs: dict[str, int] = {}
    for share in shares:
        more = share.bytes - own.held(share.device_id)
        if more > 0:
            needs[share.device_id] = more
    return Spot(shares=shares, needs=needs)


def grown(target: Target, own: Resident) -> tuple[DeviceShare, ...]:
    """What ``own`` would hold in its place for a request that needs more than it was reserved for."""
    device, host = own.planned or (target.device_bytes, target.host_bytes)
    cards = sum(share.device_id != HOST for share in own.shares)
    more_host = max(0, target.host_bytes - host) + (0 if cards else max(0, target.device_bytes - device))
    more_each = -(-max(0, target.device_bytes - device) // cards) if cards else 0
    return tuple(
        DeviceShare(share.device_id, share.bytes + (more_host if share.device_id == HOST else more_each))
        for share in own.shares
    )


def _allowed(target: Target, inventory: Inventory) -> Iterator[Device]:
    gpus = inventory.gpus
    yield from gpus
    if target.runs_on == "any" or (target.runs_on == "gpu_else_cpu" and not gpus):
        yield from (device for device in inventory.devices if not device.is_gpu)


def _on(target: Target, device: Device, inventory: Inventory) -> Spot:
    if not device.is_gpu:
        return _spot({device.id: target.device_bytes + target.host_bytes})
    return _spot({device.id: target.device_bytes, **_beside(target, inventory)})


def _beside(target: Target, inventory: Inventory) -> dict[str, int]:
    # A machine described without host RAM is a plan for its cards alone.
    return {HOST: target.host_bytes} if target.host_bytes and inventory.get(HOST) else {}


def _splits(target: Target, inventory: Inventory, books: Books) -> Iterator[Spot]:
    """The fewest cards of one kind that can hold it in equal parts: those with most room now, then the emptiest."""
    kinds: dict[str, list[Device]] = {}
    for device in inventory.gpus:
        kinds.setdefault(device.name, []).append(device)
    for count in range(2, target.split + 1):
        if target.split_evenly and target.split % count:
            continue
        each = -(-target.device_bytes // count) + target.split_overhead_bytes
        found = False
        for cards in kinds.values():
            large = [card for card in cards if books.usable[card.id] >= each]
            if len(large) < count:
                continue
            found = True
            for by in (books.free, books.usable):
                chosen = sorted(large, key=lambda card: -by[card.id])[:count]
                yield _spot({**{card.id: each for card in chosen}, **_beside(target, inventory)})
        if found:
            return


def _spot(needs: dict[str, int]) -> Spot:
    return Spot(shares=tuple(DeviceShare(device_id, amount) for device_id, amount in needs.items()), needs=needs)


def _large(spot: Spot, books: Books) -> bool:
    return all(books.usable.get(device_id, 0) >= amount for device_id, amount in spot.needs.items())
