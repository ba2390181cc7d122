"""``forebay worker check``: what it says of programs that keep the protocol, and of programs that do not."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.commands.worker import worker

ROOT = Path(__file__).parents[4]


def checked(command: str, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(worker, ["check", command, *more])
    return done.exit_code, done.output


def fake(fault: str = "") -> str:
    path = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); "
    run = "runpy.run_module('tests.fakes.picture_worker', run_name='__main__')"
    return f'{sys.executable} -c "{path}{run}" {{socket}} {fault}'.strip()


def test_a_worker_that_keeps_every_promise() -> None:
    status, output = checked(fake())
    assert status == 0, output
    assert len(output.splitlines()) == 10
    assert all(line.startswith("yes  ") for line in output.splitlines())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("differs", "no   makes the same picture of the same seed: it differs"),
        ("falls", "no   never lets percent fall"),
    ],
)
def test_a_broken_promise_is_named(fault: str, said: str) -> None:
    status, output = checked(fake(fault))
    assert status == 1
    assert said in output


def test_one_that_does_its_job_badly() -> None:
    status, output = checked(fake(), "--prompt", "refuse")
    assert status == 1
    assert "no   does a job: POST /jobs: not that" in output


def test_one_that_never_starts() -> None:
    status, output = checked(f"{sys.executable} -c 'raise SystemExit(3)'")
    assert (status, "no   starts, and is ready in time" in output) == (1, True)
