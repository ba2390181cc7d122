"""Clips as files, in the engine's environment: each case of ``tests/film_cases`` is a test, a process for each module.

A process and not an import, since PyAV and numpy are in that environment only; what it covers is counted.
"""

import ast
import functools
import json
import os
import subprocess
import tempfile

import pytest

from tests.diffusers_fixtures import python
from tests.film_cases import CASE
from tests.tree import ROOT
from tests.worker_processes import measured

CASES = ROOT / "tests" / "film_cases"
DEADLINE = 110.0


def listed() -> list[tuple[str, str]]:
    return [
        (path.stem, node.name)
        for path in sorted(CASES.glob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith(CASE)
    ]


@functools.cache
def failures(group: str) -> dict[str, str]:
    """By case: how it failed, or nothing."""
    with tempfile.TemporaryDirectory(prefix="fbf") as scratch:
        environment = {"PATH": os.defpath, "HOME": scratch, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [python(), "-m", "tests.film_cases", group, scratch],
            env=environment | {"OMP_NUM_THREADS": "1"} | measured(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {result["name"]: result["failure"] for result in results}


@pytest.mark.parametrize(("group", "case"), listed(), ids=lambda value: value.removeprefix(CASE))
def test_film(group: str, case: str) -> None:
    failure = failures(group)[case]
    assert not failure, failure


def test_each_case_is_found() -> None:
    assert {group for group, _ in listed()} == {path.stem for path in CASES.glob("*.py")} - {
        *("__init__", "__main__", "pictures")
    }
