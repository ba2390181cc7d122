"""All kinds of devices together, AMD's files, the host's limits, and which probe a process uses."""

import threading
from pathlib import Path

import psutil
import pytest

from backends.errors import BackendError
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.probe import Ours, ProcessUse, Reading
from gateway.scheduling.probe_amd import AmdProbe
from gateway.scheduling.probe_host import HostProbe
from gateway.scheduling.probes import Probes, probe_of

GIB = 1024**3


class Part:
    """A kind of device that answers, fails, or hangs until its door opens."""

    def __init__(self, *names: str) -> None:
        self.inventory = Inventory(tuple(Device(id=name, name=name, total_bytes=GIB) for name in names))
        self.error: Exception | None = None
        self.door = threading.Event()
        self.door.set()

    def read(self, ours: Ours) -> Reading:
        self.door.wait(20)
        if self.error is not None:
            raise self.error
        return Reading(self.inventory, (ProcessUse(1, self.inventory.devices[0].id, 5),))


def shown(probe: Probes) -> list[tuple[str, bool]]:
    return [(device.id, device.healthy) for device in probe.read(Ours()).inventory.devices]


def test_cards_first_then_the_host() -> None:
    probe = Probes((Part("gpu0", "gpu1"), Part(HOST)))
    assert shown(probe) == [("gpu0", True), ("gpu1", True), (HOST, True)]
    assert [use.device_id for use in probe.read(Ours()).used] == ["gpu0", HOST]


def test_one_kind_that_fails_hides_no_other_and_is_unhealthy_after_a_while() -> None:
    cards, host = Part("gpu0"), Part(HOST)
    probe = Probes((cards, host), patience=5)
    shown(probe)
    cards.error = RuntimeError("driver")
    assert [shown(probe)[0] for _ in range(3)] == [("gpu0", True), ("gpu0", True), ("gpu0", False)]
    assert shown(probe)[1] == (HOST, True)
    cards.error = None
    assert shown(probe)[0] == ("gpu0", True)


def test_one_kind_that_hangs_holds_nobody_up() -> None:
    cards, host = Part("gpu0"), Part(HOST)
    probe = Probes((cards, host), patience=0.01)
    while len(shown(probe)) < 2:
        continue
    cards.door.clear()
    before = threading.active_count()
    for _ in range(3):
        shown(probe)
    assert shown(probe)[0] == ("gpu0", False)
    assert threading.active_count() <= before + 2, "it costs one thread"
    cards.door.set()
    while shown(probe)[0] != ("gpu0", True):
        continue


# --- AMD --------------------------------------------------------------------------------------------------------------


def card(root: Path, number: int, *, vram: int, used: int = 0, vendor: str = "0x1002", unique: str = "") -> Path:
    address = root / "pci" / f"0000:0{number}:00.0"
    address.mkdir(parents=True)
    (root / "drm" / f"card{number}").mkdir(parents=True)
    (root / "drm" / f"card{number}" / "device").symlink_to(address)
    for name, value in (("vendor", vendor), ("mem_info_vram_total", vram), ("mem_info_vram_used", used)):
        (address / name).write_text(f"{value}\n")
    if unique:
        (address / "unique_id").write_text(f"{unique}\n")
        (address / "product_name").write_text("Radeon PRO W7900\n")
    return address


def test_amd_cards_from_the_kernel(tmp_path: Path) -> None:
    card(tmp_path, 0, vram=48 * GIB, used=10 * GIB, unique="abcdef0123456789")
    card(tmp_path, 1, vram=GIB // 2)
    card(tmp_path, 2, vram=24 * GIB, vendor="0x10de")
    folder = tmp_path / "proc" / "7" / "fdinfo"
    folder.mkdir(parents=True)
    for number, client in ((3, 1), (4, 1), (5, 2)):
        lines = (
            "drm-driver:\tamdgpu",
            f"drm-client-id:\t{client}",
            "drm-pdev:\t0000:00:00.0",
            "drm-memory-vram:\t2097152 KiB",
        )
        (folder / str(number)).write_text("\n".join(lines))
    (folder / "0").write_text("pos:\t0\nflags:\t02")
    probe = AmdProbe(tmp_path / "drm", tmp_path / "proc")
    reading = probe.read(Ours(pids=frozenset((7, 8))))
    (device,) = reading.inventory.devices
    assert (device.id, device.name, device.vendor) == ("GPU-abcdef0123456789", "Radeon PRO W7900", "amd")
    assert (device.total_bytes, device.foreign_bytes) == (48 * GIB, 6 * GIB)
    assert reading.used == (ProcessUse(7, "GPU-abcdef0123456789", 4 * GIB),)
    planned = probe.read(Ours(bytes={device.id: 3 * GIB})).inventory.devices[0]
    assert planned.foreign_bytes == 7 * GIB


def test_no_amd_driver_no_cards(tmp_path: Path) -> None:
    assert AmdProbe(tmp_path / "nothing").read(Ours()).inventory.devices == ()
    card(tmp_path, 0, vram=16 * GIB)
    (device,) = AmdProbe(tmp_path / "drm").read(Ours()).inventory.devices
    assert (device.id, device.name) == ("0000:00:00.0", "AMD GPU")


# --- the host ---------------------------------------------------------------------------------------------------------


class Memory:
    total = 64 * GIB
    available = 40 * GIB


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    (tmp_path / "memory.max").write_text(f"{8 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{5 * GIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {GIB}\ninactive_file {GIB}\nactive_file {GIB // 2}\n")
    return tmp_path


def test_a_container_has_what_its_control_group_allows(group: Path) -> None:
    (device,) = HostProbe(cgroup=group).read(Ours(bytes={HOST: GIB})).inventory.devices
    assert (device.total_bytes, device.foreign_bytes) == (8 * GIB, 5 * GIB - GIB - GIB // 2 - GIB)
    assert not device.budgeted


@pytest.mark.parametrize("limit", ["max", str(128 * GIB), ""])
def test_a_group_without_a_limit_of_its_own_changes_nothing(group: Path, limit: str) -> None:
    (group / "memory.max").write_text(limit)
    (device,) = HostProbe(cgroup=group).read(Ours()).inventory.devices
    assert (device.total_bytes, device.foreign_bytes) == (64 * GIB, 24 * GIB)


def test_a_budget_has_no_head_room_inside(group: Path) -> None:
    from gateway.scheduling.policy import Policy

    (group / "memory.max").write_text("max")
    (device,) = HostProbe(GIB, group).read(Ours()).inventory.devices
    assert (device.budgeted, Policy().usable(device)) == (True, GIB)
    (device,) = HostProbe(100 * GIB, group).read(Ours()).inventory.devices
    assert not device.budgeted, "more than the machine has is no budget"


def test_apple_s_memory_is_one_and_the_gpu_gets_its_share(group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    (group / "memory.max").write_text("max")
    said = {"machdep.cpu.brand_string": "Apple M4 Max", "iogpu.wired_limit_mb": "0"}
    (device,) = HostProbe(cgroup=group, sysctl=said.__getitem__).read(Ours()).inventory.devices
    assert (device.name, device.vendor, device.unified) == ("Apple M4 Max", "apple", True)
    assert device.total_bytes == 48 * GIB
    said["iogpu.wired_limit_mb"] = "57344"
    (device,) = HostProbe(cgroup=group, sysctl=said.__getitem__).read(Ours()).inventory.devices
    assert device.total_bytes == 56 * GIB


# --- which probe ------------------------------------------------------------------------------------------------------


def test_a_process_plans_with_its_machine_a_share_of_it_or_another_one() -> None:
    here = probe_of(None, None).read(Ours()).inventory
    assert here.devices[-1].id == HOST
    (host,) = probe_of("ram=1GiB", None).read(Ours()).inventory.devices
    assert host.budgeted
    assert host.total_bytes - host.foreign_bytes == GIB
    other = probe_of("2xRTX4090-24,ram=64", None).read(Ours()).inventory
    assert [device.id for device in other.devices] == ["gpu0", "gpu1", HOST]
    with pytest.raises(BackendError):
        probe_of("nothing", None)
