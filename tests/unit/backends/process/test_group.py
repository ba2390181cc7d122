"""Signals go to proven processes only."""

import os
import signal
import subprocess
import sys

from backends.process.group import kill_each, signal_group
from backends.process.identity import Identity, identify

SLEEP = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]


def test_an_empty_group():
    with subprocess.Popen(SLEEP, start_new_session=True) as child:
        assert signal_group(child.pid, signal.SIGKILL)
        child.wait()
        assert not signal_group(child.pid, signal.SIGKILL)


def test_only_exact_members_are_killed():
    with subprocess.Popen(SLEEP) as child:
        found = identify(child.pid)
        assert found is not None
        assert kill_each([Identity(found.pid, found.start - 1), Identity(os.getpid(), 0)]) == ()
        assert child.poll() is None
        assert kill_each([found]) == (found,)
        assert child.wait() == -signal.SIGKILL
