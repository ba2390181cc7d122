"""Rules of sleep: who can, how deep, and that it is worth it."""

import msgspec
import pytest

from backends.external.args import ExternalArgs
from backends.vllm.args import VllmArgs
from gateway.catalog.check_variant import variant_findings
from gateway.catalog.profile import DeepSleep, Footprint, Sleep, Variant, WeightFolder, Weights

ABLE = ExternalArgs(command=("x",), sleep_path="/sleep", wake_path="/wake")
VLLM = VllmArgs(architecture="LlamaForCausalLM", sleeps=True)


def found(engine: VllmArgs | ExternalArgs, light: float, deep: float | None, load: float = 30.0) -> list[str]:
    sleep = Sleep(wake_seconds=light, deep=None if deep is None else DeepSleep(wake_seconds=deep))
    footprint = Footprint(weights_bytes=10, kv_bytes=5, load_seconds=load, sleep=sleep)
    variant = Variant(name="v", engine=engine, footprint=footprint)
    if isinstance(engine, VllmArgs):
        weights = Weights(source="hf:org/repo", folder=WeightFolder(bytes=10))
        variant = msgspec.structs.replace(variant, weights=weights)
    return [f"{each.where}: {each.message}" for each in variant_findings(variant)]


@pytest.mark.parametrize("deep", [None, 2.0, 10.0, 30.0])
def test_a_vllm_may_sleep_both_ways(deep: float | None) -> None:
    assert found(VLLM, 2.0, deep) == []


def test_nobody_else_sleeps_without_its_weights() -> None:
    assert found(ABLE, 2.0, None) == []
    assert found(ABLE, 2.0, 10.0) == ["footprint.sleep.deep: the engine cannot sleep without its weights"]


@pytest.mark.parametrize("deep", [1.9, 30.1])
def test_deep_sleep_lies_between_the_other_and_a_load(deep: float) -> None:
    assert found(VLLM, 2.0, deep) == [f"footprint.sleep.deep.wake_seconds: expected from 2 to 30, got {deep}"]
