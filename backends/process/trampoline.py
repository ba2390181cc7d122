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
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = "500"
_NOT_FOUND = 127


def die_with_parent(parent: int) -> None:
    """Have the kernel send KILL when the parent's spawning thread ends; exit now when it has ended already."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def prefer_as_victim() -> None:
    """When memory runs out the engine goes, not the gateway. Raising the score needs no privilege."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def main(arguments: list[str]) -> int:
    """Become the engine; returns only when that did not work."""
    parent, command = int(arguments[0]), arguments[1:]
    die_with_parent(parent)
    prefer_as_victim()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not os.read(0, 1):
        return 1
    try:
        os.execvp(command[0], command)  # noqa: S606 - argv comes from typed fields, and no shell reads it
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode())
    return _NOT_FOUND


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
