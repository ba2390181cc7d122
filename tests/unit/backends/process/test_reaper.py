"""What the next gateway ends and clears away, and what it leaves alone. Living processes are the fault suite's."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.process import reaper
from backends.process.identity import Identity, alive, boot_id, identify
from backends.process.ledger import Entry, Ledger
from backends.process.reaper import RUN_PREFIX, proven_alive, reap_orphans

DEAD = Identity(2**22 + 1, 7)


@pytest.fixture
def child() -> Iterator[Identity]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"], start_new_session=True
    )
    found = identify(process.pid)
    assert found is not None
    yield found
    process.kill()
    process.wait()


def record(tmp_path: Path, *, folder: str = "", leader: Identity = DEAD, **more: object) -> Path:
    directory = tmp_path / "engines"
    Ledger(directory).record(Entry(**{"leader": leader, "boot": boot_id(), "command": "e", "folder": folder, **more}))
    return directory


def test_nothing_recorded_is_nothing_to_do(tmp_path: Path) -> None:
    assert reap_orphans(tmp_path / "absent") == []


def test_the_run_folder_of_a_dead_engine_goes_with_its_entry(tmp_path: Path) -> None:
    folder = tmp_path / f"{RUN_PREFIX}abc"
    folder.mkdir()
    (folder / "worker.json").write_text("{}")
    assert reap_orphans(record(tmp_path, folder=str(folder))) == []
    assert not folder.exists()
    assert Ledger(tmp_path / "engines").entries() == ()


def test_a_folder_that_was_not_made_for_one_engine_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("")
    link = tmp_path / f"{RUN_PREFIX}link"
    link.symlink_to(precious)
    for folder in (str(precious), str(link), "", "/", str(tmp_path / f"{RUN_PREFIX}absent")):
        reap_orphans(record(tmp_path, folder=folder))
        assert (precious / "thesis").exists()
        assert Ledger(tmp_path / "engines").entries() == ()


def test_a_living_member_of_another_boot_proves_nothing(tmp_path: Path, child: Identity) -> None:
    assert reap_orphans(record(tmp_path, leader=child, boot="another boot")) == []
    assert alive(child)


def test_a_member_proves_its_group_when_the_leader_is_gone(tmp_path: Path, child: Identity) -> None:
    entry = Entry(leader=DEAD, boot=boot_id(), command="e", members=(child,))
    assert proven_alive(entry, boot_id()) == (child,)
    (reaped,) = reap_orphans(record(tmp_path, members=(child,)))
    assert (reaped.killed, reaped.gone) == ((child,), True)
    assert not alive(child)


def test_what_survives_keeps_its_entry_and_its_folder(
    tmp_path: Path, child: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / f"{RUN_PREFIX}abc"
    folder.mkdir()
    directory = record(tmp_path, leader=child, folder=str(folder))
    monkeypatch.setattr(reaper, "signal_group", lambda group, number: True)  # as if it were stuck in a driver
    monkeypatch.setattr(reaper, "kill_each", lambda members: tuple(members))
    (reaped,) = reap_orphans(directory, patience=0.02)
    assert not reaped.gone
    assert folder.exists()
    assert [entry.leader for entry in Ledger(directory).entries()] == [child]
    os.kill(child.pid, signal.SIGKILL)
