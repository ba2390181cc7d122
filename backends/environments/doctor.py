"""What is right and what is wrong with engines' environments, in an operator's words. Changes nothing."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.environments.ask import ask
from backends.environments.compile import missing_for_build
from backends.environments.conditions import card_findings, compiler_findings, libc_findings
from backends.environments.environments import Environments
from backends.environments.finding import Finding, fine, note, wrong
from backends.environments.lockfile import LockFile
from backends.environments.runtimes import Runtime, no_card, runtimes_of
from backends.environments.space import existing, free_bytes, lack
from backends.environments.store import Store, fits
from backends.environments.venv import VirtualEnvironment

_MINIMUM_PYTHON = (3, 11)
_WANTED_FREE = 2 << 30
_MINIMUM_GLIBC = (2, 17)
_IMPORT = """
import importlib, importlib.metadata, sys
for module in sys.argv[2:]:
    importlib.import_module(module)
print(importlib.metadata.version(sys.argv[1]))
"""
MACHINE = "machine"
"""The subject of what concerns every engine."""


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
            found[engine].extend(_unusable(environments, engine, its, alone=not usable))
        if any(runtime.kind.source_only for runtime in its):
            found[engine].append(_compiler())
    return found


def _unusable(environments: Environments, engine: str, its: Sequence[Runtime], *, alone: bool) -> Iterator[Finding]:
    offered = [runtime for runtime in its if runtime.kind.offered(environments.machine)]
    installed = any(Store(environments.root, runtime).current() for runtime in its)
    if not offered and not installed:
        yield note(engine, no_card(tuple(its)))
        return
    say = wrong if installed or alone else note
    yield say(engine, f"no usable environment; run: forebay engines install {engine}")
    yield from _room(environments, offered)


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info[:2] < _MINIMUM_PYTHON:
        return wrong("python", f"{version} is too old; Forebay needs 3.11 or later")
    return fine("python", version)


def _libc(found: tuple[str, str]) -> Finding:
    name, version = found
    if not sys.platform.startswith("linux"):
        return fine("libc", "the system's own")
    if name != "glibc":
        return note("libc", "this system has no glibc (Alpine?): ready wheels do not fit, engines must be built")
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < _MINIMUM_GLIBC:
        return note("libc", f"glibc {version} is older than 2.17: ready wheels do not fit")
    return fine("libc", f"glibc {version}")


def _disk(root: Path) -> Finding:
    free = free_bytes(root)
    if free < _WANTED_FREE:
        return note("disk", f"{free / 1e9:.1f} GB free below {existing(root)}; an engine may need 2 GB and more")
    return fine("disk", f"{free / 1e9:.0f} GB free below {existing(root)}")


def _room(environments: Environments, offered: Sequence[Runtime]) -> Iterator[Finding]:
    """What ``auto`` would try first, if that takes more than there is."""
    for first in offered[:1]:
        if words := lack(first.kind.space, environments.root, environments.free):
            yield note(first.engine, f"{first.name} {words}")


def _environment(environments: Environments, runtime: Runtime) -> Iterator[Finding]:
    environment = Store(environments.root, runtime).current()
    if environment is None:
        if runtime.kind.offered(environments.machine):
            yield note(runtime.name, "not installed")
            yield from libc_findings(runtime, platform.libc_ver())
        return
    lock = runtime.read()
    if not fits(environment.stamp(), lock.sha256):
        yield note(runtime.name, f"made from another lock file or Python; run: {_install(runtime)}")
    yield _imports(environment, runtime, lock)
    yield from libc_findings(runtime, platform.libc_ver())
    yield from compiler_findings(runtime)
    if runtime.kind.cuda and environments.machine.nvidia:
        yield from card_findings(runtime, environment.python, environments.free)
    if runtime.kind.survey and not environment.known.is_file():
        yield note(runtime.name, "what it knows was never asked, so profiles are not held against it")


def _imports(environment: VirtualEnvironment, runtime: Runtime, lock: LockFile) -> Finding:
    output, failed = ask(environment.python, ["-c", _IMPORT, runtime.distribution, *runtime.modules])
    if failed:
        return wrong(runtime.name, failed)
    wanted = lock.pin(runtime.distribution).version
    if output != wanted:
        return wrong(runtime.name, f"version {output} is installed, {wanted} is locked; run: {_install(runtime)}")
    return fine(runtime.name, f"version {output} works")


def _compiler() -> Finding:
    if missing := missing_for_build(os.environ):
        return note("compiler", f"--build would need {' and '.join(missing)}")
    tools = [tool for tool in ("cmake", "ninja") if shutil.which(tool) is None]
    if tools:
        return fine("compiler", f"found; {' and '.join(tools)} would come from the index for the build")
    return fine("compiler", "found, with cmake and ninja")


def _install(runtime: Runtime) -> str:
    return f"forebay engines install {runtime.engine} --runtime {runtime.name}"
