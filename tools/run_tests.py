"""`make test`: prepares the engines that tests use, runs the suite under coverage, and holds the coverage gate.

Arguments are passed on to pytest; with any, the gate is not applied (a part of the suite covers a part of the code).
"""

import os
import subprocess
import sys
from pathlib import Path

from backends.environments.environments import Environments

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    os.chdir(ROOT)
    environment = dict(
        os.environ, COVERAGE_PROCESS_START=str(ROOT / "pyproject.toml"), COVERAGE_FILE=str(ROOT / ".coverage")
    )
    for leftover in ROOT.glob(".coverage*"):
        leftover.unlink()
    prepare()
    arguments = sys.argv[1:]
    tests = subprocess.run([sys.executable, "-m", "coverage", "run", "-m", "pytest", *arguments], env=environment)
    if tests.returncode != 0 or arguments:
        return tests.returncode
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", "coverage.json"], check=True)
    gate = [sys.executable, "tools/coverage_gate.py", "coverage.json", *unreachable()]
    return subprocess.run(gate).returncode


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
    subprocess.run([forebay, "pull", "smollm2-135m"])


if __name__ == "__main__":
    sys.exit(main())
