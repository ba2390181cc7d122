"""Signals to a process group and to descendants that left it. Only processes proven by pid and start time."""

import os
import signal
from collections.abc import Iterable

from backends.process.identity import Identity, alive


def signal_group(group: int, number: signal.Signals) -> bool:
    """Signal every process of ``group``; False when it is empty. The caller proves that the group is its own."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS answers so when only zombies are left; elsewhere a member changed its user
        return False
    return True


def kill_each(members: Iterable[Identity]) -> tuple[Identity, ...]:
    """KILL those members that are still exactly the processes they were; returns the ones signalled."""
    killed: list[Identity] = []
    for member in members:
        if not alive(member):
            continue
        try:
            os.kill(member.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
        killed.append(member)
    return tuple(killed)
