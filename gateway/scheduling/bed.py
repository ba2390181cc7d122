"""Sums over shares: what a resident holds while it falls asleep, sleeps and wakes. Pure; bytes."""

from backends.contract import DeviceShare
from gateway.scheduling.device import HOST
from gateway.scheduling.resident import bytes_on
from gateway.scheduling.target import Bed

Shares = tuple[DeviceShare, ...]


def asleep(awake: Shares, bed: Bed) -> Shares:
    """Its bed in host RAM, and what it keeps on its devices."""
    kept = tuple(DeviceShare(s.device_id, bed.device_bytes) for s in awake if s.device_id != HOST and bed.device_bytes)
    return (*kept, DeviceShare(HOST, bed.host_bytes))


def both(one: Shares, other: Shares) -> Shares:
    """The larger of the two on each device: while memory is copied it is held on both sides."""
    return tuple(DeviceShare(d, max(bytes_on(one, d), bytes_on(other, d))) for d in _devices(one, other))


def less(one: Shares, other: Shares) -> Shares:
    """What ``one`` holds beyond ``other``."""
    return tuple(
        DeviceShare(d, bytes_on(one, d) - bytes_on(other, d))
        for d in _devices(one, other)
        if bytes_on(one, d) > bytes_on(other, d)
    )


def _devices(one: Shares, other: Shares) -> tuple[str, ...]:
    return tuple(dict.fromkeys(share.device_id for share in (*one, *other)))
