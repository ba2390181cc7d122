"""From a launch plan to a running child, written down on disk before it becomes the engine. Never a shell.

The child gets a session of its own, exactly the plan's environment, a pipe on standard input that closes when the
gateway goes, and one pipe for all it prints. ``spawn`` must run on a thread that lives as long as the gateway
(the event loop's): Linux ties the death signal to the spawning thread.
"""

import os
import shutil
import signal
import socket as sockets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from backends.contract import LaunchPlan
from backends.errors import BackendError, Cause
from backends.process.identity import Identity, identify

_TRAMPOLINE = Path(__file__).with_name("trampoline.py")
_SOCKET_PATH_LIMIT = 100  # bytes; sockaddr_un holds 104 on macOS, 108 on Linux, and some programs add a suffix


def spawn(plan: LaunchPlan, before_exec: Callable[[Identity], None]) -> tuple[subprocess.Popen[bytes], Identity]:
    """Start ``plan``; ``before_exec`` is called with the child's identity before the engine's code runs.

    If ``before_exec`` raises, the engine never runs. Raises ``BackendError(LOAD_FAILED)`` when the command or the
    socket is not usable.
    """
    _check_command(plan)
    clear_socket(plan.socket)
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_TRAMPOLINE), str(os.getpid()), *plan.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=plan.cwd,
            env=plan.env,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise BackendError(Cause.LOAD_FAILED, "the engine process could not be started", private=str(error)) from error
    try:
        # A zombie has no start time: the child was killed in its first milliseconds; its exit will be seen as usual.
        identity = identify(child.pid) or Identity(child.pid, 0)
        before_exec(identity)
        release(child)
    except BaseException:
        abandon(child)
        raise
    return child, identity


def release(child: subprocess.Popen[bytes]) -> None:
    """Let the trampoline go on. A child that is gone already reports through its exit."""
    assert child.stdin is not None
    try:
        child.stdin.write(b"\n")
    except BrokenPipeError:
        return


def abandon(child: subprocess.Popen[bytes]) -> None:
    """Kill and reap a child that nobody will supervise."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        child.kill()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()
    child.wait()


def clear_socket(path: Path) -> None:
    """Remove a stale socket file. Raises ``BackendError(LOAD_FAILED)`` if somebody listens there or it is no socket."""
    if len(os.fsencode(path)) > _SOCKET_PATH_LIMIT:
        raise BackendError(
            Cause.LOAD_FAILED,
            "the run directory's path is too long for a Unix socket",
            private=f"{path} exceeds {_SOCKET_PATH_LIMIT} bytes",
        )
    if not path.exists():
        return
    if not path.is_socket():
        raise BackendError(Cause.LOAD_FAILED, "a file is in the place of the engine's socket", private=str(path))
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
        except (BlockingIOError, TimeoutError):  # somebody listens, with a full queue
            pass
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise BackendError(Cause.LOAD_FAILED, "another process listens on the engine's socket", private=str(path))


def _check_command(plan: LaunchPlan) -> None:
    # Said here, where it can be said well; the trampoline would only see its exec fail.
    if not plan.argv or shutil.which(plan.argv[0], path=plan.env.get("PATH", os.defpath)) is None:
        name = plan.argv[0] if plan.argv else ""
        raise BackendError(
            Cause.LOAD_FAILED, "the engine's command was not found", private=f"not an executable: {name!r}"
        )
    if not plan.cwd.is_dir():
        raise BackendError(Cause.LOAD_FAILED, "the engine's working directory is missing", private=str(plan.cwd))
