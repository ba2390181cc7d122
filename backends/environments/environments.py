"""Engine environments: find, install, replace. Never touches the gateway's own environment."""

import shutil
from pathlib import Path

from msgspec import Struct

from backends.environments.complete import complete
from backends.environments.exclusive import exclusive
from backends.environments.lockfile import LockFile, sha256_of
from backends.environments.machine import Machine, this_machine
from backends.environments.paths import default_root, default_wheels
from backends.environments.pip import Pip, PipRunner
from backends.environments.progress import Progress, silent
from backends.environments.routes import Route, Source, routes
from backends.environments.runtimes import AUTO, Runtime, choose, installable
from backends.environments.space import Free, check, free_bytes, takes
from backends.environments.store import Store, fits
from backends.environments.supply import WheelSupply
from backends.environments.venv import Stamp, VirtualEnvironment, python_version
from backends.environments.wheels import WheelCache
from backends.errors import BackendError, Cause

_PACKAGE = Path(__file__).parents[1]


class Installed(Struct, frozen=True, kw_only=True):
    """An environment ready for use. ``changed`` is false when it was there already."""

    engine: str
    runtime: str
    python: Path
    version: str
    wheel: str
    changed: bool


class Environments:
    """All engine environments below ``root``; ``package`` is the directory of the ``backends`` package to link.

    ``machine`` decides what ``auto`` means; it is this one unless told otherwise.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        wheels: Path | None = None,
        pip: PipRunner | None = None,
        package: Path = _PACKAGE,
        machine: Machine | None = None,
        free: Free = free_bytes,
    ) -> None:
        self.root = root or default_root()
        self.package = package
        self.machine = machine or this_machine()
        self.free = free
        self._pip = pip or Pip()
        self._supply = WheelSupply(WheelCache(wheels or default_wheels()), self._pip)

    def candidates(self, engine: str, runtime: str = AUTO) -> tuple[Runtime, ...]:
        """The runtimes that may run ``engine`` here, best first. Raises ``BackendError(NOT_FOUND)``."""
        return choose(self.package, engine, runtime, self.machine)

    def known(self, engine: str, runtime: str = AUTO) -> bytes | None:
        """What the installed engine said it knows, as JSON; None when it is not installed or was never asked."""
        python = self.python(engine, runtime)
        if python is None:
            return None
        try:
            return VirtualEnvironment(python.parents[1]).known.read_bytes()
        except OSError:
            return None

    def python(self, engine: str, runtime: str = AUTO) -> Path | None:
        """The interpreter to launch ``engine`` with; None when it is not installed, or from an older lock file.

        Checks the link to our code and repairs it. Raises ``BackendError`` (``NOT_FOUND``, ``STORAGE``).
        """
        for candidate in self.candidates(engine, runtime):
            environment = Store(self.root, candidate).current()
            stamp = environment.stamp() if environment else None
            if environment and stamp and stamp.lock_sha256 == candidate.read().sha256:
                self._link(environment)
                return environment.python
        return None

    def install(
        self, engine: str, runtime: str = AUTO, *, build: bool = False, progress: Progress = silent
    ) -> Installed:
        """Make the environment of ``engine``, or find that it is there.

        ``build`` forces building the wheel from source. Raises ``BackendError``: ``NOT_FOUND`` for names,
        ``INVALID_REQUEST`` when there is nothing for this machine, ``LOAD_FAILED`` when no way worked (``private`` says
        why each did not), ``STORAGE`` for the disk.
        """
        plan = routes(installable(self.package, engine, runtime, self.machine), build=build)
        try:
            for route in plan:
                if (found := self._existing(route.runtime, build=build)) is not None:
                    return found
            return self._try(plan, progress)
        except OSError as error:
            raise BackendError(
                Cause.STORAGE, "the engine directory cannot be written; is the disk full?", private=str(error)
            ) from error

    def _try(self, plan: tuple[Route, ...], progress: Progress) -> Installed:
        reasons: list[str] = []
        private: list[str] = []
        for route in plan:
            try:
                return self._follow(route, progress)
            except BackendError as error:
                if error.cause is not Cause.LOAD_FAILED:
                    raise
                reasons.append(f"{route.runtime.name} ({route.source.value}): {error.detail}")
                private.append(error.private)
                progress(reasons[-1])
        raise BackendError(
            Cause.LOAD_FAILED,
            f"engine {plan[0].runtime.engine} could not be installed: " + "; ".join(reasons),
            private="\n".join(filter(None, private)),
        )

    def _follow(self, route: Route, progress: Progress) -> Installed:
        runtime, store = route.runtime, Store(self.root, route.runtime)
        with exclusive(store.lock, lambda: progress("waiting for another installation to finish")):
            found = self._existing(runtime, build=route.source is Source.BUILD)
            if found is not None:
                return found
            if words := runtime.kind.misfit(self.machine):
                raise BackendError(Cause.LOAD_FAILED, f"{runtime.name} {words}")
            lock = runtime.read()
            environment = store.fresh(lock.pin(runtime.distribution).version)
            check(runtime.name, runtime.kind.space, self.root, self.free)
            wheel = self._supply.wheel(route, lock, store.log, progress)
            try:
                stamp = self._make(environment, runtime, lock, wheel, store.log, progress)
            except BaseException:
                shutil.rmtree(environment.directory, ignore_errors=True)
                raise
            store.switch(environment)
            progress(f"installed {runtime.name} {stamp.version}", 1.0)
            return _installed(runtime, environment, stamp, changed=True)

    def _make(
        self,
        environment: VirtualEnvironment,
        runtime: Runtime,
        lock: LockFile,
        wheel: Path | None,
        log: Path,
        progress: Progress,
    ) -> Stamp:
        version = lock.pin(runtime.distribution).version
        progress(f"installing {runtime.name} {version}{takes(runtime.kind.space)} (log: {log})")
        environment.create()
        requirements = environment.directory / "requirements.txt"
        pins = "".join(f"{pin.text}\n" for pin in lock.pins)
        requirements.write_text(lock.with_wheel(runtime.distribution, wheel) if wheel else pins, encoding="utf-8")
        # The lock is complete: pip need not resolve anything, and for some runtimes must not, where a part is left out.
        arguments = ["install", "--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:",
                     "-r", str(requirements)]  # fmt: skip
        if self._pip.run(environment.python, arguments, log) != 0:
            raise BackendError(Cause.LOAD_FAILED, f"pip could not install {runtime.name} {version}; the log is {log}")
        progress(f"making byte code for {runtime.name}")
        environment.compile()
        self._link(environment)
        complete(runtime, environment, version, progress)
        stamp = Stamp(
            lock_sha256=lock.sha256,
            python=python_version(),
            version=version,
            wheel=wheel.name if wheel else "",
            wheel_sha256=sha256_of(wheel) if wheel else "",
        )
        environment.finish(stamp)
        return stamp

    def _existing(self, runtime: Runtime, *, build: bool) -> Installed | None:
        environment = Store(self.root, runtime).current()
        if environment is None:
            return None
        stamp = environment.stamp()
        if stamp is None or not fits(stamp, runtime.read().sha256):
            return None
        if build and not self._supply.built_here(runtime, stamp):
            return None
        self._link(environment)
        return _installed(runtime, environment, stamp, changed=False)

    def _link(self, environment: VirtualEnvironment) -> None:
        environment.link(self.package)


def _installed(runtime: Runtime, environment: VirtualEnvironment, stamp: Stamp, *, changed: bool) -> Installed:
    return Installed(
        engine=runtime.engine,
        runtime=runtime.name,
        python=environment.python,
        version=stamp.version,
        wheel=stamp.wheel,
        changed=changed,
    )
