"""Where the wheel of a source-only distribution comes from: the cache, an index, or the compiler of this machine."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from backends.environments.compile import build_wheel, download_wheel, has_version, missing_for_build
from backends.environments.lockfile import LockFile, Pin, sha256_of
from backends.environments.pip import PipRunner
from backends.environments.progress import Progress
from backends.environments.routes import Route, Source
from backends.environments.runtimes import Runtime
from backends.environments.venv import Stamp
from backends.environments.wheels import WheelCache, WheelKey, built_key, prebuilt_key
from backends.errors import BackendError, Cause


class WheelSupply:
    """Finds or makes wheels and keeps them in the cache."""

    def __init__(self, cache: WheelCache, pip: PipRunner) -> None:
        self._cache = cache
        self._pip = pip

    def wheel(self, route: Route, lock: LockFile, log: Path, progress: Progress) -> Path | None:
        """The wheel for ``route``; None when the lock's own hashes cover it.

        Raises ``BackendError(LOAD_FAILED)`` when this route leads nowhere on this machine.
        """
        if route.source is Source.LOCK:
            if route.runtime.kind.scarce:
                self._look_for(lock.pin(route.runtime.kind.scarce), log, progress)
            return None
        distribution = route.runtime.distribution
        pin = lock.pin(distribution)
        built = built_key(distribution, pin.version, os.environ)
        ready = prebuilt_key(distribution, pin.version)
        for key in (built, ready) if route.source is Source.WHEEL else (built,):
            if (kept := self._cache.find(key)) is not None:
                progress(f"using {kept.name} from the wheel cache")
                return kept
        self._cache.root.mkdir(parents=True, exist_ok=True)
        # In the cache's own file system, and out of sight until it is complete.
        with TemporaryDirectory(prefix=".new-", dir=self._cache.root) as scratch:
            if route.source is Source.WHEEL:
                return self._fetched(pin, ready, Path(scratch), log, progress)
            return self._compiled(pin, built, Path(scratch), log, progress)

    def built_here(self, runtime: Runtime, stamp: Stamp) -> bool:
        """Whether an environment holds what this machine builds now: other flags or an index's wheel do not do."""
        kept = self._cache.find(built_key(runtime.distribution, stamp.version, os.environ))
        return kept is not None and sha256_of(kept) == stamp.wheel_sha256

    def _look_for(self, pin: Pin, log: Path, progress: Progress) -> None:
        """Fails in a second where pip would first fetch all that comes before ``pin`` in the lock."""
        progress(f"asking the index for {pin.name} {pin.version}")
        if not has_version(self._pip, pin, log=log):
            raise BackendError(
                Cause.LOAD_FAILED,
                f"no index that pip knows has {pin.name} {pin.version}; PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS can "
                "name one that does",
            )

    def _fetched(self, pin: Pin, key: WheelKey, scratch: Path, log: Path, progress: Progress) -> Path:
        progress(f"asking the index for a ready wheel of {pin.name} {pin.version}")
        wheel = download_wheel(self._pip, pin, scratch, log=log)
        if wheel is None:
            raise BackendError(Cause.LOAD_FAILED, f"no index has a ready wheel of {pin.name} {pin.version}")
        return self._cache.keep(key, wheel)

    def _compiled(self, pin: Pin, key: WheelKey, scratch: Path, log: Path, progress: Progress) -> Path:
        if missing := missing_for_build(os.environ):
            raise BackendError(
                Cause.LOAD_FAILED,
                f"building {pin.name} needs {' and '.join(missing)}; on Debian and Ubuntu: apt install build-essential",
            )
        return self._cache.keep(key, build_wheel(self._pip, pin, scratch, log=log, progress=progress))
