"""What led to a response, as its list tells it and as the official SDK's own types want it."""

import json
from typing import Any

import pytest
from msgspec import Raw
from openai.types.responses.response_item import ResponseItem
from pydantic import TypeAdapter

from backends.translate.responses.listed import listed

ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def shown(item: dict[str, Any]) -> dict[str, Any]:
    """Of the shape that the SDK knows; what was sent is not changed by it."""
    sent = Raw(json.dumps(item).encode())
    told = json.loads(bytes(listed(sent, "item_1")))
    ITEM.validate_python(told)
    assert json.loads(bytes(sent)) == item
    return told


@pytest.mark.parametrize("role", ["user", "system", "developer"])
def test_words_are_parts(role: str) -> None:
    told = shown({"role": role, "content": "Hello"})
    assert told == {
        "type": "message", "id": "item_1", "status": "completed", "role": role,
        "content": [{"type": "input_text", "text": "Hello"}],
    }  # fmt: skip


def test_the_assistants_words_are_its_own() -> None:
    for content in ("Hi", [{"type": "output_text", "text": "Hi"}], [{"type": "text", "text": "Hi"}]):
        told = shown({"type": None, "role": "assistant", "content": content})
        assert told["content"] == [{"type": "output_text", "text": "Hi", "annotations": []}]
    refused = shown({"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]})
    assert refused["content"] == [{"type": "refusal", "refusal": "No"}]


def test_pictures_have_a_detail() -> None:
    words, picture = shown({"role": "user", "content": [{"type": "text", "text": "See"}, PICTURE]})["content"]
    assert (words["type"], picture["image_url"], picture["detail"]) == ("input_text", PICTURE["image_url"], "auto")
    result = shown({"type": "function_call_output", "call_id": "c", "output": [PICTURE | {"detail": "high"}]})
    assert result["output"][0]["detail"] == "high"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "ls"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
    ],
)
def test_calls_and_results(item: dict[str, Any]) -> None:
    assert shown(item) == item | {"id": "item_1", "status": "completed"}


def test_thoughts() -> None:
    thought = {"type": "reasoning", "summary": None, "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert shown(thought) == thought | {"id": "item_1", "summary": []}


def test_what_has_a_name_and_a_state_keeps_them() -> None:
    item = {"type": "function_call", "id": "fc_7", "status": "incomplete", "call_id": "c", "name": "f", "arguments": ""}
    assert shown(item) == item
    assert shown(item | {"id": "", "status": None}) == item | {"id": "item_1", "status": "completed"}


def test_a_kind_that_is_not_known_has_a_name_and_nothing_else() -> None:
    told = json.loads(bytes(listed(Raw(b'{"type":"something","role":5}'), "item_1")))
    assert told == {"type": "something", "role": 5, "id": "item_1"}
