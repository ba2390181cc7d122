"""Heads of weight files: read when told to, then known; what cannot be read is unknown."""

import struct
from pathlib import Path

import msgspec
import pytest

from backends.errors import BackendError, Cause
from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.weights.gguf import read_header
from backends.weights.term import total
from gateway.catalog.profile import Footprint, Variant, WeightFile, Weights
from gateway.scheduling.heads import Heads
from tests.fakes.gguf_file import Shape, write_gguf, write_model

WEIGHTS = Weights(source="file:x", files=(WeightFile(path="x.gguf", bytes=1),))


def variant(n_cpu_moe: int = 0, engine: ExternalArgs | None = None) -> Variant:
    engine = engine or LlamaCppArgs(n_cpu_moe=n_cpu_moe)
    return Variant(name="x", engine=engine, weights=WEIGHTS, footprint=Footprint(weights_bytes=1))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "x.gguf", Shape(experts=4))


def test_a_head_is_read_once_told_and_then_known_without_the_file(model: Path) -> None:
    heads = Heads(lambda weights: (model,))
    assert heads.of(variant()) is None
    heads.read([variant(), variant(n_cpu_moe=1)])
    expected = read_header(model)
    model.unlink()
    head, split = heads.of(variant()), heads.of(variant(n_cpu_moe=1))
    assert head is not None
    assert split is not None
    assert head.shape is not None
    assert total(head.weights) == expected.weights_bytes
    assert head.shape.experts_used == 2
    assert total(split.weights, on_host=True) == expected.experts_below(1) > 0


def test_files_that_went_away_or_broke_are_unknown_again(model: Path) -> None:
    places: list[tuple[Path, ...] | None] = [(model,)]
    heads = Heads(lambda weights: places[0])
    heads.read([variant()])
    assert heads.of(variant()) is not None
    places[0] = None
    heads.read([variant()])
    assert heads.of(variant()) is None
    places[0] = (model,)
    model.write_bytes(b"GGUX")
    heads.read([variant()])
    assert heads.of(variant()) is None


def test_a_place_that_nobody_can_name_is_unknown() -> None:
    def refuse(weights: object) -> None:
        raise BackendError(Cause.LOAD_FAILED, "no")

    heads = Heads(refuse)
    heads.read([variant()])
    assert heads.of(variant()) is None
    Heads().read([variant()])
    bare = msgspec.structs.replace(variant(), weights=None)
    heads.read([bare])
    assert heads.of(bare) is None


def test_weights_are_exact_where_the_cache_is_not_computed(tmp_path: Path) -> None:
    values = {"general.architecture": "deepseek2", "deepseek2.attention.kv_lora_rank": 512}
    path = write_gguf(tmp_path / "mla.gguf", values, [("norm", (64,), "F32")])
    heads = Heads(lambda weights: (path,))
    heads.read([variant()])
    head = heads.of(variant())
    assert head is not None
    assert head.shape is None
    assert total(head.weights) == 256


def test_safetensors_are_summed_over_files(tmp_path: Path) -> None:
    head = msgspec.json.encode({"w": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]}})
    paths = (tmp_path / "a.safetensors", tmp_path / "b.safetensors", tmp_path / "config.json")
    for path in paths:
        path.write_bytes(struct.pack("<Q", len(head)) + head)
    heads = Heads(lambda weights: paths)
    other = variant(engine=ExternalArgs(command=("serve",)))
    heads.read([other])
    found = heads.of(other)
    assert found is not None
    assert [(term.formula, term.bytes) for term in found.weights] == [("2 tensors", 32)]
    nothing = Heads(lambda weights: paths[2:])
    nothing.read([other])
    assert nothing.of(other) is None
