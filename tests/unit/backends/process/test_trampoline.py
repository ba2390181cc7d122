"""The steps between fork and exec, one by one; ``test_launch`` sees them together in a real child."""

import os
import signal
from pathlib import Path

import pytest

from backends.process.trampoline import become, die_with_parent, prefer_as_victim


def test_the_death_signal_is_kill_and_a_lost_parent_is_noticed():
    asked: list[tuple[int, ...]] = []

    def prctl(*arguments: int) -> int:
        asked.append(arguments)
        return 0

    assert die_with_parent(os.getppid(), prctl)
    assert not die_with_parent(os.getppid() + 1, prctl)
    assert asked == [(1, signal.SIGKILL, 0, 0, 0)] * 2


def test_the_out_of_memory_score_is_raised_where_there_is_one(tmp_path: Path):
    prefer_as_victim(tmp_path / "score")
    assert int((tmp_path / "score").read_text()) > 0
    prefer_as_victim(tmp_path / "none" / "score")


@pytest.mark.parametrize(("sent", "code"), [(b"", 1), (b"\n", 127)])
def test_without_the_byte_nothing_is_run(sent: bytes, code: int, capfd: pytest.CaptureFixture[str]):
    gate, go = os.pipe()
    os.write(go, sent)
    os.close(go)
    assert become(["/no/such/engine"], gate) == code
    assert capfd.readouterr().err.count("cannot start /no/such/engine: No such file") == (code == 127)
    os.close(gate)
