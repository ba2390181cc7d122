"""What is right and what is wrong with an engine's environments, in an operator's words. Changes nothing."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from backends.environments.compile import missing_for_build
from backends.environments.environments import Environments
from backends.environments.lockfile import LockFile
from backends.environments.runtimes import Runtime, runtimes_of
from backends.environments.store import Store, fits
from backends.environments.venv import VirtualEnvironment

_MINIMUM_PYTHON = (3, 11)
_WANTED_FREE = 2 << 30
_MINIMUM_GLIBC = (2, 17)
_IMPORT_TIMEOUT = 120.0
_IMPORT = "import importlib.metadata as m, sys; __import__(sys.argv[1]); print(m.version(sys.argv[2]))"


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the doctor: ``subject`` is what was looked at."""

    level: Level
    subject: str
    message: str


def examine(environments: Environments, engine: str) -> list[Finding]:
    """Everything about ``engine`` and this machine. Raises ``BackendError(NOT_FOUND)`` for an unknown engine."""
    runtimes = runtimes_of(environments.package, engine)
    found = [_python(), _libc(platform.libc_ver()), _disk(environments.root)]
    for runtime in runtimes:
        found.extend(_environment(environments, runtime))
    if environments.python(engine) is None:
        found.append(_error(engine, f"no usable environment; run: forebay engines install {engine}"))
    if any(runtime.source_only for runtime in runtimes):
        found.append(_compiler())
    return found


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] < _MINIMUM_PYTHON:
        return _error("python", f"{version} is too old; Forebay needs 3.11 or later")
    return _ok("python", version)


def _libc(found: tuple[str, str]) -> Finding:
    name, version = found
    if not sys.platform.startswith("linux"):
        return _ok("libc", "the system's own")
    if name != "glibc":
        return _warning("libc", "this system has no glibc (Alpine?): ready wheels do not fit, engines must be built")
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < _MINIMUM_GLIBC:
        return _warning("libc", f"glibc {version} is older than 2.17: ready wheels do not fit")
    return _ok("libc", f"glibc {version}")


def _disk(root: Path) -> Finding:
    existing = next(path for path in (root, *root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < _WANTED_FREE:
        return _warning("disk", f"{free / 1e9:.1f} GB free below {existing}; an engine may need 2 GB and more")
    return _ok("disk", f"{free / 1e9:.0f} GB free below {existing}")


def _environment(environments: Environments, runtime: Runtime) -> Iterator[Finding]:
    environment = Store(environments.root, runtime).current()
    if environment is None:
        yield _warning(runtime.name, "not installed")
        return
    lock = runtime.read()
    if not fits(environment.stamp(), lock.sha256):
        yield _warning(runtime.name, f"made from another lock file or Python; run: {_install(runtime)}")
    yield _imports(environment, runtime, lock)


def _imports(environment: VirtualEnvironment, runtime: Runtime, lock: LockFile) -> Finding:
    command = [str(environment.python), "-I", "-c", _IMPORT, runtime.module, runtime.name]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_IMPORT_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _error(runtime.name, f"its Python does not run: {error}")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return _error(runtime.name, f"cannot be imported: {last[:300]}")
    version, wanted = done.stdout.strip(), lock.pin(runtime.name).version
    if version != wanted:
        return _error(runtime.name, f"version {version} is installed, {wanted} is locked; run: {_install(runtime)}")
    return _ok(runtime.name, f"version {version} works")


def _compiler() -> Finding:
    if missing := missing_for_build(os.environ):
        return _warning("compiler", f"--build would need {' and '.join(missing)}")
    tools = [tool for tool in ("cmake", "ninja") if shutil.which(tool) is None]
    if tools:
        return _ok("compiler", f"found; {' and '.join(tools)} would come from the index for the build")
    return _ok("compiler", "found, with cmake and ninja")


def _install(runtime: Runtime) -> str:
    return f"forebay engines install {runtime.engine} --runtime {runtime.name}"


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _warning(subject: str, message: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message)


def _error(subject: str, message: str) -> Finding:
    return Finding(level=Level.ERROR, subject=subject, message=message)
