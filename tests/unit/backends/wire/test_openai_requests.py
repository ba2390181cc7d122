"""Requests of the OpenAI dialect: what decodes, what is refused, and which field the refusal names."""

import json
from typing import Any

import pytest

from backends.errors import BackendError, Cause
from backends.wire import openai_chat, openai_completions, openai_embeddings
from backends.wire.decode import decode, explain
from backends.wire.openai_chat import ChatRequest
from backends.wire.openai_completions import CompletionRequest
from backends.wire.openai_embeddings import EmbeddingRequest

USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


def chat(**fields: Any) -> ChatRequest:
    request = decode(json.dumps({"model": "m", "messages": [USER]} | fields).encode(), ChatRequest)
    openai_chat.validate(request)
    return request


def completion(**fields: Any) -> CompletionRequest:
    request = decode(json.dumps({"model": "m", "prompt": "x"} | fields).encode(), CompletionRequest)
    openai_completions.validate(request)
    return request


def embedding(**fields: Any) -> EmbeddingRequest:
    request = decode(json.dumps({"model": "m", "input": "x"} | fields).encode(), EmbeddingRequest)
    openai_embeddings.validate(request)
    return request


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"model": NaN}', "not valid JSON"),
        (b'{"unknown": "\xff"}', "not valid UTF-8"),
        (b'{"model": "\\ud800"', "not valid JSON"),
        (b"[]", "Expected `object`"),
        (b'{"x":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_decode_refuses_what_is_not_a_json_object(body: bytes, detail: str) -> None:
    with pytest.raises(BackendError, match=detail) as caught:
        decode(body, ChatRequest)
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert caught.value.param is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [USER] * 2049}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [USER, {"role": "robot", "content": "hi"}]}, "messages[1].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": "x", "tool_calls": [{"function": {"name": "f"}}]}]},
            "messages[0].tool_calls",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"n": 1.5}, "n"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"repeat_penalty": 0}, "repeat_penalty"),
        ({"min_p": 2}, "min_p"),
        ({"top_k": -2}, "top_k"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": [""]}, "stop[0]"),
        ({"logit_bias": {"5": 101}}, "logit_bias[...]"),
        ({"logit_bias": {"five": 1}}, "logit_bias"),
        ({"logit_bias": {str(n): 1 for n in range(1025)}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tools": [TOOL] * 129}, "tools"),
        ({"tools": [TOOL, TOOL]}, "tools[1].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "custom", "function": {"name": "a"}}]}, "tools[0].type"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": "required", "response_format": {"type": "json_object"}},
            "response_format",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
    ],
)
def test_a_chat_refusal_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BackendError) as caught:
        chat(**fields)
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert caught.value.param == param
    assert caught.value.detail.startswith(f"{param}: ")


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 16, "temperature": 2, "top_p": 0, "logprobs": True, "top_logprobs": 20, "max_tokens": 1},
        {"n": None, "temperature": None, "stop": None, "tools": None, "stream": None, "seed": None},
        {"stop": ["x"] * 16, "logit_bias": {"0": -100, "9": 100}, "seed": -1},
        {"chat_template": "{{ 1 }}", "n_discard": -5, "metadata": {"a": [1]}},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
        {"tools": [TOOL], "tool_choice": "auto", "response_format": {"type": "json_object"}},
        {"messages": [{"role": "assistant"}, {"role": "developer", "content": [{"type": "text", "text": "a"}]}]},
        {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    ],
)
def test_values_on_the_bounds_and_unknown_fields_pass(fields: dict[str, Any]) -> None:
    assert chat(**fields).model == "m"


def test_convenience_reads_of_a_chat_request() -> None:
    assert chat().stop_strings() == ()
    assert chat(stop="x").stop_strings() == ("x",)
    assert chat(stop=["x", "y"]).stop_strings() == ("x", "y")
    assert chat(max_tokens=5).token_limit() == 5
    assert chat(max_tokens=5, max_completion_tokens=9).token_limit() == 9
    assert chat(stream=True, stream_options={"include_usage": True}).wants_usage()
    assert not chat(stream=True).wants_usage()


def test_message_text_joins_text_parts_and_skips_others() -> None:
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "b"},
    ]
    messages = chat(messages=[{"role": "user", "content": parts}, {"role": "assistant"}, USER]).messages
    assert [message.text() for message in messages] == ["a\nb", "", "hi"]


def test_a_past_refusal_is_text() -> None:
    (message,) = chat(messages=[{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}]).messages
    assert message.text() == "No."


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("x", ["x"]),
        (["x", "y"], ["x", "y"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        ([""], [""]),
    ],
)
def test_every_form_of_prompt(prompt: object, expected: list[object]) -> None:
    assert completion(prompt=prompt).prompts() == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, "x"]}, "prompt"),
        ({"prompt": [[]]}, "prompt[0]"),
        ({"prompt": [3, -1]}, "prompt[1]"),
        ({"prompt": [[-1]]}, "prompt[0][0]"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"prompt": ["x"] * 129}, "prompt"),
        ({"suffix": "tail"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"stream_options": {}}, "stream_options"),
    ],
)
def test_a_completion_refusal_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BackendError) as caught:
        completion(**fields)
    assert caught.value.param == param


def test_best_of_equal_to_n_asks_for_nothing_more() -> None:
    assert completion(best_of=2, n=2, suffix="").n == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": []}, "input"),
        ({"input": [1, "a"]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
    ],
)
def test_an_embedding_refusal_names_the_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BackendError) as caught:
        embedding(**fields)
    assert caught.value.param == param


def test_embedding_inputs() -> None:
    assert embedding(input=[1, 2], dimensions=3, encoding_format="base64").inputs() == [[1, 2]]
    assert embedding(input=["a", "b"]).inputs() == ["a", "b"]


def test_explain_shortens_and_keeps_messages_without_a_path() -> None:
    detail, param = explain("x" * 1000)
    assert len(detail) == 300
    assert param is None
    assert explain("Object missing required field `a`") == ("a: Object missing required field `a`", "a")
