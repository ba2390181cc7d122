"""Which runtimes an engine has, read off its lock files, what each installs and which machine each is for."""

from pathlib import Path

from msgspec import Struct

from backends.environments.lockfile import LockFile, read_lock
from backends.environments.machine import Machine, this_machine
from backends.errors import BackendError, Cause

AUTO = "auto"
_PREFIX = "requirements-"
_PREFERRED = {"llama_cpp": ("llama_cpp_python", "xllamacpp"), "diffusers": ("diffusers_cpu", "diffusers")}
"""First the one to run when several are installed."""


class Space(Struct, frozen=True, kw_only=True):
    """Bytes of disk: what stays in the environment, and what pip's temporary folder holds while it works."""

    environment: int = 0
    downloads: int = 0


class _Kind(Struct, frozen=True, kw_only=True):
    """How a runtime differs from a wheel of its own name; figures of space are measured and rounded up."""

    distribution: str = ""
    modules: tuple[str, ...] = ()
    source_only: bool = False
    scarce: str = ""
    without_card: bool = False
    cuda: bool = False
    space: Space = Space()


_KINDS = {
    "llama_cpp_python": _Kind(modules=("llama_cpp",), source_only=True),
    "diffusers": _Kind(
        modules=("torch", "diffusers"), cuda=True, space=Space(environment=6_000_000_000, downloads=3_000_000_000)
    ),
    "diffusers_cpu": _Kind(
        distribution="diffusers",
        modules=("torch", "diffusers"),
        scarce="torch",
        without_card=True,
        space=Space(environment=1_600_000_000, downloads=400_000_000),
    ),
}


class Runtime(Struct, frozen=True, kw_only=True):
    """One way to run an engine: ``name`` is also its main distribution, unless two runtimes share one."""

    engine: str
    name: str
    lock: Path

    @property
    def distribution(self) -> str:
        """The distribution whose version is the runtime's."""
        return self._kind.distribution or self.name

    @property
    def modules(self) -> tuple[str, ...]:
        """What an environment that works can import."""
        return self._kind.modules or (self.distribution,)

    @property
    def source_only(self) -> bool:
        """Published as source: a wheel is fetched from an index that has one, taken from the cache, or built."""
        return self._kind.source_only

    @property
    def scarce(self) -> str:
        """A distribution whose pinned build the public index lacks, looked for before anything else; or empty."""
        return self._kind.scarce

    @property
    def cuda(self) -> bool:
        """Whether its torch should find an NVIDIA card where there is one."""
        return self._kind.cuda

    @property
    def space(self) -> Space:
        """What it takes of the disk; zeros where that is too little to speak of."""
        return self._kind.space

    def suits(self, machine: Machine) -> bool:
        """Whether ``auto`` may mean it there. A build without CUDA would leave a card idle; a Mac has its own."""
        return not self._kind.without_card or (machine.linux and not machine.nvidia)

    def read(self) -> LockFile:
        """The parsed lock file. Raises ``BackendError(STORAGE)``."""
        return read_lock(self.lock)

    @property
    def _kind(self) -> _Kind:
        return _KINDS.get(self.name, _Kind())


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
    """The runtimes that ``name`` may mean, best first: for ``auto`` all that suit the machine, else the one.

    Without ``machine`` it is this one.
    """
    available = runtimes_of(package, engine)
    if name == AUTO:
        here = machine or this_machine()
        return tuple(runtime for runtime in available if runtime.suits(here))
    chosen = tuple(runtime for runtime in available if runtime.name == name)
    if not chosen:
        names = ", ".join(runtime.name for runtime in available)
        raise BackendError(Cause.NOT_FOUND, f"engine {engine!r} has no runtime {name!r}; it has {names}")
    return chosen
