"""In which order an engine's runtimes are tried. Pure."""

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from backends.environments.runtimes import Runtime
from backends.errors import BackendError, Cause


class Source(Enum):
    """Where the main distribution comes from."""

    LOCK = "lock"
    WHEEL = "wheel"
    BUILD = "build"


class Route(Struct, frozen=True):
    """One thing to try: the next is tried when it is not possible here."""

    runtime: Runtime
    source: Source


def routes(runtimes: Sequence[Runtime], *, build: bool) -> tuple[Route, ...]:
    """A ready wheel of the preferred runtime, then the runtimes that need no build, then a build.

    ``build`` leaves only builds. Raises ``BackendError(INVALID_REQUEST)`` when there is nothing to build.
    """
    builds = [Route(runtime, Source.BUILD) for runtime in runtimes if runtime.kind.source_only]
    if build:
        if not builds:
            raise BackendError(Cause.INVALID_REQUEST, "this runtime is never built here: it comes as a wheel")
        return tuple(builds)
    ready = [Route(runtime, Source.WHEEL if runtime.kind.source_only else Source.LOCK) for runtime in runtimes]
    return (*ready, *builds)
