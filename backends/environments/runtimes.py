"""Which runtimes an engine has, read off its lock files, and what each installs. Installs nothing."""

from pathlib import Path

from msgspec import Struct

from backends.environments.lockfile import LockFile, read_lock
from backends.errors import BackendError, Cause

AUTO = "auto"
_PREFIX = "requirements-"
_PREFERRED = {"llama_cpp": ("llama_cpp_python", "xllamacpp")}
"""First the one to run when several are installed."""
_MODULES = {"llama_cpp_python": "llama_cpp"}
"""Where the module to import is not called like the distribution."""
_SOURCE_ONLY = frozenset({"llama_cpp_python"})
"""Published as source: a wheel is fetched from an index that has one, taken from the cache, or built."""


class Runtime(Struct, frozen=True, kw_only=True):
    """One way to run an engine: ``name`` is also the main distribution, with underscores."""

    engine: str
    name: str
    lock: Path

    @property
    def module(self) -> str:
        return _MODULES.get(self.name, self.name)

    @property
    def source_only(self) -> bool:
        return self.name in _SOURCE_ONLY

    def read(self) -> LockFile:
        """The parsed lock file. Raises ``BackendError(STORAGE)``."""
        return read_lock(self.lock)


def runtimes_of(package: Path, engine: str) -> tuple[Runtime, ...]:
    """All runtimes of ``engine`` in order of preference. Raises ``BackendError(NOT_FOUND)`` when it has none."""
    found = {
        path.stem.removeprefix(_PREFIX).replace("-", "_"): path
        for path in sorted((package / engine).glob(f"{_PREFIX}*.txt"))
    }
    if not found:
        raise BackendError(Cause.NOT_FOUND, f"no engine {engine!r} with an environment of its own")
    preferred = [name for name in _PREFERRED.get(engine, ()) if name in found]
    rest = [name for name in found if name not in preferred]
    return tuple(Runtime(engine=engine, name=name, lock=found[name]) for name in (*preferred, *rest))


def choose(package: Path, engine: str, name: str) -> tuple[Runtime, ...]:
    """The runtimes that ``name`` may mean, best first: all of them for ``auto``, else the one."""
    available = runtimes_of(package, engine)
    if name == AUTO:
        return available
    chosen = tuple(runtime for runtime in available if runtime.name == name)
    if not chosen:
        names = ", ".join(runtime.name for runtime in available)
        raise BackendError(Cause.NOT_FOUND, f"engine {engine!r} has no runtime {name!r}; it has {names}")
    return chosen
