"""`make test`: prepares the engines that tests use, runs the suite under coverage, and holds the coverage gate.

Most tests wait for processes as much as they compute, so the suite runs in two lanes side by side, each a pytest of its
own. A few tests that failed beside the other lane are run once more alone, and named: what only a busy machine breaks
is told apart from what is broken. Arguments are passed on to pytest; with any there is one lane, no second run and no
gate (a part covers a part of the code).
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from backends.environments.environments import Environments

ROOT = Path(__file__).resolve().parent.parent
SECOND_LANE = ("integration", "sdk", "agents", "conformance")
"""Folders of about half of the time; everything else is the first lane, also what is new."""
TESTS_FAILED = 1
"""pytest's exit code for that, and not for a run that broke."""
FEW = 6
"""More failures than these are nobody's bad luck."""


def main() -> int:
    os.chdir(ROOT)
    environment = dict(
        os.environ, COVERAGE_PROCESS_START=str(ROOT / "pyproject.toml"), COVERAGE_FILE=str(ROOT / ".coverage")
    )
    for leftover in ROOT.glob(".coverage*"):
        leftover.unlink()
    prepare()
    arguments = sys.argv[1:]
    if arguments:
        return subprocess.run(pytest(*arguments), env=environment).returncode
    failed = in_lanes(environment)
    if failed:
        return failed
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", "coverage.json"], check=True)
    gate = [sys.executable, "tools/coverage_gate.py", "coverage.json", *unreachable()]
    return subprocess.run(gate).returncode


def pytest(*arguments: str) -> list[str]:
    """A part of the suite, under coverage."""
    return [sys.executable, "-m", "coverage", "run", "-m", "pytest", "--durations=15", *arguments]


def in_lanes(environment: dict[str, str]) -> int:
    """Both lanes at once; the second one's output follows when the first has ended. The exit code of who failed."""
    second = [f"tests/{name}" for name in SECOND_LANE]
    lanes = ([f"--ignore={folder}" for folder in second], second)
    with TemporaryDirectory() as folder:
        caches = [Path(folder) / name for name in ("first", "second")]
        first, beside = (pytest("-o", f"cache_dir={c}", *lane) for c, lane in zip(caches, lanes, strict=True))
        codes = side_by_side(first, beside, environment)
        failed = sorted({test for cache in caches for test in last_failed(cache)})
    if set(codes) <= {0, TESTS_FAILED} and 0 < len(failed) <= FEW:
        print(f"== once more, alone: {' '.join(failed)}", flush=True)
        return subprocess.run(pytest(*failed), env=environment).returncode
    return codes[0] or codes[1]


def side_by_side(first: list[str], second: list[str], environment: dict[str, str]) -> tuple[int, int]:
    """The exit codes of both commands."""
    with TemporaryFile() as output:
        beside = subprocess.Popen(second, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            codes = subprocess.run(first, env=environment).returncode, beside.wait()
        finally:
            beside.kill()
        output.seek(0)
        print(f"== the second lane: {' '.join(SECOND_LANE)}", flush=True)
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return codes


def last_failed(cache: Path) -> list[str]:
    """The tests that failed, as pytest wrote them down."""
    try:
        return list(json.loads((cache / "v" / "cache" / "lastfailed").read_bytes()))
    except FileNotFoundError:
        return []


def unreachable() -> list[str]:
    """Code that no test can reach here, because the engine that it runs in could not be had."""
    environments = Environments()
    worker = "backends/llama_cpp/worker/"
    folders = {"llama_cpp_python": f"{worker}batch/", "xllamacpp": f"{worker}llama_server/"}
    missing = [name for name in folders if environments.python("llama_cpp", name) is None]
    for name in missing:
        print(f"coverage gate: without {folders[name]}, since {name} is not installed")
    unreached = [worker] if len(missing) == len(folders) else [folders[name] for name in missing]
    if environments.python("diffusers") is None:
        inside = [f"backends/diffusers/worker/{name}/" for name in ("pipeline", "film")]
        print(f"coverage gate: without {' and '.join(inside)}, since diffusers is not installed")
        unreached += inside
    return unreached


def prepare() -> None:
    """Engines for the tests on real weights; what cannot be had makes those tests skip and say why."""
    forebay = Path(sys.executable).with_name("forebay")
    print("== engines for the tests", flush=True)
    subprocess.run([forebay, "engines", "install", "llama_cpp", "--runtime", "xllamacpp"])
    build = [] if os.environ.get("FOREBAY_TEST_BUILD") != "1" else ["--build"]
    subprocess.run([forebay, "engines", "install", "llama_cpp", "--runtime", "llama_cpp_python", *build])
    subprocess.run([forebay, "engines", "install", "diffusers"])
    if os.environ.get("FOREBAY_TEST_VLLM") == "1":  # 2.5 GB that nobody gets unasked
        subprocess.run([forebay, "engines", "install", "vllm", "--cpu"])
    subprocess.run([forebay, "pull", "smollm2-135m"])


if __name__ == "__main__":
    sys.exit(main())
