"""`make test`: prepares the engines that tests use, runs the suite under coverage, and holds the coverage gate.

Most tests wait for processes as much as they compute, so the suite runs in two lanes side by side, each a pytest of its
own. Arguments are passed on to pytest; with any there is one lane and no gate (a part covers a part of the code).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from backends.environments.environments import Environments

ROOT = Path(__file__).resolve().parent.parent
SECOND_LANE = ("integration", "sdk", "agents", "conformance")
"""Folders of about half of the time; everything else is the first lane, also what is new."""


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
    first = [f"--ignore={folder}" for folder in second]
    with TemporaryFile() as output:
        beside = subprocess.Popen(pytest(*second), env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            code = subprocess.run(pytest(*first), env=environment).returncode
            other = beside.wait()
        finally:
            beside.kill()
        output.seek(0)
        print(f"== the second lane: {' '.join(second)}", flush=True)
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return code or other


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
