"""What engines would heed is refused by name, bounded or left out; everything else passes as it came."""

import json

import pytest

from backends.errors import BackendError, Cause
from backends.wire.envelope import Envelope
from backends.wire.extra_fields import CHECKED, DROPPED, PASSED, REFUSED, settled


def asked(**fields: object) -> Envelope:
    return Envelope.parse(json.dumps({"model": "m", **fields}).encode())


def sent(envelope: Envelope) -> dict:
    return json.loads(envelope.with_model("m"))


def refused(**fields: object) -> str | None:
    with pytest.raises(BackendError) as caught:
        settled(asked(**fields))
    assert caught.value.cause is Cause.INVALID_REQUEST
    return caught.value.param


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("value", ["x", None, {}, 0])
def test_refused_by_name_whatever_the_value(name, value):
    assert refused(**{name: value}) == name


@pytest.mark.parametrize("name", DROPPED)
def test_left_out(name):
    assert sent(settled(asked(**{name: "x"}, own=1))) == {"model": "m", "own": 1}


def test_a_name_has_one_verdict():
    kinds = [set(CHECKED), set(PASSED), set(DROPPED), set(REFUSED)]
    assert sum(map(len, kinds)) == len(set.union(*kinds))


@pytest.mark.parametrize(
    "fields",
    [
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"chat_template_kwargs": {"thinking": True, "reasoning_effort": "high", "clear_thinking": True}},
        {"chat_template_kwargs": None},
        {"prompt_logprobs": 5},
        {"repetition_penalty": 1.1},
        {"structured_outputs": {"json": {"type": "object"}}},
        {"structured_outputs": {"choice": ["a", "b"]}},
        {"structured_outputs": {"regex": "[a-z]+"}},
        {"structured_outputs": None},
        {"return_token_ids": True, "never_heard_of": {"a": [1]}},
    ],
)
def test_what_passes_passes_as_it_came(fields):
    assert sent(settled(asked(**fields))) == {"model": "m", **fields}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"chat_template_kwargs": {"chat_template": "{{ 7 * 7 }}"}}, "chat_template_kwargs.chat_template"),
        ({"chat_template_kwargs": {"enable_thinking": "{{ 7 * 7 }}"}}, "chat_template_kwargs.enable_thinking"),
        ({"chat_template_kwargs": {"reasoning_effort": "x" * 17}}, "chat_template_kwargs.reasoning_effort"),
        ({"chat_template_kwargs": {"reasoning_effort": {}}}, "chat_template_kwargs.reasoning_effort"),
        ({"chat_template_kwargs": [1]}, "chat_template_kwargs"),
        ({"prompt_logprobs": -1}, "prompt_logprobs"),
        ({"prompt_logprobs": 6}, "prompt_logprobs"),
        ({"prompt_logprobs": "5"}, "prompt_logprobs"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"repetition_penalty": 1e9}, "repetition_penalty"),
        ({"structured_outputs": {"grammar": "root ::= x"}}, "structured_outputs.grammar"),
        ({"structured_outputs": {"choice": []}}, "structured_outputs.choice"),
        ({"structured_outputs": {"choice": ["a"] * 257}}, "structured_outputs.choice"),
        ({"structured_outputs": {"regex": "a" * 513}}, "structured_outputs.regex"),
        ({"structured_outputs": {"regex": 1}}, "structured_outputs.regex"),
        ({"structured_outputs": "json"}, "structured_outputs"),
    ],
)
def test_what_is_past_a_bound_is_named(fields, param):
    assert refused(**fields) == param
