"""Language models of the comparison: each open row has a profile, and what a vLLM variant says can be run so."""

import re

import pytest

from backends.llama_cpp.args import LlamaCppArgs
from backends.vllm.args import VllmArgs
from backends.vllm.command import template_path
from gateway.catalog.load import load
from gateway.catalog.profile import ModelProfile, Variant
from gateway.settings import default_profiles_dir
from tools.published_texts import MODELS

OPEN_ROWS = {
    "DeepSeek V3.1", "DeepSeek R1", "Kimi K2", "MiniMax M2.1", "Qwen3-235B-A22B", "Qwen3-Coder-Next", "Qwen3-32B",
    "Qwen3-30B-A3B", "Llama 4 Scout", "Llama 4 Maverick", "Phi-4", "Gemma 3", "Mistral Small/Nemo", "GLM-4.5/4.6",
    "Command R", "Yi Lightning", "InternLM 3", "CodeLlama", "StarCoder 2",
}  # fmt: skip
FORMS = {
    "DeepseekV3ForCausalLM", "MiniMaxM2ForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "Qwen3NextForCausalLM",
    "Llama4ForConditionalGeneration", "Phi3ForCausalLM", "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration",
    "PixtralForConditionalGeneration", "Mistral3ForConditionalGeneration", "MistralForCausalLM", "Glm4MoeForCausalLM",
    "Glm4ForCausalLM", "CohereForCausalLM", "LlamaForCausalLM", "InternLM3ForCausalLM", "Starcoder2ForCausalLM",
    "LlavaForConditionalGeneration",
}  # fmt: skip
"""Classes of the profiles: ``tests/vllm/test_families.py`` runs a tiny model of each that the CPU can run."""
_CATALOG = load(default_profiles_dir()).catalog
assert _CATALOG is not None
PROFILES = _CATALOG.profiles
ON_VLLM = [(p, v, v.engine) for p in PROFILES.values() for v in p.variants if isinstance(v.engine, VllmArgs)]
NAMES = [f"{profile.id}:{variant.name}" for profile, variant, _ in ON_VLLM]
each_variant = pytest.mark.parametrize(("profile", "variant", "engine"), ON_VLLM, ids=NAMES)


def profiles_of(row: str) -> list[ModelProfile]:
    return [profile for profile in PROFILES.values() if row in profile.catalog_rows]


@pytest.mark.parametrize("row", [*sorted(OPEN_ROWS), "JoyCaption"])
def test_an_open_row_is_served_by_vllm(row: str) -> None:
    found = profiles_of(row)
    assert found
    assert all(any(isinstance(v.engine, VllmArgs) for v in profile.variants) for profile in found)
    assert all(profile.open_weights for profile in found)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Yi Lightning", "no weights were ever published"), ("InternLM 3", "where the comparison lists 20B"),
        ("Llama 4 Scout", "though its name says 17B"), ("StarCoder 2", "base model"), ("Command R+", "calls it closed"),
    ],
)  # fmt: skip
def test_where_the_comparison_is_wrong_the_profile_says_so(row: str, words: str) -> None:
    assert any(words in profile.description for profile in profiles_of(row))


def test_base_models_complete_and_do_not_chat() -> None:
    assert [PROFILES[f"starcoder-2-{size}"].tasks for size in ("3b", "7b")] == [("completion",)] * 2
    assert "chat" in PROFILES["starcoder-2-15b"].tasks


def test_only_joycaption_is_limited_to_a_picture() -> None:
    engines = [variant.engine for variant in PROFILES["joycaption"].variants]
    assert [e.images for e in engines if isinstance(e, VllmArgs)] == [1] * len(engines)


def test_the_classes_are_those_that_are_tried_with_tiny_models() -> None:
    assert {engine.architecture for _, _, engine in ON_VLLM} == FORMS


@each_variant
def test_it_is_for_cards_and_comes_before_llama_cpp(profile: ModelProfile, variant: Variant, engine: VllmArgs) -> None:
    assert variant.runs_on == "gpu"
    kinds = [type(each.engine) for each in profile.variants]
    assert LlamaCppArgs not in kinds[: kinds.index(VllmArgs)]
    assert profile.variants[0].speed == 1.0


@each_variant
def test_its_heads_and_experts_divide_among_its_cards(
    profile: ModelProfile, variant: Variant, engine: VllmArgs
) -> None:
    model = MODELS[profile.id]
    for cards in (count for count in range(1, variant.split + 1) if variant.split % count == 0):
        assert model.heads % cards == 0
        assert model.kv_heads % cards == 0 or cards % model.kv_heads == 0
        assert not engine.expert_parallel or model.experts % cards == 0
        assert not model.experts or engine.expert_parallel or variant.split == 1


@each_variant
def test_its_context_is_the_models_and_a_step_holds_its_pictures(
    profile: ModelProfile, variant: Variant, engine: VllmArgs
) -> None:
    assert engine.context_tokens is not None
    assert engine.context_tokens <= (profile.context_tokens or 0)
    assert engine.batch_tokens is not None
    assert engine.batch_tokens >= 2048
    if engine.format == "mistral" or profile.id.startswith("mistral-small"):
        assert engine.batch_tokens >= 3025 + 55, "a picture of 1540 pixels is 55 rows of 55 tokens, each with an end"


@each_variant
def test_what_is_pulled_is_what_vllm_reads(profile: ModelProfile, variant: Variant, engine: VllmArgs) -> None:
    assert variant.weights is not None
    folder = variant.weights.folder
    assert folder is not None
    assert any(each.endswith(".safetensors") for each in folder.include)
    assert ("consolidated" in " ".join(folder.include)) == (engine.format == "mistral")
    assert not re.search(r"@(?![0-9a-f]{40}$)", variant.weights.source), "a pin is a whole commit"
    assert engine.remote_code == any(each.endswith(".py") for each in folder.include)


@each_variant
def test_tools_are_written_as_its_parser_reads_them(profile: ModelProfile, variant: Variant, engine: VllmArgs) -> None:
    needed = {"deepseek_v31": "deepseek_v31", "deepseek_v3": "deepseek_r1", "llama4_pythonic": "llama4_pythonic"}
    needed["pythonic"] = "gemma3_pythonic"
    assert engine.template is None or template_path(engine.template).is_file()
    if engine.tool_parser is not None:
        assert engine.template == needed.get(engine.tool_parser)


def test_a_pin_is_of_one_repository() -> None:
    """The same commit under two names would be a slip of the pen."""
    seen: dict[str, str] = {}
    for _, variant, _ in ON_VLLM:
        assert variant.weights is not None
        repository, _, commit = variant.weights.source.partition("@")
        assert not commit or seen.setdefault(commit, repository) == repository
    assert len(seen) > 25
