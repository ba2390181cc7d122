"""Pages of models and what an entry says of one, without a gateway."""

import msgspec
import pytest

from backends.errors import BackendError
from backends.wire.anthropic_models import Model
from gateway.catalog.profile import ModelProfile
from gateway.http.anthropic_models import PageAsked, model_of, page_of
from tests.fakes.gateway import engine_profile

LLAMA = """\
id: m
name: M
modality: llm
tasks: [chat]
licence: MIT
open_weights: true
variants:
  - name: q4
    engine: {{kind: llama_cpp, reasoning: {reasoning}}}
    weights: {{source: "hf:o/r", files: [{{path: a.gguf, bytes: 1}}]}}
    footprint: {{weights_bytes: 1}}
"""


def profile(text: str) -> ModelProfile:
    return msgspec.yaml.decode(text, type=ModelProfile)


def entry(name: str, extra: str = "") -> Model:
    return model_of(name, profile(engine_profile(name, extra=extra)), 8192, 1_800_000_000)


MODELS = [entry(name) for name in "abcde"]


@pytest.mark.parametrize(
    ("query", "wanted", "more"),
    [
        ({}, "abcde", False),
        ({"limit": "5"}, "abcde", False),
        ({"limit": "2"}, "ab", True),
        ({"limit": "2", "after_id": "b"}, "cd", True),
        ({"limit": "2", "after_id": "c"}, "de", False),
        ({"after_id": "e"}, "", False),
        ({"limit": "2", "before_id": "d"}, "bc", True),
        ({"limit": "3", "before_id": "c"}, "ab", False),
        ({"before_id": "a"}, "", False),
        ({"after_id": "a", "before_id": "d"}, "bc", False),
    ],
)
def test_pages(query: dict[str, str], wanted: str, more: bool) -> None:
    page = page_of(MODELS, PageAsked.of(query, []))
    assert "".join(model.id for model in page.data) == wanted
    assert page.has_more is more
    assert (page.first_id, page.last_id) == ((wanted[0], wanted[-1]) if wanted else (None, None))


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "00100000", "٣"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(BackendError) as refused:
        PageAsked.of({"limit": limit}, [])
    assert refused.value.param == "limit"


@pytest.mark.parametrize("param", ["after_id", "before_id"])
def test_a_place_that_is_none_is_named(param: str) -> None:
    with pytest.raises(BackendError) as refused:
        page_of(MODELS, PageAsked.of({param: "z"}, []))
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("lifecycle", "stage"),
    [("active", "active"), ("preview", "active"), ("ending", "deprecated"), ("retired", "retired")],
)
def test_stages_of_a_life(lifecycle: str, stage: str) -> None:
    model = entry("x", f"lifecycle: {lifecycle}")
    assert model.lifecycle == stage
    assert page_of([model], PageAsked.of({}, [stage])).data == [model]
    assert page_of([model], PageAsked.of({}, [])).data == ([] if stage == "retired" else [model])


def test_an_answer_is_as_long_as_the_profile_allows() -> None:
    assert (MODELS[0].max_input_tokens, MODELS[0].max_tokens) == (8192, 8192)
    assert entry("x", "limits: {max_output_tokens: 50}").max_tokens == 50
    assert MODELS[0].created_at == "2027-01-15T08:00:00+00:00"


@pytest.mark.parametrize(("reasoning", "thinks"), [("think", True), ("none", False), ("auto", False)])
def test_what_a_model_can_do_is_what_its_engine_says(reasoning: str, thinks: bool) -> None:
    can = model_of("m", profile(LLAMA.format(reasoning=reasoning)), None, 0).capabilities
    assert can.structured_outputs.supported
    assert (can.thinking.supported, can.thinking.types.enabled.supported) == (thinks, thinks)
    assert (can.effort.supported, can.effort.max.supported) == (thinks, thinks)
    assert can.thinking.types.disabled.supported, "it is never refused"
    other = MODELS[0].capabilities
    assert not other.structured_outputs.supported, "nothing is known of an engine that is not ours"
    assert (can.image_input.supported, other.image_input.supported) == (False, True)
    assert can.pdf_input.supported, "as text"
