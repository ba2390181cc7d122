"""The table of a chat request's fields: whole, and as it says."""

import typing

import pytest
from openai.types.chat import completion_create_params as sdk

from backends.errors import BackendError, Cause
from backends.translate.claude.asked import ChatAsked
from backends.translate.claude.fields import FIELDS
from backends.wire.openai_chat import ChatRequest
from tests.unit.backends.translate.claude.cases import sent, translated

SAID = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "logit_bias": {"1": 5},
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "repeat_penalty": 1.1,
    "min_p": 0.1,
    "seed": 7,
    "verbosity": "low",
    "web_search_options": {"search_context_size": "low"},
    "moderation": {"mode": "block"},
    "user": "jane@example.org",
    "safety_identifier": "jane",
    "metadata": {"who": "jane"},
    "store": True,
    "service_tier": "flex",
    "prediction": {"type": "content", "content": "jane"},
    "prompt_cache_key": "jane",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "continue_final_message": True,
    "add_generation_prompt": False,
}
QUIET = [
    ("n", 1),
    ("logprobs", False),
    ("logit_bias", {}),
    ("modalities", ["text"]),
    ("frequency_penalty", 0.0),
    ("presence_penalty", 0),
    ("repeat_penalty", 1.0),
]


def test_the_table_is_whole():
    known = typing.get_type_hints(sdk.CompletionCreateParamsStreaming).keys() | set(ChatRequest.__struct_fields__)
    assert known <= FIELDS.keys()
    translated_ones = {name for name, fate in FIELDS.items() if fate == "translated"}
    assert translated_ones <= set(ChatAsked.__struct_fields__)
    assert SAID.keys() == FIELDS.keys() - translated_ones


@pytest.mark.parametrize("name", SAID)
def test_a_field_that_is_not_translated(name):
    asked = {name: SAID[name]}
    match FIELDS[name]:
        case "refused":
            with pytest.raises(BackendError) as caught:
                translated(**asked)
            assert (caught.value.cause, caught.value.param) == (Cause.INVALID_REQUEST, name)
        case "noted":
            assert translated(**asked).notes == (f"{name}: not known there; left out",)
            assert sent(**asked) == sent()
        case fate:
            assert fate == "dropped"
            assert translated(**asked).notes == ()
            assert sent(**asked) == sent()


@pytest.mark.parametrize(("name", "value"), [*QUIET, *((name, None) for name in SAID)])
def test_what_says_nothing_costs_nothing(name, value):
    assert translated(**{name: value}).notes == ()
    assert sent(**{name: value}) == sent()


def test_who_asks_is_nobodys_business():
    asked = {name: SAID[name] for name in ("user", "safety_identifier", "metadata", "prompt_cache_key", "prediction")}
    assert b"jane" not in translated(**asked, odd="jane").body
