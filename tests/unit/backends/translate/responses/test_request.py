"""Requests of the Responses dialect: what is refused, what is left out, where messages go."""

import pytest

from backends.errors import BackendError, Cause
from backends.translate.responses.request import to_chat
from tests.unit.backends.translate.responses.cases import plain, request_of

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}


def chat_of(late_system="user", **fields):
    return to_chat(request_of({"model": "m", **fields}), late_system=late_system)


def messages_of(items, **fields):
    return plain(chat_of(input=items, **fields).request)["messages"]


def user(text):
    return {"role": "user", "content": text}


def call(call_id, name="look", **more):
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def output(call_id, result):
    return {"type": "function_call_output", "call_id": call_id, "output": result}


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "robot", "content": "x"}, "input[1].role"),
        ({"type": "message", "role": "user"}, "input[1].content"),
        ({"type": "function_call", "name": "x", "arguments": "{}"}, "input[1].call_id"),
        ({"type": "function_call_output", "call_id": "c", "output": [{"type": "odd"}]}, "input[1].output[0].type"),
        ({"type": "item_reference", "id": "msg_1"}, "input[1]"),
        ({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}, "input[1].content[0]"),
        ({"role": "user", "content": [IMAGE, {"type": "input_file", "file_url": "u"}]}, "input[1].content[1]"),
        ("text", "input[1]"),
        ({"type": 3}, "input[1].type"),
    ],
)
def test_an_item_in_a_wrong_shape_is_refused_by_its_place(item, param):
    with pytest.raises(BackendError) as refused:
        chat_of(input=[user("x"), item])
    assert refused.value.cause is Cause.INVALID_REQUEST
    assert refused.value.param == param
    assert refused.value.detail.startswith(f"{param}: ")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": ""}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]}, "tools[0].tools[0].name"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        (
            {"tools": [{"type": "function", "name": "a"}], "tool_choice": {"type": "function", "name": "b"}},
            "tool_choice",
        ),
    ],
)
def test_what_cannot_be_is_refused(fields, param):
    with pytest.raises(BackendError) as refused:
        chat_of(**fields)
    assert refused.value.param == param


def test_unknown_tools_inside_a_group_are_left_out_alone():
    member = {"type": "function", "name": "a"}
    translation = chat_of(tools=[{"type": "namespace", "name": "n", "tools": [{"type": "web_search"}, member]}])
    assert [tool.function.name for tool in translation.request.tools] == ["n__a"]
    assert translation.notes == ("tools[0].tools[0]: web_search is a tool of another server; left out",)


def test_a_tool_declared_twice_counts_once():
    translation = chat_of(
        tools=[{"type": "function", "name": "a", "description": text} for text in ("first", "second")]
    )
    assert [tool.function.description for tool in translation.request.tools] == ["first"]
    assert len(translation.notes) == 1


def test_without_tools_nothing_is_said_about_them():
    body = plain(chat_of(tools=[{"type": "web_search"}], tool_choice="auto", parallel_tool_calls=False).request)
    assert body.keys().isdisjoint({"tools", "tool_choice", "parallel_tool_calls"})


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (None, None),
        ("none", "none"),
        ({"type": "function", "name": "a"}, {"type": "function", "function": {"name": "a"}}),
        ({"type": "function", "name": "b"}, {"type": "function", "function": {"name": "n__b"}}),
        ({"type": "function", "name": "b", "namespace": "n"}, {"type": "function", "function": {"name": "n__b"}}),
        ({"type": "web_search"}, "auto"),
        ({"type": "allowed_tools", "tools": [{"type": "function", "name": "a"}]}, "auto"),
    ],
)
def test_choices(choice, wanted):
    group = {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "b"}]}
    body = plain(chat_of(tools=[{"type": "function", "name": "a"}, group], tool_choice=choice).request)
    assert body.get("tool_choice") == wanted


def test_a_choice_of_an_unknown_group_is_refused():
    choice = {"type": "function", "name": "a", "namespace": "other"}
    with pytest.raises(BackendError):
        chat_of(tools=[{"type": "function", "name": "a"}], tool_choice=choice)


def test_later_instructions_stay_where_they_are():
    items = [user("a"), {"role": "developer", "content": "Now."}, user("b")]
    assert [each["role"] for each in messages_of(items)] == ["user", "user", "user"]
    kept = plain(chat_of("system", input=items).request)["messages"]
    assert kept[1] == {"role": "system", "content": "Now."}


def test_messages_without_calls_stay_apart():
    items = [user("a"), {"role": "assistant", "content": "b"}, {"role": "assistant", "content": "c"}]
    assert [each["content"] for each in messages_of(items)] == ["a", "b", "c"]


def test_text_between_parallel_calls_joins_their_message():
    items = [user("a"), call("1"), {"role": "assistant", "content": "b"}, call("2"), output("1", "x"), output("2", "y")]
    _, turn, *results = messages_of(items)
    assert [each["id"] for each in turn["tool_calls"]] == ["1", "2"]
    assert turn["content"] == "b"
    assert [each["role"] for each in results] == ["tool", "tool"]


def test_what_was_never_answered_does_not_hold_back_the_rest():
    items = [user("a"), call("1"), user("stop"), {"role": "assistant", "content": "b"}, user("c")]
    assert [each["role"] for each in messages_of(items)] == ["user", "assistant", "user", "assistant", "user"]


def test_reasoning_belongs_to_what_follows_it():
    def thought(text):
        return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}

    said = {"role": "assistant", "content": "b"}
    items = [
        user("a"),
        thought("1"),
        thought("2"),
        said,
        thought("3"),
        call("c"),
        output("c", "r"),
        thought("4"),
        user("d"),
    ]
    messages = messages_of(items)
    assert [each.get("reasoning_content") for each in messages] == [None, "1\n\n2", "3", None, None]


def test_reasoning_of_another_service_is_left_out_with_a_note():
    items = [{"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}, {"type": "reasoning", "summary": []}]
    translation = chat_of(input=[*items, user("a")])
    assert len(translation.request.messages) == 1
    assert translation.notes == ("input[0]: reasoning that only another service can read; left out",)


def test_a_refusal_and_several_texts():
    items = [
        {"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "b"}, {"type": "text", "text": "c"}]},
        {"role": "user", "content": [{"type": "refusal", "refusal": "d"}, {"type": "text", "text": "e"}, IMAGE]},
    ]
    assistant, plain_user, mixed = messages_of(items)
    assert (assistant["content"], plain_user["content"]) == ("ano", "b\nc")
    assert [part["type"] for part in mixed["content"]] == ["text", "text", "image_url"]


def test_pictures_of_several_results_come_after_all_of_them():
    items = [
        user("a"),
        call("1"),
        call("2"),
        output("1", [IMAGE]),
        output("2", [{"type": "input_text", "text": "t"}, IMAGE]),
    ]
    messages = messages_of(items)
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert [part["type"] for part in messages[-1]["content"]] == ["text", "image_url"] * 2
    assert messages[3]["content"] == "t"


def test_items_at_the_end_change_nothing_before_them():
    items = [
        {"role": "developer", "content": "i"},
        user("a"),
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}]},
        call("1", namespace="n"),
        output("1", [IMAGE]),
        {"role": "assistant", "content": "b"},
        user("c"),
    ]
    for end in (2, 5, 6):
        before = messages_of(items[:end], instructions="first")
        assert messages_of(items, instructions="first")[: len(before)] == before


def test_settings_that_change_nothing_are_noted():
    notes = chat_of(background=True, max_tool_calls=3, reasoning={"effort": "max"}).notes
    assert [note.split(":")[0] for note in notes] == ["background", "max_tool_calls", "reasoning.effort"]


def test_json_object_and_plain_formats():
    assert plain(chat_of(text={"format": {"type": "json_object"}}).request)["response_format"] == {
        "type": "json_object"
    }
    assert "response_format" not in plain(chat_of(text={"format": {"type": "text"}}).request)
    assert plain(chat_of(reasoning={"effort": "low"}).request)["reasoning_effort"] == "low"
