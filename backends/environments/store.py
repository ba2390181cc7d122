"""The environments of one runtime on disk: which is current, switching to a new one, removing the old."""

import secrets
import shutil
from pathlib import Path

from backends.environments.runtimes import Runtime
from backends.environments.venv import Stamp, VirtualEnvironment, python_version

_CURRENT = "current"
_ENVIRONMENTS = "envs"


class Store:
    """``ROOT/ENGINE/RUNTIME``: a folder of environments and a link to the one in use."""

    def __init__(self, root: Path, runtime: Runtime) -> None:
        self.directory = root / runtime.engine / runtime.name
        self.lock = self.directory / "install.lock"
        self.log = self.directory / "install.log"

    def current(self) -> VirtualEnvironment | None:
        """The environment in use, by its own path, so that it stays the same when another one is switched to."""
        link = self.directory / _CURRENT
        try:
            directory = self.directory / link.readlink()
        except OSError:
            return None
        environment = VirtualEnvironment(directory)
        return environment if environment.python.exists() else None

    def fresh(self, version: str) -> VirtualEnvironment:
        """A place for a new environment. Leftovers of killed installations are removed first."""
        self._prune()
        return VirtualEnvironment(self.directory / _ENVIRONMENTS / f"{version}-{secrets.token_hex(4)}")

    def switch(self, environment: VirtualEnvironment) -> None:
        """Make ``environment`` the current one, atomically. The one before it stays: engines may be running in it."""
        link = self.directory / f".{_CURRENT}"
        link.unlink(missing_ok=True)
        link.symlink_to(environment.directory.relative_to(self.directory), target_is_directory=True)
        link.replace(self.directory / _CURRENT)

    def _prune(self) -> None:
        current = self.current()
        for directory in (self.directory / _ENVIRONMENTS).glob("*"):
            if current is None or directory != current.directory:
                shutil.rmtree(directory, ignore_errors=True)


def fits(stamp: Stamp | None, lock_sha256: str) -> bool:
    """Whether an environment was finished from this lock by this Python."""
    return stamp is not None and stamp.lock_sha256 == lock_sha256 and stamp.python == python_version()
