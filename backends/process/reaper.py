"""At boot: end the engines that a killed gateway left behind. Call it while holding the state lock, before any launch.

A group is killed only when a process recorded in it is proven alive by pid and start time in the same boot of the
machine. A living member proves the group too: a group's number is not given out again while anybody is in it.
"""

import shutil
import signal
import time
from pathlib import Path

from msgspec import Struct

from backends.process.group import kill_each, signal_group
from backends.process.identity import Identity, alive, boot_id, group_of
from backends.process.ledger import Entry, Ledger

RUN_PREFIX = "forebay-"
"""How the names of run folders begin."""
_POLL = 0.01


class Reaped(Struct, frozen=True, kw_only=True):
    """An engine of an earlier gateway. ``gone`` is false when it survived KILL (stuck in a driver, as a rule)."""

    command: str
    group: int
    killed: tuple[Identity, ...]
    gone: bool


def reap_orphans(directory: Path, *, patience: float = 5.0) -> list[Reaped]:
    """Kill the recorded groups that still live and wait up to ``patience`` seconds until their memory is back.

    Entries are forgotten, and their run folders removed, unless something survived. Returns what was found alive.
    """
    ledger = Ledger(directory)
    boot = boot_id()
    reaped: list[Reaped] = []
    for entry in ledger.entries():
        proven = proven_alive(entry, boot)
        if proven:
            if any(group_of(identity.pid) == entry.group for identity in proven):
                signal_group(entry.group, signal.SIGKILL)
            kill_each(proven)
            gone = _wait_gone(proven, patience)
            reaped.append(Reaped(command=entry.command, group=entry.group, killed=proven, gone=gone))
            if not gone:
                continue
        _remove_folder(entry)
        ledger.forget(entry)
    return reaped


def proven_alive(entry: Entry, boot: str) -> tuple[Identity, ...]:
    """The processes of ``entry`` that are certainly the recorded ones; none when the machine was rebooted since."""
    if entry.boot != boot:
        return ()
    return tuple(identity for identity in (entry.leader, *entry.members) if alive(identity))


def _remove_folder(entry: Entry) -> None:
    # By name too: an entry is only a file, and nothing but a folder that was made for one engine may go.
    folder = Path(entry.folder)
    if folder.name.startswith(RUN_PREFIX) and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _wait_gone(identities: tuple[Identity, ...], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while any(alive(identity) for identity in identities):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True
