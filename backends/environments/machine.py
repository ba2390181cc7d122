"""What of this machine decides which build of an engine fits it. A look at device files: it runs and loads nothing."""

import platform
import sys
from pathlib import Path

from msgspec import Struct


class Machine(Struct, frozen=True, kw_only=True):
    """``nvidia`` when there is an NVIDIA card that this process may open.

    ``python`` is the version of the interpreter that environments are made from, ``arch`` its processor's name.
    """

    linux: bool
    nvidia: bool
    python: tuple[int, int] = sys.version_info[:2]
    arch: str = platform.machine()


def this_machine(root: Path = Path("/")) -> Machine:
    """The machine whose files are below ``root``."""
    linux = sys.platform.startswith("linux")
    return Machine(linux=linux, nvidia=linux and _nvidia(root))


def _nvidia(root: Path) -> bool:
    """The driver's device files, which containers get as well; under WSL its library stands for them."""
    if any((root / "dev").glob("nvidia[0-9]*")):
        return True
    return (root / "dev/dxg").exists() and (root / "usr/lib/wsl/lib/libcuda.so.1").exists()
