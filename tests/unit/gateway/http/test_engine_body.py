"""A request as each engine gets it: what is called otherwise there, and what no other key may share."""

import json
from typing import Any, cast

import msgspec
import pytest
from msgspec import Raw

from backends.contract import Task
from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.vllm.args import VllmArgs
from backends.wire.envelope import Envelope
from gateway.catalog.profile import ModelProfile, Variant
from gateway.http.engine_body import body_for, salt_of
from gateway.routing.route import Candidate
from gateway.settings import Settings

VLLM = VllmArgs(architecture="Qwen3ForCausalLM", context_tokens=1024, reasoning_parser="qwen3")
PLAIN = VllmArgs(architecture="Qwen3ForCausalLM")
LLAMA = msgspec.convert({"kind": "llama_cpp", "context_tokens": 1024}, LlamaCppArgs)
OTHER = ExternalArgs(url="http://127.0.0.1:1/v1", served_model="theirs")


def candidate(engine: Any, context: int | None = None, **defaults: object) -> Candidate:
    footprint = {"weights_bytes": 1}
    variant = msgspec.convert(
        {"name": "v", "engine": {"kind": "external", "url": "x"}, "footprint": footprint}, Variant
    )
    variant = msgspec.structs.replace(variant, engine=engine)
    about = {"id": "m", "name": "m", "modality": "llm", "tasks": ["chat"], "licence": "x", "open_weights": True}
    profile = msgspec.convert({**about, "context_tokens": context}, ModelProfile)
    encoded = {name: Raw(msgspec.json.encode(value)) for name, value in defaults.items()}
    nothing = cast("Any", None)
    return Candidate(profile=profile, variant=variant, target=nothing, expected=nothing, defaults=encoded)


def sent(to: Candidate, task: Task = Task.CHAT, salt: Raw | None = None, **fields: object) -> dict:
    body = json.loads(body_for(Envelope.parse(json.dumps({"model": "m", **fields}).encode()), to, task, salt))
    return {name: value for name, value in body.items() if name != "model"}


@pytest.mark.parametrize(
    ("to", "given", "got"),
    [
        (candidate(VLLM), {"max_tokens": 32000}, {"max_tokens": 1024}),
        (candidate(VLLM), {"max_completion_tokens": 1025}, {"max_completion_tokens": 1024}),
        (candidate(VLLM), {"max_tokens": 1024}, {"max_tokens": 1024}),
        (candidate(VLLM), {"max_tokens": None}, {"max_tokens": None}),
        (candidate(PLAIN, 2048), {"max_tokens": 32000}, {"max_tokens": 2048}),
        (candidate(PLAIN), {"max_tokens": 32000}, {"max_tokens": 32000}),
        (candidate(LLAMA, 64), {"max_tokens": 32000}, {"max_tokens": 32000}),
        (candidate(OTHER, 64), {"max_tokens": 32000}, {"max_tokens": 64}),
    ],
)
def test_a_limit_of_tokens_is_within_the_context_where_the_engine_would_refuse_it(to, given, got):
    assert sent(to, **given) == got


@pytest.mark.parametrize(
    ("to", "given", "got"),
    [
        (candidate(VLLM, repeat_penalty=1.1), {}, {"repetition_penalty": 1.1}),
        (candidate(VLLM, repeat_penalty=1.1), {"repetition_penalty": 1.2}, {"repetition_penalty": 1.2}),
        (candidate(VLLM), {"repeat_penalty": 1.3}, {"repeat_penalty": 1.3, "repetition_penalty": 1.3}),
        (candidate(LLAMA, repeat_penalty=1.1), {}, {"repeat_penalty": 1.1}),
    ],
)
def test_a_repetition_is_punished_under_the_engines_word(to, given, got):
    assert sent(to, **given) == got


@pytest.mark.parametrize(
    ("to", "given", "added"),
    [
        (candidate(VLLM), {"reasoning_effort": "none"}, {"chat_template_kwargs": {"thinking": False}}),
        (candidate(VLLM), {"reasoning_effort": "high"}, {"chat_template_kwargs": {"thinking": True}}),
        (candidate(VLLM), {"reasoning_effort": "none", "chat_template_kwargs": {"enable_thinking": True}}, {}),
        (candidate(VLLM), {"reasoning_effort": None}, {}),
        (candidate(PLAIN), {"reasoning_effort": "none"}, {}),
        (candidate(VLLM), {"chat_template_kwargs": {"enable_thinking": False}}, {}),
        (candidate(LLAMA), {"chat_template_kwargs": {"enable_thinking": False}}, {"reasoning_effort": "none"}),
        (candidate(LLAMA), {"chat_template_kwargs": {"thinking": False}}, {"reasoning_effort": "none"}),
        (candidate(LLAMA), {"chat_template_kwargs": {"enable_thinking": True}}, {}),
        (candidate(LLAMA), {"chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "low"}, {}),
        (candidate(OTHER), {"reasoning_effort": "none"}, {}),
    ],
)
def test_whether_to_think_is_told_in_the_engines_words(to, given, added):
    assert sent(to, **given) == {**given, **added}


@pytest.mark.parametrize("task", [Task.CHAT, Task.COMPLETION, Task.EMBEDDING])
def test_prefixes_of_keys_are_kept_apart_where_the_setting_says_so(task):
    apart, shared = Settings(prefix_cache="per_key"), Settings()
    one, other = salt_of(apart, "key-1"), salt_of(apart, "key-2")
    assert one == salt_of(apart, "key-1") != other
    assert salt_of(shared, "key-1") is None
    assert salt_of(apart, "") is None
    assert "key-1" not in sent(candidate(VLLM), task, one)["cache_salt"]
    assert sent(candidate(VLLM), task, one)["cache_salt"] != sent(candidate(VLLM), task, other)["cache_salt"]
    assert sent(candidate(LLAMA), task, one) == sent(candidate(VLLM), task) == {}
