"""What is right and what is wrong with engines' environments, in an operator's words. Changes nothing."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from backends.environments.compile import missing_for_build
from backends.environments.environments import Environments
from backends.environments.lockfile import LockFile
from backends.environments.runtimes import Runtime, runtimes_of
from backends.environments.space import existing, free_bytes, lack
from backends.environments.store import Store, fits
from backends.environments.venv import VirtualEnvironment

_MINIMUM_PYTHON = (3, 11)
_WANTED_FREE = 2 << 30
_MINIMUM_GLIBC = (2, 17)
_IMPORT_TIMEOUT = 120.0
_IMPORT = """
import importlib, importlib.metadata, sys
for module in sys.argv[2:]:
    importlib.import_module(module)
print(importlib.metadata.version(sys.argv[1]))
"""
_CARDS = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"
MACHINE = "machine"
"""The subject of what concerns every engine."""


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


def examine(environments: Environments, engines: Sequence[str]) -> dict[str, list[Finding]]:
    """This machine under ``MACHINE``, then each engine under its name.

    That an engine was never installed is an error where no other is. Raises ``BackendError(NOT_FOUND)`` for a name
    that is no engine's.
    """
    runtimes = {engine: runtimes_of(environments.package, engine) for engine in engines}
    usable = {engine for engine in engines if environments.python(engine) is not None}
    found = {MACHINE: [_python(), _libc(platform.libc_ver()), _disk(environments.root)]}
    for engine, its in runtimes.items():
        found[engine] = [finding for runtime in its for finding in _environment(environments, runtime)]
        if engine not in usable:
            installed = any(Store(environments.root, runtime).current() for runtime in its)
            say = _error if installed or not usable else _warning
            found[engine].append(say(engine, f"no usable environment; run: forebay engines install {engine}"))
            found[engine].extend(_room(environments, engine))
        if any(runtime.source_only for runtime in its):
            found[engine].append(_compiler())
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
    free = free_bytes(root)
    if free < _WANTED_FREE:
        return _warning("disk", f"{free / 1e9:.1f} GB free below {existing(root)}; an engine may need 2 GB and more")
    return _ok("disk", f"{free / 1e9:.0f} GB free below {existing(root)}")


def _room(environments: Environments, engine: str) -> Iterator[Finding]:
    """What ``auto`` would try first, if that takes more than there is."""
    first = environments.candidates(engine)[0]
    if words := lack(first.space, environments.root, environments.free):
        yield _warning(engine, f"{first.name} {words}")


def _environment(environments: Environments, runtime: Runtime) -> Iterator[Finding]:
    environment = Store(environments.root, runtime).current()
    if environment is None:
        if runtime.suits(environments.machine):
            yield _warning(runtime.name, "not installed")
        return
    lock = runtime.read()
    if not fits(environment.stamp(), lock.sha256):
        yield _warning(runtime.name, f"made from another lock file or Python; run: {_install(runtime)}")
    yield _imports(environment, runtime, lock)
    if runtime.cuda and environments.machine.nvidia:
        yield _card(environment, runtime)


def _imports(environment: VirtualEnvironment, runtime: Runtime, lock: LockFile) -> Finding:
    output, wrong = _told(environment, _IMPORT, runtime.distribution, *runtime.modules)
    if wrong:
        return _error(runtime.name, wrong)
    wanted = lock.pin(runtime.distribution).version
    if output != wanted:
        return _error(runtime.name, f"version {output} is installed, {wanted} is locked; run: {_install(runtime)}")
    return _ok(runtime.name, f"version {output} works")


def _card(environment: VirtualEnvironment, runtime: Runtime) -> Finding:
    output, wrong = _told(environment, _CARDS)
    if wrong or output == "0":
        why = wrong or "its CUDA needs a newer driver, or CUDA_VISIBLE_DEVICES hides it"
        return _error(runtime.name, f"torch finds no NVIDIA card: {why}")
    return _ok(runtime.name, f"torch finds {output} NVIDIA card(s)")


def _told(environment: VirtualEnvironment, code: str, *arguments: str) -> tuple[str, str]:
    """What ``code`` printed in the environment, and in words what went wrong: one of them is empty."""
    command = [str(environment.python), "-I", "-c", code, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_IMPORT_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"its Python does not run: {error}"
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return "", f"cannot be imported: {last[:300]}"
    return done.stdout.strip(), ""


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
