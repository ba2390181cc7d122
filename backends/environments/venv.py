"""One virtual environment on disk: made, linked to our own code, stamped. Knows nothing of runtimes or routes."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.environments.pip import has_pip
from backends.errors import BackendError, Cause

_STAMP = "forebay.json"
_KNOWN = "known.json"
_LINK = "backends"


class Stamp(Struct, frozen=True, kw_only=True):
    """What an environment was made from. Equal stamps mean that there is nothing to install."""

    lock_sha256: str
    python: str
    version: str
    wheel: str = ""
    wheel_sha256: str = ""


class VirtualEnvironment:
    """The environment at ``directory``; its scripts hold absolute paths, so it is never moved."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.python = directory / "bin" / "python"
        self.known = directory / _KNOWN
        """What its engine said it knows, where one was asked; JSON of the engine's own."""

    def create(self) -> None:
        """Make it empty. Raises ``BackendError(LOAD_FAILED)`` with what the operator can do."""
        bare = ["--without-pip"] if has_pip() else []
        command = [sys.executable, "-I", "-m", "venv", *bare, str(self.directory)]
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise BackendError(
                Cause.LOAD_FAILED,
                "the virtual environment could not be made; on Debian and Ubuntu install python3-venv",
                private=(made.stdout + made.stderr)[-4096:],
            )

    def link(self, package: Path) -> None:
        """Make ``import backends`` in the environment mean ``package`` and nothing else; repairs a moved checkout."""
        target = package.resolve()
        link = self.site_packages / _LINK
        if link.is_symlink() and link.readlink() == target:
            return
        temporary = link.with_name(f".{_LINK}-{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target, target_is_directory=True)
        temporary.replace(link)

    @property
    def site_packages(self) -> Path:
        """Where its libraries are. Raises ``BackendError(STORAGE)`` for a damaged environment."""
        found = next(self.directory.glob("lib/python*/site-packages"), None)
        if found is None:
            raise BackendError(Cause.STORAGE, "the engine's environment is damaged", private=str(self.directory))
        return found

    def compile(self) -> None:
        """Byte code of every module, with all processors; pip would take one. What cannot be compiled is left."""
        command = [str(self.python), "-I", "-m", "compileall", "-q", "-j", "0", str(self.site_packages)]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def stamp(self) -> Stamp | None:
        """Its stamp; None when it was never finished."""
        try:
            return msgspec.json.decode((self.directory / _STAMP).read_bytes(), type=Stamp)
        except (OSError, msgspec.MsgspecError):
            return None

    def finish(self, stamp: Stamp) -> None:
        """Write the stamp, the last step of an installation."""
        temporary = self.directory / f"{_STAMP}.new"
        temporary.write_bytes(msgspec.json.encode(stamp))
        temporary.replace(self.directory / _STAMP)


def python_version() -> str:
    """The running interpreter's, with its platform: an environment belongs to one."""
    return f"{platform.python_implementation()}-{platform.python_version()}-{sys.platform}-{platform.machine()}"
