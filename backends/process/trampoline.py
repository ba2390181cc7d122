"""What runs between fork and exec in the child: a script of its own, so that no code runs in a forked gateway.

Usage: ``python -I -S trampoline.py PARENT_PID COMMAND [ARGUMENT...]``. It asks the kernel to be killed together with
the thread that started it (Linux), makes itself the first victim of the out-of-memory killer, forbids core dumps,
waits for one byte on standard input and becomes COMMAND under the same pid. End of input before that byte means that
the gateway died before it had written the process down: then there is nothing to run.
It imports nothing of this project: it starts in milliseconds and its environment is the engine's.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = "500"
_NOT_FOUND = 127
_STDERR = 2


def die_with_parent(parent: int, prctl: Callable[..., int]) -> bool:
    """Have the kernel send KILL when the parent's spawning thread ends; false when it has ended already."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent


def prefer_as_victim(score: Path) -> None:
    """When memory runs out the engine goes, not the gateway. Raising the score needs no privilege."""
    with contextlib.suppress(OSError):
        score.write_text(_OOM_SCORE, encoding="ascii")


def become(command: list[str], gate: int) -> int:
    """Wait for the byte on ``gate``, then be ``command``; returns an exit code only when that did not work."""
    if not os.read(gate, 1):
        return 1
    try:
        os.execvp(command[0], command)  # noqa: S606 - argv comes from typed fields, and no shell reads it
    except OSError as error:
        os.write(_STDERR, f"cannot start {command[0]}: {error.strerror}\n".encode())
    return _NOT_FOUND


def main(arguments: list[str]) -> int:
    """Prepare the process and become the engine."""
    if sys.platform.startswith("linux"):
        if not die_with_parent(int(arguments[0]), ctypes.CDLL(None).prctl):
            return 1
        prefer_as_victim(Path("/proc/self/oom_score_adj"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return become(arguments[1:], 0)


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
