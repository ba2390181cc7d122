"""Tells the event loop when a child has ended, before it is reaped where the system allows that."""

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable


def watch_exit(child: subprocess.Popen[bytes], on_end: Callable[[], None]) -> None:
    """Call ``on_end`` once on the running loop when ``child`` has ended.

    With pidfds (Linux 5.3) the child is still a zombie then, so its pid cannot have been given to another process.
    """
    descriptor = _descriptor(child.pid)
    if descriptor is None:
        watch_by_thread(child, on_end)
    else:
        watch_by_descriptor(descriptor, on_end)


def _descriptor(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # an older kernel, or a sandbox that forbids the call
        return None


def watch_by_descriptor(descriptor: int, on_end: Callable[[], None]) -> None:
    """The exact way: ``descriptor`` is a pidfd, readable once its process has ended. It is closed here."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        on_end()

    loop.add_reader(descriptor, ended)


def watch_by_thread(child: subprocess.Popen[bytes], on_end: Callable[[], None]) -> None:
    """The portable way: a thread that waits. The child is reaped a moment before ``on_end`` runs."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        child.wait()
        try:
            loop.call_soon_threadsafe(on_end)
        except RuntimeError:  # the loop was closed first: nobody is left to be told
            return

    threading.Thread(target=wait, name=f"wait-{child.pid}", daemon=True).start()
