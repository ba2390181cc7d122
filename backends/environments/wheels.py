"""Wheels that we built or found, kept for the machines they fit. A wheel counts only with its hash beside it."""

import hashlib
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from backends.environments.lockfile import sha256_of

_HASH = "wheel.sha256"
_BUILD_VARIABLES = ("CMAKE_ARGS", "CFLAGS", "CXXFLAGS", "CC", "CXX", "SKBUILD_CMAKE_ARGS", "FORCE_CMAKE")
_CPUINFO = Path("/proc/cpuinfo")


class WheelKey(Struct, frozen=True, kw_only=True):
    """What a built wheel depends on besides its source. The default build is for the very CPU (``-march=native``)."""

    distribution: str
    version: str
    origin: str
    machine: str

    @property
    def folder(self) -> str:
        return f"{self.distribution}-{self.version}-{self.origin}-{self.machine}"


class WheelCache:
    """The directory of wheels."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, key: WheelKey) -> Path | None:
        """The wheel for ``key``; None when there is none or its bytes are not those that were put in."""
        folder = self.root / key.folder
        wheel = next(folder.glob("*.whl"), None)
        if wheel is None:
            return None
        try:
            expected = (folder / _HASH).read_text(encoding="ascii").strip()
        except OSError:
            return None
        return wheel if sha256_of(wheel) == expected else None

    def keep(self, key: WheelKey, wheel: Path) -> Path:
        """Copy ``wheel`` in under ``key``, whole or not at all."""
        folder = self.root / key.folder
        fresh = self.root / f".{key.folder}-{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        shutil.copy2(wheel, fresh / wheel.name)
        (fresh / _HASH).write_text(sha256_of(fresh / wheel.name), encoding="ascii")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
        return folder / wheel.name


def built_key(distribution: str, version: str, environment: Mapping[str, str]) -> WheelKey:
    """The key of a wheel built here with the flags of ``environment``."""
    flags = "\n".join(f"{name}={environment[name]}" for name in _BUILD_VARIABLES if environment.get(name))
    digest = hashlib.sha256(f"{cpu_fingerprint()}\n{flags}".encode()).hexdigest()[:16]
    return WheelKey(distribution=distribution, version=version, origin="built", machine=f"{_platform()}-{digest}")


def prebuilt_key(distribution: str, version: str) -> WheelKey:
    """The key of a wheel that an index had ready for this kind of machine."""
    return WheelKey(distribution=distribution, version=version, origin="index", machine=_platform())


def cpu_fingerprint(cpuinfo: Path = _CPUINFO) -> str:
    """The machine type and the CPU's features, sorted; the machine type alone where the system does not list them."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    features = next((line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))), "")
    return " ".join([platform.machine(), *sorted(features.split())])


def _platform() -> str:
    return f"{platform.system().lower()}-{platform.machine()}"
