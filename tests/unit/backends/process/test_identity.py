"""A pid with its start time names one process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.process import identity
from backends.process.identity import (
    Identity,
    alive,
    descendants,
    group_of,
    identify,
    in_group,
    portable_start_time,
    start_time,
)

SLEEP = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def test_we_are_alive_and_someone_earlier_with_our_pid_is_not():
    me = identify(os.getpid())
    assert me is not None
    assert alive(me)
    assert not alive(Identity(me.pid, me.start - 1))


def test_a_zombie_is_not_alive(child: subprocess.Popen[bytes]):
    found = identify(child.pid)
    assert found is not None
    assert found in descendants(os.getpid())
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_time(child.pid) is None
    assert portable_start_time(child.pid) is None
    assert not alive(found)


def test_a_process_that_never_was():
    assert start_time(2**22 + 1) is None
    assert portable_start_time(2**22 + 1) is None
    assert group_of(2**22 + 1) is None
    assert descendants(2**22 + 1) == ()


def test_the_portable_way_agrees_about_who_is_alive(child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity, "_LINUX", False)
    found = identify(child.pid)
    assert found is not None
    assert alive(found)
    assert not alive(Identity(found.pid, found.start + 1))


def test_the_boot_id_has_a_fallback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert identity.boot_id() == identity.boot_id()
    monkeypatch.setattr(identity, "_BOOT_ID", tmp_path / "absent")
    assert identity.boot_id().isdigit()


def test_everybody_of_a_group_is_found(child: subprocess.Popen[bytes]):
    found = identify(child.pid)
    assert found is not None
    group = group_of(child.pid)
    assert group is not None
    assert found in in_group(group)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert found not in in_group(group)
