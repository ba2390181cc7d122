"""Folder of YAML files to a ``Catalog``, or to every mistake in every file. Reads files; never follows the network.

``providers/`` holds another kind of document, see ``providers.py``. Hidden folders are skipped too: a mounted
Kubernetes ConfigMap keeps its generations in them.
"""

import hashlib
from pathlib import Path

from msgspec import Struct

from backends.cloud.provider import Provider
from gateway.catalog.catalog import Catalog, build_catalog
from gateway.catalog.check import Document, check
from gateway.catalog.check_cloud import check_offers
from gateway.catalog.document import parsed
from gateway.catalog.problem import Problem
from gateway.catalog.profile import ModelProfile
from gateway.catalog.providers import parse_provider, provider_paths

MAX_FILE_BYTES = 256 * 1024
SKIPPED = frozenset({"providers"})


class LoadResult(Struct, frozen=True, kw_only=True):
    """``catalog`` is ``None`` when there is any problem: half a catalog would call the broken half unknown models."""

    catalog: Catalog | None
    problems: tuple[Problem, ...]


def load(root: Path) -> LoadResult:
    """Read, shape-check and cross-check every profile below ``root``. Never raises for what the files hold."""
    problems: list[Problem] = []
    documents: list[Document] = []
    digest = hashlib.sha256()
    paths = profile_paths(root)
    if not paths:
        problems.append(_at(str(root), "no profile here", "a profile is FOLDER/NAME.yaml"))
    for path in paths:
        data = _read(path, problems)
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode())
        digest.update(data)
        if data:
            document, found = parse(str(path), data)
            problems += found
            if document is not None:
                documents.append(document)
    providers: dict[str, Provider] = {}
    for path in provider_paths(root):
        data = _read(path, problems)
        digest.update(f"{path.name}\0{len(data)}\0".encode())
        digest.update(data)
        if data:
            provider, found = parse_provider(str(path), data)
            problems += found
            if provider is not None:
                providers[provider.id] = provider
    problems += check(documents, known={p.stem for p in paths})
    problems += check_offers(documents, providers, broken=bool(problems))
    problems.sort(key=lambda p: (p.path, p.line, p.column))
    if problems:
        return LoadResult(catalog=None, problems=tuple(problems))
    profiles = {d.profile.id: d.profile for d in documents}
    sources = {d.profile.id: d.path for d in documents}
    return LoadResult(catalog=build_catalog(profiles, sources, digest.hexdigest()[:16], providers), problems=())


def profile_paths(root: Path) -> list[Path]:
    """The YAML files that hold profiles, sorted. A folder that is not there has none."""
    found: list[Path] = []
    for path in root.rglob("*.y*ml"):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.suffix in (".yaml", ".yml") and not hidden and parts[0] not in SKIPPED and path.is_file():
            found.append(path)
    return sorted(found)


def parse(path: str, data: bytes) -> tuple[Document | None, list[Problem]]:
    """One file's bytes as a document; its cross-checks are not done yet."""
    root, profile, problems = parsed(path, data, ModelProfile)
    return (None if profile is None or root is None else Document(path, root, profile)), problems


def _read(path: Path, problems: list[Problem]) -> bytes:
    if path.suffix == ".yml":
        problems.append(_at(str(path), "not read: the name ends in .yml", "call it .yaml"))
        return b""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as e:
        problems.append(_at(str(path), f"cannot be read: {e.strerror or 'I/O error'}"))
        return b""
    if len(data) > MAX_FILE_BYTES:
        problems.append(_at(str(path), f"larger than {MAX_FILE_BYTES // 1024} KiB"))
        return b""
    if not data:
        problems.append(_at(str(path), "empty file", "a profile is a mapping"))
    return data


def _at(path: str, message: str, hint: str = "", *, line: int = 1, column: int = 1) -> Problem:
    return Problem(path=path, line=line, column=column, where="", message=message, hint=hint)
