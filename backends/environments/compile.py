"""Building a wheel from a hash-pinned source distribution, with progress that can be seen."""

import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from backends.environments.lockfile import Pin
from backends.environments.pip import PipRunner
from backends.environments.progress import Progress
from backends.errors import BackendError, Cause

_STEP = re.compile(r"^\s*\[(\d+)/(\d+)\]")
_TAIL_LINES = 30


def build_wheel(
    pip: PipRunner,
    pin: Pin,
    target: Path,
    *,
    log: Path,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Build ``pin`` and return the wheel's path in ``target``. Raises ``BackendError(LOAD_FAILED)``.

    The build's own requirements (scikit-build-core, and cmake and ninja where the system lacks them) come from the
    index into pip's isolated build environment.
    """
    began = clock()
    tail: list[str] = []
    shown = -1

    def each(line: str) -> None:
        nonlocal shown
        tail.append(line)
        del tail[:-_TAIL_LINES]
        fraction = build_fraction(line)
        if fraction is not None and int(fraction * 100) != shown:
            shown = int(fraction * 100)
            progress(f"compiling {pin.name} {pin.version}: {shown} % after {clock() - began:.0f} s", fraction)

    progress(f"building {pin.name} {pin.version} from source; this takes minutes (log: {log})")
    with TemporaryDirectory(prefix="forebay-build-") as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text(pin.text + "\n", encoding="utf-8")
        # pip's own cache does not know of CMAKE_ARGS or of this CPU, and would hand back a wheel made for others.
        arguments = ["wheel", "-v", "--no-cache-dir", "--no-deps", "--require-hashes", "--no-binary", pin.name,
                     "-r", str(requirements), "-w", str(target)]  # fmt: skip
        code = pip.read(arguments, log, each)
    wheel = next(target.glob("*.whl"), None)
    if code != 0 or wheel is None:
        raise BackendError(
            Cause.LOAD_FAILED, f"building {pin.name} {pin.version} failed; the log is {log}", private="\n".join(tail)
        )
    progress(f"built {wheel.name} in {clock() - began:.0f} s", 1.0)
    return wheel


def download_wheel(pip: PipRunner, pin: Pin, target: Path, *, log: Path) -> Path | None:
    """A ready wheel of exactly this version from the operator's index; None when there is none to be had."""
    arguments = ["download", "--only-binary", ":all:", "--no-deps", "--retries", "1", "-d", str(target),
                 f"{pin.name}=={pin.version}"]  # fmt: skip
    if pip.read(arguments, log, _ignore) != 0:
        return None
    return next(target.glob("*.whl"), None)


def has_version(pip: PipRunner, pin: Pin, *, log: Path) -> bool:
    """Whether an index lists exactly this version for this machine; yes when pip cannot say. Fetches no wheel."""
    lines: list[str] = []
    code = pip.read(["index", "versions", "--only-binary", ":all:", pin.name], log, lines.append)
    if code != 0:
        return not any("No matching distribution found" in line for line in lines)
    listed = next((line.partition(":")[2] for line in lines if line.startswith("Available versions:")), pin.version)
    return pin.version in (version.strip() for version in listed.split(","))


def build_fraction(line: str) -> float | None:
    """How much of a build ninja has done, from a line that begins with ``[n/m]``."""
    match = _STEP.match(line)
    if match is None or int(match[2]) == 0:
        return None
    return min(1.0, int(match[1]) / int(match[2]))


def missing_for_build(
    environment: Mapping[str, str], which: Callable[[str], str | None] = shutil.which
) -> tuple[str, ...]:
    """What a build cannot do without and the machine lacks, in words. cmake and ninja come as wheels if need be."""
    needed = {"a C compiler (gcc or clang)": (environment.get("CC", ""), "cc", "gcc", "clang"),
              "a C++ compiler (g++ or clang++)": (environment.get("CXX", ""), "c++", "g++", "clang++")}  # fmt: skip
    return tuple(words for words, names in needed.items() if not any(name and which(name) for name in names))


def _ignore(line: str) -> None:
    """The log file has it."""
