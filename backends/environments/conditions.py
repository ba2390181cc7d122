"""What a runtime needs of the machine besides its environment: a C library, a compiler while it runs, cards and the
memory that their processes share. Looks and says; changes nothing."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct

from backends.environments.ask import ask
from backends.environments.compile import missing_for_build
from backends.environments.finding import Finding, fine, note, wrong
from backends.environments.runtimes import Runtime
from backends.environments.space import Free

_CARDS = """
import torch
cuda = getattr(torch.version, "cuda", None) or "0"
driver = getattr(getattr(torch, "_C", None), "_cuda_getDriverVersion", lambda: 0)()
print(torch.cuda.device_count() if torch.cuda.is_available() else 0, cuda, f"{driver // 1000}.{driver % 1000 // 10}")
"""
_SHARED = Path("/dev/shm")  # noqa: S108 (where POSIX shared memory is on Linux)
_SHARED_BYTES = 1 << 30
_HEADERS = Path(sysconfig.get_path("include")) / "Python.h"


class Cards(Struct, frozen=True, kw_only=True):
    """What torch says: how many it finds, the CUDA it was built with, and the newest that the driver knows."""

    count: int
    built: str
    driver: str


def libc_findings(runtime: Runtime, found: tuple[str, str]) -> Iterator[Finding]:
    """Whether the wheels of ``runtime`` fit the C library that ``platform.libc_ver`` found."""
    name, version = found
    if not sys.platform.startswith("linux") or name != "glibc":
        return
    needed = runtime.kind.libc
    if tuple(int(part) for part in version.split(".")[:2]) < needed:
        yield wrong(
            runtime.name, f"its wheels need glibc {needed[0]}.{needed[1]} or newer, and this system has {version}"
        )


def compiler_findings(runtime: Runtime, headers: Path = _HEADERS) -> Iterator[Finding]:
    """Whether what the engine compiles for the card while it starts can be compiled."""
    if not runtime.kind.compiles:
        return
    # Engines get the system's own path and no CC.
    if missing := missing_for_build({}, partial(shutil.which, path=os.defpath)):
        yield note(
            runtime.name,
            f"it compiles while it starts and lacks {' and '.join(missing)}; on Debian and Ubuntu: apt install "
            "build-essential",
        )
    if not headers.is_file():
        yield note(
            runtime.name,
            f"it compiles while it starts and lacks {headers}; on Debian and Ubuntu: apt install python3-dev",
        )


def card_findings(runtime: Runtime, python: Path, free: Free) -> Iterator[Finding]:
    """Whether its torch finds the cards of a machine that has some, and what several of them need."""
    output, failed = ask(python, ["-c", _CARDS])
    if failed:
        yield wrong(runtime.name, f"torch finds no NVIDIA card: {failed}")
        return
    count, built, driver = output.split()
    cards = Cards(count=int(count), built=built, driver=driver)
    if cards.count == 0:
        yield wrong(runtime.name, f"torch finds no NVIDIA card: {why_none(cards)}")
        return
    yield fine(runtime.name, f"torch finds {cards.count} NVIDIA card(s)")
    if cards.count > 1 and runtime.kind.card_only and (left := free(_SHARED)) < _SHARED_BYTES:
        yield note(
            runtime.name,
            f"{_SHARED} has {left / 1e9:.1f} GB free: an engine on several cards wants 1 GiB there and more; of a "
            "container, --shm-size or --ipc=host",
        )


def why_none(cards: Cards) -> str:
    """Why torch finds no card where there is one, in words."""
    major = int(cards.built.split(".")[0])
    if 0 < int(cards.driver.split(".")[0]) < major:
        return (
            f"it needs a driver for CUDA {major}, and the one here knows CUDA {cards.driver} at most: update the driver"
        )
    return "its CUDA needs a newer driver, or CUDA_VISIBLE_DEVICES hides it"
