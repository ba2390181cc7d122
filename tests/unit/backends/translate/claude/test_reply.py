"""Whole Messages as chat: how they end, what they cost, what cannot be read."""

import json

import pytest

from backends.errors import BackendError, Cause
from backends.translate.claude.reply import to_completion
from tests.unit.backends.translate.claude.cases import answered, error_body, translated


def message(*content, reason="end_turn", **more):
    return {"type": "message", "content": list(content), "stop_reason": reason, **more}


def choice(*content, **more):
    return answered(message(*content, **more))["choices"][0]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("odd", "stop"),
    ],
)
def test_why_an_answer_ended(reason, finish):
    assert choice({"type": "text", "text": "x"}, reason=reason)["finish_reason"] == finish


def test_a_stop_string_is_named_only_where_one_ended_it():
    assert choice(reason="stop_sequence", stop_sequence="END")["stop_reason"] == "END"
    assert "stop_reason" not in choice(reason="stop_sequence", stop_sequence=None)
    assert "stop_reason" not in choice(reason="max_tokens", stop_sequence="END")


def test_words_are_one_text_and_their_absence_is_told():
    first, other, last = {"type": "text", "text": "a"}, {"type": "odd"}, {"type": "text", "text": "b"}
    assert choice(first, other, last)["message"]["content"] == "ab"
    assert choice()["message"]["content"] == ""
    assert choice({"type": "tool_use", "id": "t", "name": "x", "input": {}})["message"]["content"] is None
    explained = choice(reason="refusal", stop_details={"explanation": "No."})["message"]
    assert (explained["content"], explained["refusal"]) == (None, "No.")
    assert choice(reason="refusal", stop_details=None)["message"]["refusal"] is None
    assert choice(reason="end_turn", stop_details={"explanation": "No."})["message"]["refusal"] is None


def test_thoughts_that_are_not_signed_are_read_but_not_kept():
    said = choice({"type": "thinking", "thinking": "Hm", "signature": ""}, {"type": "text", "text": "x"})["message"]
    assert said["reasoning_content"] == "Hm"
    assert "reasoning_details" not in said


def test_the_prompt_includes_the_cache():
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 100,
        "output_tokens_details": {"thinking_tokens": 1},
    }
    assert answered(message(usage=usage))["usage"] == {
        "prompt_tokens": 111,
        "completion_tokens": 2,
        "total_tokens": 113,
        "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    assert answered(message())["usage"]["total_tokens"] == 0


def test_whose_answer_it_is():
    completion = answered(message() | {"id": "msg_1", "model": "claude-opus-5-5"})
    assert (completion["id"], completion["created"], completion["model"]) == ("chatcmpl-1", 7, "local")


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"<html>", Cause.UPSTREAM_PROTOCOL),
        (b"\xff", Cause.UPSTREAM_PROTOCOL),
        (b"[" * 100_000, Cause.UPSTREAM_PROTOCOL),
        (b"{}", Cause.UPSTREAM_PROTOCOL),
        (json.dumps({"content": []}).encode(), Cause.UPSTREAM_PROTOCOL),
        (error_body("overloaded_error", "x"), Cause.NO_CAPACITY),
    ],
)
def test_what_is_no_message(body, cause):
    with pytest.raises(BackendError) as caught:
        to_completion(body, translated().expected, answer_id="c", created=1, model="m")
    assert caught.value.cause is cause
