"""The catalog against the installed vLLM: its names, templates of ours as it reads them, caches as it counts them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from msgspec import Struct

from backends.vllm import survey
from backends.vllm.args import VllmArgs
from backends.vllm.command import template_path
from backends.vllm.known import Known, read, unknown
from gateway.catalog.load import load
from gateway.catalog.profile import Variant
from gateway.settings import default_profiles_dir
from tools.published_texts import MODELS

pytestmark = pytest.mark.vllm
SCRIPT = Path(__file__).parent / "ask_vllm.py"
WITH_PICTURES = {"llama4_pythonic", "gemma3_pythonic"}
WITHOUT_TOOLS = {"codellama", "codellama_70b"}
_CATALOG = load(default_profiles_dir()).catalog
assert _CATALOG is not None
ON_VLLM = [
    (p.id, v, v.engine) for p in _CATALOG.profiles.values() for v in p.variants if isinstance(v.engine, VllmArgs)
]


class Layers(Struct, kw_only=True):
    """``count`` layers of one kind on one card, in vLLM's own terms."""

    kind: Literal["full", "window", "chunk", "latent", "state"]
    count: int
    heads: int = 1
    size: int = 1
    window: int = 0
    bytes: int = 0
    page: int = 0


class Case(Struct, kw_only=True):
    context: int
    in_flight: int
    layers: list[Layers]
    block: int = 16


def case_of(name: str, variant: Variant, engine: VllmArgs, cards: int) -> Case:
    """What one of so many cards holds of the longest request."""
    model, shape = MODELS[name], MODELS[name].served(name).architecture
    layers: list[Layers] = []
    for each in shape.attention:
        kind = "latent" if model.latent else "full"
        if each.window:
            kind = "chunk" if engine.architecture.startswith("Llama4") else "window"
        heads = max(1, each.kv_heads // cards)
        layers.append(Layers(kind=kind, count=each.layers, heads=heads, size=each.key, window=each.window))
    block = 16
    if shape.recurrent_bytes:
        # A page holds a whole state, and as many tokens of the other layers as take as much.
        rest = model.layers - layers[0].count
        state, token = shape.recurrent_bytes // rest // cards, 4 * layers[0].heads * layers[0].size
        block = -(-state // token // 16) * 16 + 16
        layers.append(Layers(kind="state", count=rest, bytes=state, page=block * token))
    assert engine.context_tokens is not None
    assert engine.batch_tokens is not None
    return Case(context=engine.context_tokens, in_flight=2 * engine.batch_tokens, layers=layers, block=block)


CASES = {
    f"{name}:{variant.name} on {cards}": (case_of(name, variant, engine, cards), variant.footprint.kv_bytes // cards)
    for name, variant, engine in ON_VLLM
    for cards in sorted({1, variant.split})
}


@pytest.fixture(scope="module")
def answer(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, object]]]:
    out = tmp_path_factory.mktemp("vllm") / "answer.json"
    cases = out.with_name("cases.json")
    cases.write_bytes(msgspec.json.encode({name: case for name, (case, _) in CASES.items()}))
    argv = [vllm_python, SCRIPT, out, survey.__file__, template_path("x").parent, cases]
    environment = {"PATH": os.defpath, "VLLM_TARGET_DEVICE": "cpu", "HOME": str(out.parent)}
    done = subprocess.run(
        [str(word) for word in argv], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text("utf-8"))


def test_it_knows_every_name_of_the_catalog(answer) -> None:
    known = read(json.dumps(answer["known"]).encode())
    assert isinstance(known, Known)
    assert len(ON_VLLM) > 80
    told = {f"{name}:{variant.name}": list(unknown(engine, known)) for name, variant, engine in ON_VLLM}
    assert {name: words for name, words in told.items() if words} == {}


def test_it_gives_pictures_to_the_templates_that_take_them(answer) -> None:
    contents = {name: told["contents"] for name, told in answer["templates"].items()}
    assert contents == {name: "openai" if name in WITH_PICTURES else "string" for name in contents}
    assert contents.keys() >= WITH_PICTURES | WITHOUT_TOOLS


def test_its_parser_reads_what_the_template_shows_the_model_of_its_calls(answer) -> None:
    """The model writes as it reads, so both have to be one format."""
    wanted = [{"name": "weather", "arguments": given} for given in answer["asked"]]
    calls = {name: told["calls"] for name, told in answer["templates"].items() if name not in WITHOUT_TOOLS}
    assert len(calls) == 4
    assert calls == dict.fromkeys(calls, wanted)


def test_the_longest_request_fits_into_the_cache_of_one_card_and_of_all(answer) -> None:
    """Else vLLM refuses to start: "To serve at least one request with the model's max seq len"."""
    short = {name: (answer["needed"][name], given) for name, (_, given) in CASES.items()}
    assert {name: sizes for name, sizes in short.items() if sizes[0] > sizes[1]} == {}
    assert all(needed > 0 for needed, _ in short.values())
