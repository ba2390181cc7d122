"""How long one decision takes: 8 cards, 60 profiles, 30 residents."""

from random import Random
from statistics import median
from time import perf_counter

from msgspec import Struct

from backends.contract import BackendState, DeviceShare
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import GIB, Policy
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Sleep, Target

_SEED = 7
_REPEATS = 40


class Timing(Struct, frozen=True):
    """Microseconds: the middle and the mean over all profiles, and of the slowest one."""

    median: float
    mean: float
    slowest: float


def measure() -> Timing:
    """Each profile asked again and again; the best of its rounds, for other work on the machine is not its fault."""
    random = Random(_SEED)
    cards = tuple(Device(id=f"gpu{n}", name="H100", total_bytes=80 * GIB) for n in range(8))
    inventory = Inventory((*cards, Device(id=HOST, name="host", total_bytes=512 * GIB)))
    residents = [_resident(random, number) for number in range(30)]
    targets = [_target(random, number) for number in range(60)]
    taken = [min(_timed(target, residents, inventory) for _ in range(_REPEATS)) for target in targets]
    return Timing(*(round(1e6 * value, 1) for value in (median(taken), sum(taken) / len(taken), max(taken))))


def _timed(target: Target, residents: list[Resident], inventory: Inventory) -> float:
    begun = perf_counter()
    decide(target, residents, inventory, Policy(), 0.0)
    return perf_counter() - begun


def _resident(random: Random, number: int) -> Resident:
    return Resident(
        variant_id=f"r{number}",
        state=BackendState.READY,
        shares=(DeviceShare(f"gpu{number % 8}", random.randint(10, 25) * GIB), DeviceShare(HOST, 2 * GIB)),
        in_flight=random.choice((0, 0, 1)),
        slots=8,
        gap=random.uniform(1, 1000),
        load_seconds=random.uniform(5, 60),
        sleep=Sleep(wake_seconds=2, host_bytes=20 * GIB) if number % 3 == 0 else None,
    )


def _target(random: Random, number: int) -> Target:
    return Target(
        variant_id=f"t{number}",
        profile_id=f"t{number}",
        device_bytes=random.choice((6, 12, 20, 40, 60, 120)) * GIB,
        host_bytes=GIB,
        split=4,
        load_seconds=20,
    )
