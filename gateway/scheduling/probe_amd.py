"""AMD cards as the kernel's amdgpu driver shows them in sysfs: no vendor stack is needed, nothing is loaded.

Source: the kernel's documentation of amdgpu, ``mem_info_vram_*`` and ``unique_id``, and of fdinfo.
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.scheduling.device import Device, Inventory
from gateway.scheduling.probe import Ours, ProcessUse, Reading

_AMD = "0x1002"
_INTEGRATED_BELOW = 4 * 1024**3
"""Integrated graphics carve a little out of host RAM, which is planned already; cards of today have more than this."""


class AmdProbe:
    """``drm`` and ``proc`` are where the kernel's files are."""

    def __init__(self, drm: Path = Path("/sys/class/drm"), proc: Path = Path("/proc")) -> None:
        self._drm = drm
        self._proc = proc

    def read(self, ours: Ours) -> Reading:
        devices: list[Device] = []
        used: list[ProcessUse] = []
        for card in sorted(self._drm.glob("card[0-9]*/device")):
            if _text(card / "vendor") != _AMD or (total := _number(card / "mem_info_vram_total")) < _INTEGRATED_BELOW:
                continue
            address = card.resolve().name
            unique = _text(card / "unique_id")
            name = f"GPU-{unique}" if unique else address
            uses = list(self._uses(name, address, ours))
            held = _number(card / "mem_info_vram_used")
            mine = sum(use.bytes for use in uses) or min(held, ours.bytes.get(name, 0))
            devices.append(
                Device(
                    id=name,
                    name=_text(card / "product_name") or "AMD GPU",
                    total_bytes=total,
                    foreign_bytes=max(0, held - mine),
                    vendor="amd",
                )
            )
            used += uses
        return Reading(Inventory(tuple(devices)), tuple(used))

    def _uses(self, device_id: str, address: str, ours: Ours) -> Iterator[ProcessUse]:
        for pid in ours.pids:
            # A process opens a card several times; each of them tells the same sum per client.
            clients: dict[str, int] = {}
            for path in (self._proc / str(pid) / "fdinfo").glob("*"):
                facts = dict(line.split(":", 1) for line in _text(path).splitlines() if ":" in line)
                if facts.get("drm-pdev", "").strip() == address:
                    clients[facts.get("drm-client-id", "").strip()] = _kibibytes(facts.get("drm-memory-vram", ""))
            if clients:
                yield ProcessUse(pid, device_id, sum(clients.values()))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int:
    said = _text(path)
    return int(said) if said.isdecimal() else 0


def _kibibytes(said: str) -> int:
    amount = said.strip().removesuffix("KiB").strip()
    return int(amount) * 1024 if amount.isdecimal() else 0
