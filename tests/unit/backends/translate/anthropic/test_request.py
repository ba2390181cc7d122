"""Requests of the Messages dialect: what becomes of each thing that clients send, and what is refused by its name."""

import msgspec
import pytest

from backends.errors import BackendError, Cause
from backends.translate.anthropic.output import Asked
from tests.unit.backends.translate.anthropic.cases import (
    PNG,
    URL,
    assistant,
    chat_of,
    messages_of,
    request_of,
    result,
    tool,
    translated,
    use,
    user,
    words,
)

BILLING = words("x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=sdk;")


def system(*content, **more):
    return {"role": "system", "content": content[0] if len(content) == 1 else list(content), **more}


@pytest.mark.parametrize("given", ["Be kind.", [words("Be kind.")], [BILLING, words("Be kind."), words("")]])
def test_a_system_text_is_the_same_as_string_or_blocks_with_or_without_the_billing_block(given):
    assert messages_of(user("hi"), system=given)[0] == {"role": "system", "content": "Be kind."}


def test_only_the_billing_line_of_a_string_is_dropped():
    assert messages_of(user("hi"), system=f"{BILLING['text']}\n\nBe kind.")[0]["content"] == "Be kind."
    assert messages_of(user("hi"), system=BILLING["text"])[0]["role"] == "user"


@pytest.mark.parametrize("late", ["Now.", [words("Now.")], [words("Now.") | {"cache_control": {"type": "ephemeral"}}]])
def test_a_later_system_text_stays_where_it_is_as_the_users_words(late):
    asked, answer, now, more = messages_of(user("a"), assistant(words("b")), {"role": "system", "content": late},
                                           user("c"), assistant(words("d")))  # fmt: skip
    assert now == {"role": "user", "content": "<system>\nNow.\n</system>\n\nc"}
    assert [each["role"] for each in (asked, answer, more)] == ["user", "assistant", "assistant"]


def test_system_messages_before_all_others_belong_to_the_system_text():
    messages = messages_of(system("b"), system("c"), user("hi"), system="a")
    assert messages == [{"role": "system", "content": "a\n\nb\n\nc"}, {"role": "user", "content": "hi"}]


def test_a_system_text_that_is_cleared_counts_until_the_user_speaks_again():
    once = system("Once.", clear_at="next_user_message")
    said = [user("a"), once, assistant(words("b"))]
    assert "Once." in messages_of(*said)[0]["content"]
    assert messages_of(*said, user("c"))[0]["content"] == "a"
    assert "Once." in messages_of(user("a"), system("Once.", clear_at="never"), user("c"))[0]["content"]


def test_results_come_before_the_words_that_stand_with_them():
    turn = user(words("and?"), result("1", "rain"), words("well?"), result("2", "sun"))
    messages = messages_of(user("a"), assistant(use("1"), use("2")), turn)
    assert [(each["role"], each.get("tool_call_id"), each.get("content")) for each in messages[2:]] == [
        ("tool", "1", "rain"),
        ("tool", "2", "sun"),
        ("user", None, "and?\n\nwell?"),
    ]


def test_pictures_of_results_follow_as_the_users_in_their_order():
    other = {"type": "image", "source": {"type": "url", "url": "data:image/png;base64,BB=="}}
    turn = user(result("1", [PNG]), result("2", [words("seen"), other]), words("and?"))
    *_, first, second, shown = messages_of(user("a"), assistant(use("1"), use("2")), turn)
    assert first == {"role": "tool", "tool_call_id": "1", "content": "The result follows in the next user message."}
    assert second["content"] == "seen"
    assert [part.get("text") or part["image_url"]["url"] for part in shown["content"]] == [
        "Shown by 1:",
        URL,
        "Shown by 2:",
        other["source"]["url"],
        "and?",
    ]


def test_a_failed_call_says_so():
    messages = messages_of(user("a"), assistant(use("1")), user(result("1", "no such file", is_error=True)))
    assert messages[-1]["content"] == "Error: no such file"


@pytest.mark.parametrize("content", [None, "", []])
def test_a_result_of_nothing_is_an_empty_text(content):
    assert messages_of(user("a"), assistant(use("1")), user(result("1", content)))[-1]["content"] == ""
    missing = {"type": "tool_result", "tool_use_id": "1"}
    assert messages_of(user("a"), assistant(use("1")), user([missing]))[-1]["content"] == ""


def test_thoughts_with_unknown_signatures_are_taken_and_hidden_ones_dropped():
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "of another"}
    turn = assistant(thought, {"type": "redacted_thinking", "data": "AAAA"}, words("b"))
    translation = translated([user("a"), turn, user("c")])
    said = translation.request.messages[1]
    assert (said.reasoning_content, said.content, translation.notes) == ("Hm.", "b", ())


def test_what_servers_tools_left_in_a_history_refuses_nothing():
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    failed = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": failed}
    ran = {"type": "code_execution_tool_result", "tool_use_id": "e", "content": {"type": "x", "content": [], "code": 0}}
    translation = translated([user("a"), assistant(search, found, ran, words("b"))])
    assert translation.request.messages[1].content == "b"
    assert translation.notes == ("messages[1].content[2]: code_execution_tool_result is not known here; left out",)


def test_documents_of_text_are_told_and_others_refused_in_a_clear_sentence():
    text = {"type": "document", "title": "Notes", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
    parts = {"type": "document", "source": {"type": "content", "content": [words("y"), words("z")]}}
    found = {"type": "search_result", "source": "https://a.example", "title": "A", "content": [words("w")]}
    (told,) = messages_of(user([text, parts, found]))
    assert told["content"] == "Notes\nx\n\ny\nz\n\nA\nhttps://a.example\nw"
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    with pytest.raises(BackendError) as refused:
        messages_of(user("a"), assistant(use("1")), user([result("1", [pdf])]))
    assert (refused.value.cause, refused.value.param) == (Cause.INVALID_REQUEST, "messages[2].content[0].content[0]")
    assert "PDF" in refused.value.detail


@pytest.mark.parametrize("source", [{"type": "file", "file_id": "f"}, {"type": "base64"}, "https://a.example", None])
def test_a_picture_without_bytes_is_refused_by_its_place(source):
    with pytest.raises(BackendError) as refused:
        messages_of(user([words("a"), {"type": "image", "source": source}]))
    assert refused.value.param == "messages[0].content[1]"


def test_words_of_one_answer_are_one_text_and_turns_alternate():
    messages = messages_of(
        user("a"), assistant(words("b"), use("1"), words("c")), assistant(words("d"), use("2")), user("e"), user("f")
    )
    assert [each["role"] for each in messages] == ["user", "assistant", "user"]
    assert (messages[1]["content"], [call["id"] for call in messages[1]["tool_calls"]]) == ("bc\nd", ["1", "2"])
    assert messages[2]["content"] == "e\n\nf"


@pytest.mark.parametrize("call_id", ["toolu_01AbC", "call_7", "functions.look:0"])
def test_ids_of_calls_stay(call_id):
    messages = messages_of(user("a"), assistant(use(call_id)), user(result(call_id, "x")))
    assert (messages[1]["tool_calls"][0]["id"], messages[2]["tool_call_id"]) == (call_id, call_id)


def test_a_history_of_calls_needs_no_tools_and_may_name_unknown_ones():
    body = chat_of([user("a"), assistant(use("1", "gone")), user(result("1", "x")), user("sum up")])
    assert "tools" not in body
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "gone"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"a": 1}, '{"a":1}'),
        ({}, "{}"),
        (None, "{}"),
        ("{broken", '{"malformed_arguments":"\\"{broken\\""}'),
    ],
)
def test_what_a_call_was_given_is_an_object_and_never_null(given, wanted):
    block = {"type": "tool_use", "id": "1", "name": "look", "input": given}
    body = msgspec.json.decode(msgspec.json.encode([user("a"), assistant(block)]))
    arguments = messages_of(*body)[1]["tool_calls"][0]["function"]["arguments"]
    assert msgspec.json.decode(arguments) == msgspec.json.decode(wanted)


@pytest.mark.parametrize(
    ("fields", "effort", "notes"),
    [
        ({}, None, 0),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, None, 0),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, None, 0),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, "none", 0),
        ({"output_config": {"effort": "low"}}, "low", 0),
        ({"output_config": {"effort": "medium"}, "thinking": {"type": "adaptive"}}, "medium", 0),
        ({"output_config": {"effort": "xhigh"}}, "high", 1),
        ({"output_config": {"effort": "max"}}, "high", 1),
        ({"output_config": {"effort": "odd"}}, None, 1),
    ],
)
def test_how_much_to_think(fields, effort, notes):
    translation = translated(**fields)
    assert (translation.request.reasoning_effort, len(translation.notes)) == (effort, notes)


def test_sampling_and_bounds_pass():
    fields = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "presence_penalty": 0.2, "seed": 3,
              "frequency_penalty": 0.3, "repeat_penalty": 1.1, "max_tokens": 7}  # fmt: skip
    body = chat_of(stop_sequences=["END"], **fields)
    del body["messages"]
    assert body == fields | {"model": "m", "stop": ["END"]}


def test_what_an_answers_end_is_told_by():
    body = {"model": "m", "messages": [user("hi")], "max_tokens": 7}
    assert Asked.of(request_of(body | {"stop_sequences": ["END"]})) == Asked(max_tokens=7, stop_sequences=["END"])
    assert Asked.of(request_of(body)) == Asked(max_tokens=7, stop_sequences=())


def test_a_stream_asks_for_its_usage_and_a_plain_answer_says_nothing_of_it():
    assert chat_of(stream=True)["stream_options"] == {"include_usage": True}
    assert chat_of(stream=False).keys() == {"model", "messages", "max_tokens"}


def test_a_form_of_the_answer():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    assert chat_of(output_config=wanted)["response_format"]["json_schema"]["schema"] == schema
    forced = translated(output_config=wanted, tools=[tool("a")], tool_choice={"type": "any"})
    assert (forced.request.response_format, len(forced.notes)) == (None, 1)
    with pytest.raises(BackendError) as refused:
        chat_of(output_config={"format": {"type": "odd"}})
    assert refused.value.param == "output_config.format"


def test_what_nobody_needs_here_changes_nothing():
    plain = chat_of([user("hi")], tools=[tool("a")])
    marked = words("hi") | {"cache_control": {"type": "ephemeral"}, "citations": None}
    extra = {
        "cache_control": {"type": "ephemeral"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": '{"device":"d"}'},
        "service_tier": "auto",
    }
    offered = tool("a", cache_control={"type": "ephemeral"}, eager_input_streaming=True, type="custom")
    assert chat_of([user([marked])], tools=[offered], **extra) == plain


def test_an_answer_that_was_summed_up_elsewhere_is_told():
    changes = [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "late"}}]
    summed = {"type": "compaction", "content": "So far.", "tool_changes": changes}
    body = chat_of([user("a"), assistant(summed), user("b")], tools=[tool("late", defer_loading=True)])
    assert body["messages"][1]["content"] == "So far."
    assert [each["function"]["name"] for each in body["tools"]] == ["late"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"tools": [tool("a b")]}, "tools[0].name"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [tool("a") | {"input_schema": []}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(fields, param):
    with pytest.raises(BackendError) as refused:
        chat_of(**{"messages": [user("hi")], **fields})
    assert (refused.value.cause, refused.value.param) == (Cause.INVALID_REQUEST, param)
