"""Rules of a vLLM variant, each broken alone."""

import msgspec
import pytest

from backends.vllm.args import Speculation, VllmArgs
from gateway.catalog.check_vllm import vllm_findings
from gateway.catalog.profile import Footprint, Sleep, Variant, WeightFile, WeightFolder, Weights

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FOLDER = Weights(source="hf:org/repo", folder=WeightFolder(bytes=10))
CODE = Weights(source=f"hf:org/repo@{COMMIT}", folder=WeightFolder(bytes=10, include=("*.json", "tokenization_x.py")))


def found(weights: Weights | None = FOLDER, variant: dict[str, object] | None = None, **args: object) -> list[str]:
    engine = VllmArgs(**({"architecture": "LlamaForCausalLM"} | args))  # type: ignore[arg-type]
    made = Variant(name="v", engine=engine, weights=weights, footprint=Footprint(weights_bytes=10, kv_bytes=5))
    changed = msgspec.structs.replace(made, **(variant or {}))
    return [f"{each.where}: {each.message}" for each in vllm_findings(engine, changed)]


def test_a_plain_variant_breaks_none() -> None:
    assert found() == []
    assert found(CODE, remote_code=True) == []
    asleep = Footprint(weights_bytes=1, kv_bytes=1, sleep=Sleep(wake_seconds=1))
    assert found(variant={"footprint": asleep, "split": 4}, sleeps=True, expert_parallel=True, pipeline=2) == []


@pytest.mark.parametrize(
    ("weights", "variant", "args", "line"),
    [
        (None, {}, {}, "engine: vllm needs weights"),
        (Weights(source="hf:o/r", files=(WeightFile(path="a.safetensors", bytes=1),)), {}, {}, "weights: vllm needs a"),
        (FOLDER, {}, {"remote_code": True}, "engine.remote_code: code that comes with the weights needs a source"),
        (CODE, {}, {}, "weights.folder.include: Python files are for engines with remote_code"),
        (FOLDER, {}, {"images": -1}, "engine.images: expected 0 or more, got -1"),
        (FOLDER, {}, {"template": "nobodys"}, 'engine.template: there is no template "nobodys"'),
        (FOLDER, {"split": 3}, {"pipeline": 2}, "engine.pipeline: 3 cards cannot be split into 2 equal stages"),
        (FOLDER, {}, {"expert_parallel": True}, "engine.expert_parallel: goes with a split"),
        (FOLDER, {}, {"sleeps": True}, "engine.sleeps: goes with footprint.sleep"),
        (FOLDER, {"footprint": Footprint(weights_bytes=1)}, {}, "footprint.kv_bytes: vllm is told how large"),
        (FOLDER, {}, {"loras": ("a",)}, 'engine.loras[0]: there is no "a" among the variant\'s parts'),
        (FOLDER, {}, {"speculation": Speculation(method="eagle", tokens=2)}, "engine.speculation.draft: goes with"),
        (
            FOLDER, {}, {"speculation": Speculation(method="eagle", tokens=2, draft="d")},
            'engine.speculation.draft: there is no "d"',
        ),
    ],
)  # fmt: skip
def test_a_broken_rule_says_where(weights: Weights, variant: dict[str, object], args: dict[str, object], line: str):
    [one] = found(weights, variant, **args)
    assert one.startswith(line)


@pytest.mark.parametrize("template", ["deepseek_v31", "gemma3_pythonic"])
def test_templates_of_ours_are_there(template: str) -> None:
    assert found(template=template) == []
