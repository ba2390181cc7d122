"""Models, machines and a checking world for the state machine of the scheduler."""

from backends.contract import BackendState
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.limits import Limits
from gateway.scheduling.policy import GIB
from gateway.scheduling.resident import bytes_on
from gateway.scheduling.scheduler import Scheduler
from gateway.scheduling.target import Depth, Target
from tests.fakes.effects import NO_HEADROOM, FakeEffects, bed, deep_bed, machine, model

MODELS = (
    model("a", 10, slots=1),
    model("b", 10, slots=2, load_seconds=5, sleep=bed(10, deep=deep_bed(1, wake_seconds=4, kept_gib=0.5))),
    model("c", 4, slots=2, host_gib=1),
    model("d", 6, slots=1, idle_unload_seconds=20, sleep=bed(5, kept_gib=1, deep=deep_bed(2, kept_gib=1))),
    model("e", 16, slots=3, split=2),
    model("p", 3, slots=1, pin=True),
    model("r", 99, slots=2, managed=False),
    model("h", 3, slots=1, runs_on="any"),
)
CHOICES = (*((one,) for one in MODELS), (MODELS[0], MODELS[2]), (MODELS[4], MODELS[1], MODELS[7]))


def with_host(ram: float, *gib: float) -> Inventory:
    """Cards of so many GiB beside host RAM."""
    cards = (Device(id=f"gpu{n}", name="card", total_bytes=int(size * GIB)) for n, size in enumerate(gib))
    return Inventory((*cards, Device(id=HOST, name="host", total_bytes=int(ram * GIB))))


MACHINES = (
    machine(16),
    with_host(12, 10, 10),
    with_host(24, 20, 6),
    machine(9),
    with_host(2, 8, 4),
    with_host(30, 12),
    with_host(4, 12),
    Inventory(()),
)
LIMITS = Limits(queue_size=4, idle_unload=60.0, asleep_unload=120.0)


def usable(inventory: Inventory, device_id: str) -> int:
    device = inventory.get(device_id)
    return 0 if device is None else NO_HEADROOM.usable(device)


def held(scheduler: Scheduler, device_id: str) -> int:
    """What is there in truth: not what waits for others to leave."""
    there = [o for o in scheduler.occupants if not (o.awaiting and o.state is BackendState.STARTING)]
    return sum(bytes_on(o.shares, device_id) for o in there)


class Watched(FakeEffects):
    """Checks each effect at the moment it is asked for. ``loose``: something outside has moved bytes since."""

    def __init__(self) -> None:
        super().__init__()
        self.loose = False

    @property
    def scheduler(self) -> Scheduler:
        assert self.occupants_of is not None
        return self.occupants_of

    def start(self, target: Target, placement: Placement) -> None:
        super().start(target, placement)
        self._begins(target, placement)

    def wake(self, target: Target, placement: Placement) -> None:
        super().wake(target, placement)
        self._begins(target, placement)

    def _begins(self, target: Target, placement: Placement) -> None:
        occupant = self.scheduler.occupants.get(target.variant_id)
        assert occupant is not None
        assert not occupant.awaiting, "not before its victims are gone"
        assert self.scheduler.queue.count(target.variant_id), "not for nobody"
        if not self.loose and not occupant.oom_retried:
            for share in placement.shares:
                assert held(self.scheduler, share.device_id) <= usable(self.scheduler.inventory, share.device_id)

    def sleep(self, variant_id: str, depth: Depth, reason: str) -> None:
        super().sleep(variant_id, depth, reason)
        self._leaves(variant_id)
        if not self.loose:
            assert held(self.scheduler, HOST) <= usable(self.scheduler.inventory, HOST), "its bed is free"

    def stop(self, variant_id: str, reason: str) -> None:
        super().stop(variant_id, reason)
        self._leaves(variant_id)
        if reason == "idle":
            assert not self.scheduler.queue.count(variant_id)

    def _leaves(self, variant_id: str) -> None:
        occupant = self.scheduler.occupants.get(variant_id)
        assert occupant is not None
        assert occupant.in_flight == 0, "nothing that runs is cut"
        assert not occupant.pinned, "pins hold until the operator says otherwise"
