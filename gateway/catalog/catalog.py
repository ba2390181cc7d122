"""The catalog of one moment: every profile, where it came from and what it may be called. Immutable."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from backends.cloud.provider import Provider
from gateway.catalog.names import Names, index
from gateway.catalog.profile import ModelProfile


class Catalog(Struct, frozen=True, kw_only=True):
    """``profiles`` by id, sorted; ``sources`` gives the file of each; ``version`` changes when any file's bytes do."""

    profiles: Mapping[str, ModelProfile]
    sources: Mapping[str, str]
    names: Names
    version: str
    providers: Mapping[str, Provider] = {}


def build_catalog(
    profiles: Mapping[str, ModelProfile],
    sources: Mapping[str, str],
    version: str,
    providers: Mapping[str, Provider] | None = None,
) -> Catalog:
    """A catalog of checked profiles. Declaration order is the order of the ids, so that it never depends on a disk."""
    ordered = {key: profiles[key] for key in sorted(profiles)}
    return Catalog(
        profiles=MappingProxyType(ordered),
        sources=MappingProxyType(dict(sources)),
        names=index(ordered.values()),
        version=version,
        providers=MappingProxyType(dict(providers or {})),
    )


def empty_catalog() -> Catalog:
    """A catalog without models: what a gateway has before its first successful load."""
    return build_catalog({}, {}, "empty")
