"""Tools of a Messages request: which are offered, in what order, and what is chosen among them."""

import pytest

from backends.errors import BackendError
from tests.unit.backends.translate.anthropic.cases import (
    assistant,
    chat_of,
    result,
    tool,
    translated,
    use,
    user,
    words,
)

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


def names_of(body):
    return [each["function"]["name"] for each in body.get("tools", [])]


def changed(kind, name=None, definition=None):
    """A system message that changes one tool."""
    given = {"type": "tool_reference", "name": name} if name else {"type": "tool_definition", "definition": definition}
    return {"role": "system", "content": [{"type": f"tool_{kind}", "tool": given}]}


def found(*names):
    """A turn whose search found tools."""
    references = [{"type": "tool_reference", "tool_name": name} for name in names]
    return [assistant(use("s", "ToolSearch")), user([result("s", references)])]


def test_tools_are_told_as_they_came():
    schema = {"type": "object", "properties": {"b": {"type": "string"}, "a": {}}, "required": ["b"]}
    body = chat_of(tools=[tool("look", input_schema=schema, strict=True), {"name": "go", "type": "custom"}])
    look, go = body["tools"]
    assert look == {
        "type": "function",
        "function": {"name": "look", "description": "look!", "parameters": schema, "strict": True},
    }
    assert go["function"] == {"name": "go", "parameters": {"type": "object", "properties": {}}}


def test_servers_tools_are_left_out_with_a_note():
    translation = translated(tools=[tool("a"), SEARCH, {"type": "mcp_toolset", "mcp_server_name": "x"}])
    assert [each.function.name for each in translation.request.tools] == ["a"]
    assert translation.notes == (
        "tools[1]: web_search_20250305 runs on its maker's servers only; left out",
        "tools[2]: mcp_toolset runs on its maker's servers only; left out",
    )


def test_a_tool_declared_twice_counts_once():
    translation = translated(tools=[tool("a", description="first"), tool("a", description="second")])
    assert [each.function.description for each in translation.request.tools] == ["first"]
    assert len(translation.notes) == 1


def test_deferred_tools_are_not_told_until_they_are_named_and_come_last_then():
    early = [tool("b"), tool("d")]
    late = [tool("a", defer_loading=True), tool("c", defer_loading=True), tool("e", defer_loading=True)]
    asked = [user("go")]
    first = chat_of(asked, tools=[*early, late[0]])
    assert names_of(first) == ["b", "d"]
    second = chat_of([*asked, *found("c")], tools=[early[0], late[1], early[1], late[0]])
    assert names_of(second) == ["b", "d", "c"]
    third = chat_of([*asked, *found("c"), *found("e", "a", "c")], tools=[late[0], early[0], *late[1:], early[1]])
    assert names_of(third) == ["b", "d", "c", "e", "a"]
    assert third["tools"][:2] == first["tools"]
    assert third["messages"][: len(second["messages"])] == second["messages"]
    assert second["messages"][-1]["content"] == "The tool c is available now."


def test_tools_come_and_go_in_the_conversation():
    tools = [tool("a"), tool("b"), tool("late", defer_loading=True)]
    said = [user("go"), changed("addition", definition=tool("new"))]
    assert names_of(chat_of(said, tools=tools)) == ["a", "b", "new"]
    said += [assistant(words("x")), changed("addition", "late")]
    assert names_of(chat_of(said, tools=tools)) == ["a", "b", "new", "late"]
    said += [user("y"), changed("removal", "a"), changed("removal", "new")]
    assert names_of(chat_of(said, tools=tools)) == ["b", "late"]
    said += [user("z"), changed("addition", "new"), changed("addition", "b")]
    assert names_of(chat_of(said, tools=tools)) == ["b", "late", "new"]


def test_a_change_stands_in_any_message_and_leaves_no_words():
    addition = changed("addition", definition=tool("new"))["content"][0]
    body = chat_of([user([words("go"), addition])])
    assert (names_of(body), body["messages"]) == (["new"], [{"role": "user", "content": "go"}])
    with_words = {"role": "system", "content": [addition, words("Use it.")]}
    body = chat_of([user("go"), with_words])
    assert body["messages"][-1]["content"] == "go\n\n<system>\nUse it.\n</system>"


def test_a_definition_that_is_new_takes_the_place_of_the_old_at_the_end():
    again = changed("addition", definition=tool("a"))
    assert names_of(chat_of([user("go"), again], tools=[tool("a"), tool("b")])) == ["a", "b"]
    other = changed("addition", definition=tool("a", description="other"))
    body = chat_of([user("go"), other], tools=[tool("a"), tool("b")])
    assert (names_of(body), body["tools"][1]["function"]["description"]) == (["b", "a"], "other")


def test_changes_that_mean_nothing_here_are_noted():
    toolset = {"type": "tool_addition", "tool": {"type": "mcp_toolset_reference", "server_name": "x"}}
    nothing = {"type": "tool_removal"}
    by_value = {"type": "tool_removal", "tool": {"type": "tool_definition", "definition": tool("a")}}
    said = [user("go"), {"role": "system", "content": [toolset, nothing, by_value]}, changed("addition", "unknown")]
    translation = translated([*said, changed("addition", definition=SEARCH)], tools=[tool("a")])
    assert [each.function.name for each in translation.request.tools] == ["a"]
    assert [note.split(": ")[0] for note in translation.notes] == [
        "messages[1].content[0]",
        "messages[1].content[1]",
        "messages[1].content[2]",
        "messages[3].content[0].tool.definition",
    ]


def test_a_bad_name_in_a_definition_is_refused_by_its_place():
    with pytest.raises(BackendError) as refused:
        chat_of([user("go"), changed("addition", definition=tool("a b"))])
    assert refused.value.param == "messages[1].content[0].tool.definition.name"


@pytest.mark.parametrize(
    ("choice", "wanted", "alone"),
    [
        (None, None, None),
        ({"type": "auto"}, "auto", None),
        ({"type": "any"}, "required", None),
        ({"type": "none"}, "none", None),
        ({"type": "tool", "name": "a"}, {"type": "function", "function": {"name": "a"}}, None),
        ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
        ({"type": "any", "disable_parallel_tool_use": False}, "required", None),
    ],
)
def test_choices(choice, wanted, alone):
    body = chat_of(tools=[tool("a")], tool_choice=choice)
    assert (body.get("tool_choice"), body.get("parallel_tool_calls")) == (wanted, alone)


def test_without_tools_nothing_is_said_about_them():
    for choice in ({"type": "auto", "disable_parallel_tool_use": True}, {"type": "none"}):
        assert chat_of(tool_choice=choice).keys() == {"model", "messages", "max_tokens"}


def test_a_choice_of_what_was_left_out_is_the_models_own():
    for choice in ({"type": "tool", "name": "web_search"}, {"type": "any"}):
        alone = translated(tools=[SEARCH], tool_choice=choice)
        assert (alone.request.tools, alone.request.tool_choice, len(alone.notes)) == (None, None, 2)
    beside = translated(tools=[SEARCH, tool("a")], tool_choice={"type": "tool", "name": "web_search"})
    assert beside.request.tool_choice == "auto"
    with pytest.raises(BackendError):
        translated(tools=[SEARCH, tool("a")], tool_choice={"type": "tool", "name": "b"})
