"""The machine's memory over time: what engines take of host RAM and of cards, and that it comes back."""

from backends.contract import DeviceShare
from gateway.scheduling.decision import Placement
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.machine import Machine
from gateway.scheduling.probe import ProcessUse
from gateway.scheduling.reclaim import returned
from tests.fakes.effects import model
from tests.fakes.launcher import FakeProbe, FakeRunning

A = model("a", 10)
HOST_SHARE = Placement(variant_id="a", shares=(DeviceShare(HOST, 100),))
CARD_SHARE = Placement(variant_id="a", shares=(DeviceShare("gpu0", 100), DeviceShare(HOST, 20)))


class Learner:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str, int, bool]] = []
        self.seconds: list[tuple[str, float]] = []
        self.saved = 0

    def took(self, variant_id: str, device: str, taken: int, *, worked: bool) -> None:
        self.heard.append((variant_id, device, taken, worked))

    def loaded(self, variant_id: str, seconds: float) -> None:
        self.seconds.append((variant_id, seconds))

    def save(self) -> None:
        self.saved += 1


class Naps:
    """Sleeps that cost nothing; ``during`` runs in each."""

    def __init__(self, during=lambda: None) -> None:
        self.slept: list[float] = []
        self.during = during

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.during()


def cards(probe: FakeProbe, foreign: int) -> None:
    probe.inventory = Inventory(
        (
            Device(id="gpu0", name="RTX 4090", total_bytes=1000, foreign_bytes=foreign),
            Device(id=HOST, name="x", total_bytes=500),
        )
    )


async def test_host_ram_is_what_the_processes_hold() -> None:
    probe, learner = FakeProbe(1000), Learner()
    machine = Machine(probe, learner)
    machine.first_reading()
    engine = FakeRunning("a", memory=80)
    assert await machine.measured(A, HOST_SHARE, engine) == (), "less than was reserved changes nothing"
    engine.bytes = 130
    await machine.read({"a": engine}, {"a"})
    assert machine.own_bytes() == 130
    assert machine.beyond("a", HOST_SHARE.shares) == (DeviceShare(HOST, 130),)
    assert learner.heard == [("a", HOST, 80, False), ("a", HOST, 130, True)]
    assert learner.saved == 1
    assert probe.ours[-1].bytes == {HOST: 130}
    await machine.read({})
    assert machine.own_bytes() == 0


async def test_a_card_is_measured_by_its_processes() -> None:
    probe, learner = FakeProbe(1000), Learner()
    machine = Machine(probe, learner)
    cards(probe, 50)
    machine.first_reading()
    engine = FakeRunning("a", pid=7, memory=15)
    probe.used = (ProcessUse(7, "gpu0", 120), ProcessUse(8, "gpu0", 999))
    shares = await machine.measured(A, CARD_SHARE, engine)
    assert shares == (DeviceShare("gpu0", 120), DeviceShare(HOST, 20))
    assert learner.heard == [("a", "RTX 4090", 120, False)]
    assert probe.ours[-1].pids == {7}
    assert probe.ours[-1].bytes == {HOST: 15, "gpu0": 100}
    probe.used = ()
    await machine.read({"a": engine})
    assert machine.beyond("a", CARD_SHARE.shares) == (), "what cannot be seen is believed to be as planned"


async def test_a_probe_that_fails_leaves_everything_as_it_was() -> None:
    probe = FakeProbe(1000)
    machine = Machine(probe)
    machine.first_reading()
    probe.error = RuntimeError("driver")
    assert await machine.read({"a": FakeRunning("a", memory=5)}) is None
    assert machine.own_bytes() == 5


async def test_after_a_kill_memory_of_a_card_is_waited_for() -> None:
    probe = FakeProbe(1000)
    naps = Naps()
    machine = Machine(probe, sleep=naps)
    cards(probe, 50)
    machine.first_reading()
    engine = FakeRunning("a", pid=7)
    probe.used = (ProcessUse(7, "gpu0", 400),)
    await machine.measured(A, CARD_SHARE, engine)
    probe.used = ()
    foreign = iter((450, 450, 250, 50))
    cards(probe, 450)
    naps.during = lambda: cards(probe, next(foreign))
    await machine.returned("a", engine)
    assert naps.slept == [0.25] * 4, "until three quarters of it are free"
    await machine.returned("a", engine)
    assert len(naps.slept) == 4


async def test_host_ram_is_not_waited_for() -> None:
    naps = Naps()
    machine = Machine(FakeProbe(1000), sleep=naps)
    machine.first_reading()
    engine = FakeRunning("a", memory=80)
    await machine.measured(A, HOST_SHARE, engine)
    await machine.returned("a", engine)
    assert naps.slept == []


async def test_waiting_ends_after_five_seconds_whatever_the_card_says() -> None:
    async def stuck() -> dict[str, int] | None:
        return None

    naps = Naps()
    assert await returned(stuck, {"gpu0": 0}, {"gpu0": 100}, naps) == (False, 5.0)
    assert len(naps.slept) == 20
    assert await returned(stuck, {}, {}, naps) == (True, 0.0)
