"""Tools and the choice among them, and names that only one side knows."""

import json

import pytest

from tests.unit.backends.translate.claude.cases import answered, sent, tool, translated, user


def choice(wanted=None, **fields):
    fields = {"tools": [tool("look")]} | fields
    return sent(**fields | ({"tool_choice": wanted} if wanted else {})).get("tool_choice")


NAMED = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (None, None),
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        (NAMED, {"type": "tool", "name": "look"}),
    ],
)
def test_the_choice(wanted, told):
    assert choice(wanted) == told
    alone = {"disable_parallel_tool_use": True}
    assert choice(wanted, parallel_tool_calls=True) == told
    if wanted == "none":
        assert choice(wanted, parallel_tool_calls=False) == told
    else:
        assert choice(wanted, parallel_tool_calls=False) == (told or {"type": "auto"}) | alone


def test_without_tools_there_is_no_choice():
    assert choice("none", tools=None) is None
    assert choice(tools=[], parallel_tool_calls=False) is None


def declared(**function):
    return sent(tools=[{"type": "function", "function": {"name": "look", **function}}])["tools"][0]


def test_a_tool_has_an_object_of_parameters():
    assert declared()["input_schema"] == {"type": "object", "properties": {}}
    assert declared(parameters={})["input_schema"] == {"type": "object", "properties": {}}
    assert declared(parameters={"properties": {"a": {}}})["input_schema"] == {"type": "object", "properties": {"a": {}}}
    assert "description" not in declared(description="")


def test_strict_parameters_are_told_in_what_the_api_knows():
    given = {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}
    assert declared(parameters=given, strict=False) == {"name": "look", "input_schema": given}
    strict = declared(parameters=given, strict=True)
    assert strict["strict"] is True
    assert strict["input_schema"]["properties"]["a"] == {"type": "string", "description": "{pattern: x}"}
    assert strict["input_schema"]["additionalProperties"] is False


LONG = "a" * 90 + ".b"


@pytest.mark.parametrize("name", ["look", "net.look", "a/b:c", LONG])
def test_a_name_comes_back_as_the_client_gave_it(name):
    translation = translated(
        tools=[tool(name), tool("net_look")], tool_choice={"type": "function", "function": {"name": name}}
    )
    body = json.loads(translation.body)
    flat = body["tools"][0]["name"]
    assert body["tool_choice"]["name"] == flat
    assert len(flat) <= 64
    assert flat.replace("_", "").isalnum()
    use = {"type": "tool_use", "id": "t", "name": flat, "input": {}}
    completion = answered({"content": [use], "stop_reason": "tool_use"}, translation.expected)
    assert completion["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == name


def test_a_name_that_is_no_longer_offered_is_told_alike_in_each_turn():
    said = {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "net.look"}}]}
    messages = [user("x"), said]
    offered = sent(messages, tools=[tool("net.look")])
    assert sent(messages)["messages"] == offered["messages"]
    flat = offered["tools"][0]["name"]
    assert translated(messages).expected.names.target(flat).name == "net.look"
    nameless = [user("x"), {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": ""}}]}]
    assert sent(nameless)["messages"][1]["content"][0]["name"] == "unnamed"


@pytest.mark.parametrize(
    ("call", "kind"), [(None, "auto"), ("auto", "auto"), ("none", "none"), ({"name": "look"}, "tool")]
)
def test_functions(call, kind):
    body = sent(functions=[{"name": "look"}], **({"function_call": call} if call else {}))
    assert [each["name"] for each in body["tools"]] == ["look"]
    assert body["tool_choice"]["type"] == kind
    assert body["tool_choice"].get("disable_parallel_tool_use", False) == (kind != "none")
