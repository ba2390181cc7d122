"""Which process a number means: a pid is only a name together with the moment its process began.

Never matches by command name. Linux counts start times in clock ticks since boot, which no clock adjustment moves;
elsewhere psutil's creation time is used, in hundredths of a second.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil
from msgspec import Struct

_LINUX = sys.platform.startswith("linux")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Identity(Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    start: int


def start_time(pid: int) -> int | None:
    """When ``pid`` began, in ticks; None when it is gone or only a zombie is left of it."""
    if _LINUX:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
        except OSError:
            return None
        # The command name may hold spaces and brackets: fields are counted from the last closing one.
        fields = text[text.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else int(fields[19])
    return portable_start_time(pid)


def portable_start_time(pid: int) -> int | None:
    """``start_time`` for systems without ``/proc``."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time() * 100)
    except psutil.Error:
        return None


def identify(pid: int) -> Identity | None:
    """The identity of a living process."""
    start = start_time(pid)
    return None if start is None else Identity(pid, start)


def alive(identity: Identity) -> bool:
    """True while exactly this process runs."""
    return start_time(identity.pid) == identity.start


def descendants(pid: int) -> tuple[Identity, ...]:
    """Children, grandchildren and so on of ``pid`` that are alive now."""
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return ()
    return living(child.pid for child in children)


def living(pids: Iterable[int]) -> tuple[Identity, ...]:
    """Identities of those ``pids`` that are alive."""
    return tuple(identity for pid in pids if (identity := identify(pid)) is not None)


def group_of(pid: int) -> int | None:
    """The process group of ``pid``, None when it is gone."""
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def in_group(group: int) -> tuple[Identity, ...]:
    """Everybody alive in the process group: also children whose parent is gone, which no descent can find."""
    return living(pid for pid in psutil.pids() if group_of(pid) == group)


def boot_id() -> str:
    """A string that changes with every boot of the machine; start times of different boots are not comparable."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return str(round(psutil.boot_time()))
