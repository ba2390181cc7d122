"""Host RAM, as psutil and the container's limits report it. On Apple silicon it is the card's memory too."""

import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.probe import Ours, Reading

_CGROUP = Path("/sys/fs/cgroup")
_GPU_SHARE = 0.75
"""What macOS lets the GPU take of unified memory unless told otherwise."""


class HostProbe:
    """``limit`` bounds what engines may take of host RAM, in bytes: a budget, met by what the machine has left."""

    def __init__(
        self, limit: int | None = None, cgroup: Path = _CGROUP, sysctl: Callable[[str], str] | None = None
    ) -> None:
        self._limit = limit
        self._cgroup = cgroup
        self._sysctl = sysctl or _sysctl
        self._apple = sys.platform == "darwin" and platform.machine() == "arm64"
        self._name = (self._apple and self._sysctl("machdep.cpu.brand_string")) or platform.processor()

    def read(self, ours: Ours) -> Reading:
        memory = psutil.virtual_memory()
        own = ours.bytes.get(HOST, 0)
        total, foreign = memory.total, max(0, memory.total - memory.available - own)
        inside = self._container(own)
        if inside is not None and inside[0] < total:
            total, foreign = inside
        if self._apple:
            total = min(total, self._wired(memory.total))
        budgeted = self._limit is not None and self._limit + foreign < total
        if self._limit is not None and budgeted:
            # It bounds our engines, whatever others use.
            total = self._limit + foreign
        device = Device(
            id=HOST,
            name=self._name or platform.machine() or "host",
            total_bytes=total,
            foreign_bytes=foreign,
            vendor="apple" if self._apple else "host",
            unified=self._apple,
            budgeted=budgeted,
        )
        return Reading(Inventory((device,)))

    def _container(self, own: int) -> tuple[int, int] | None:
        """Total and foreign bytes as the control group allows and counts them; the page cache is not held."""
        try:
            limit = (self._cgroup / "memory.max").read_text().strip()
            held = int((self._cgroup / "memory.current").read_text())
            lines = (self._cgroup / "memory.stat").read_text().splitlines()
        except (OSError, ValueError):
            return None
        if not limit.isdecimal():
            return None
        cached = sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
        return int(limit), max(0, held - cached - own)

    def _wired(self, total: int) -> int:
        """What the GPU may take: the operator's own limit, in MiB, if there is one."""
        said = self._sysctl("iogpu.wired_limit_mb")
        megabytes = int(said) if said.isdecimal() else 0
        return megabytes * 1024**2 if megabytes else int(total * _GPU_SHARE)


def _sysctl(name: str) -> str:
    try:
        done = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
