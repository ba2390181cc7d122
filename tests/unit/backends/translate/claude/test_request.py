"""Chat requests as Messages: what is said, by whom, and what the API would refuse."""

import base64
import json

import pytest

from backends.errors import BackendError, Cause
from tests.unit.backends.translate.claude.cases import (
    PNG,
    assistant,
    call,
    keeps_the_rules,
    result,
    sent,
    translated,
    turns_of,
    user,
    words,
)


def refusal(messages="hi", **fields):
    with pytest.raises(BackendError) as caught:
        translated(messages, **fields)
    assert caught.value.cause is Cause.INVALID_REQUEST
    return caught.value.param


def contents(*messages, **fields):
    return [message["content"] for message in turns_of(*messages, **fields)]


def test_words_of_one_side_are_one_turn():
    one, two = contents(user("a"), user(words("b"), words("c")), assistant("d"), assistant("e"))
    assert [block["text"] for block in one] == ["a", "b", "c"]
    assert [block["text"] for block in two] == ["d", "e"]


@pytest.mark.parametrize("blank", ["", " \n", [], [words("")], [words(" "), words("\t")]])
def test_who_says_nothing_says_so_where_he_must(blank):
    assert contents({"role": "user", "content": blank}) == [[words("(no words)")]]
    assert len(contents(user("a"), {"role": "user", "content": blank})[0]) == 1
    assert len(turns_of(user("a"), assistant(blank), user("b"))) == 1
    assert turns_of(user("a"), assistant("b"), {"role": "user", "content": blank})[-1]["role"] == "user"
    body = sent([user("a"), assistant(None, call("c")), result("c", blank)])
    assert body["messages"][-1]["content"] == [{"type": "tool_result", "tool_use_id": "c"}]
    assert "system" not in sent([{"role": "system", "content": blank}, user("a")])


def test_a_conversation_without_a_user_has_one():
    body = sent([{"role": "system", "content": "Begin."}])
    assert body["messages"] == [user(words("(no words)"))]
    assert [turn["role"] for turn in turns_of(assistant("hello"))] == ["user", "assistant"]


def test_results_come_before_words_and_stay_with_their_call():
    calls = [call("a"), call("b")]
    messages = [user("x"), assistant(None, *calls), user("meanwhile"), result("b", "2"), result("a", "1")]
    last = contents(*messages)[-1]
    assert [block.get("tool_use_id") for block in last] == ["b", "a", None]
    keeps_the_rules(sent(messages))


def test_a_call_without_an_answer_gets_one():
    translation = translated([user("x"), assistant(None, call("a"), call("b")), result("a", "1"), user("y")])
    last = json.loads(translation.body)["messages"][-1]["content"]
    assert last[1] == {
        "type": "tool_result",
        "tool_use_id": "b",
        "content": [words("This call was not answered.")],
        "is_error": True,
    }
    assert translation.notes == ("messages: call b was not answered; told so",)
    keeps_the_rules(sent([user("x"), assistant(None, call("a"))]))
    keeps_the_rules(sent([user("x"), assistant(None, call("a")), assistant(None, call("b")), result("b", "2")]))


def test_a_result_of_no_call_is_told_as_words():
    translation = translated([user("x"), result("gone", "42"), assistant("y"), result("gone", "43")])
    first, _, last = json.loads(translation.body)["messages"]
    assert [block["text"] for block in first["content"]] == ["x", "Result of gone:", "42"]
    assert [block["text"] for block in last["content"]] == ["Result of gone:", "43"]
    assert len(translation.notes) == 2
    late = [user("x"), assistant(None, call("a")), result("a", "1"), assistant("y"), result("a", "2")]
    assert [block["type"] for block in contents(*late)[-1]] == ["text", "text"]


def test_ids_that_were_there_before_or_are_foreign_become_others():
    messages = []
    for answer in ("1", "2"):
        messages += [user("x"), assistant(None, call("call.0")), result("call.0", answer)]
    body = sent(messages)
    ids = [b["id"] for m in body["messages"] for b in m["content"] if b["type"] == "tool_use"]
    assert ids == ["call_0", "call_0_2"]
    given = [(b["tool_use_id"], b["content"]) for m in body["messages"] for b in m["content"] if "tool_use_id" in b]
    assert given == [("call_0", [words("1")]), ("call_0_2", [words("2")])]
    keeps_the_rules(sent([user("x"), assistant(None, {"function": {"name": "look"}}, call("")), result("", "1")]))


def test_one_id_twice_in_a_turn_is_answered_in_order():
    messages = [user("x"), assistant(None, call("a"), call("a")), result("a", "1"), result("a", "2"), result("a", "3")]
    blocks = contents(*messages)[-1]
    assert [(b["tool_use_id"], [c["text"] for c in b["content"]]) for b in blocks] == [
        ("a", ["1"]),
        ("a_2", ["2", "3"]),
    ]


def test_arguments_are_the_clients_own_or_stand_inside_an_object():
    def given(arguments):
        body = translated([user("x"), assistant(None, call("a", arguments=arguments))]).body
        return json.loads(body)["messages"][1]["content"][0]["input"], arguments.encode() in body

    assert given('{"a": 1.50,  "b": [] }') == ({"a": 1.5, "b": []}, True)
    assert given("")[0] == {}
    assert given("[1]")[0] == {"malformed_arguments": "[1]"}
    assert given('{"a":')[0] == {"malformed_arguments": '{"a":'}


def test_a_refusal_was_said_too():
    assert contents(user("x"), assistant([{"type": "refusal", "refusal": "No."}]), user("y"))[1] == [words("No.")]


def data_of(content):
    source = contents(user(content))[0][0]["source"]
    return source.get("media_type"), source.get("data") or source["url"]


def test_pictures():
    def shown(url):
        return data_of({"type": "image_url", "image_url": {"url": url}})

    assert shown("data:image/jpg;base64,AA==") == ("image/jpeg", "AA==")
    assert shown("data:image/webp;charset=x;base64,AA==") == ("image/webp", "AA==")
    assert shown("data:image/gif,%00") == ("image/gif", "AA==")
    assert shown("https://example.org/a.png") == (None, "https://example.org/a.png")
    for odd in (
        "http://example.org/a.png",
        "data:image/bmp;base64,AA==",
        "data:image/png;base64,",
        "a.png",
        "",
        "data:",
    ):
        picture = {"type": "image_url", "image_url": {"url": odd}}
        assert refusal([user("x"), user(words("y"), picture)]) == "messages[1].content[1].image_url.url"


def test_documents():
    def read(data, **more):
        return data_of({"type": "file", "file": {"file_data": data, **more}})

    pdf = base64.b64encode(b"%PDF-").decode()
    assert read(pdf, filename="x.pdf") == read(f"data:application/pdf;base64,{pdf}") == ("application/pdf", pdf)
    assert read("https://example.org/a.pdf") == (None, "https://example.org/a.pdf")
    assert read("data:text/markdown,%23%20Hi") == ("text/plain", "# Hi")
    for odd in ("data:text/plain;base64,/w==", "data:text/plain;base64,IA==", "data:application/zip;base64,AA=="):
        assert refusal([user({"type": "file", "file": {"file_data": odd}})]) == "messages[0].content[0].file"
    assert refusal([user({"type": "file", "file": {"file_id": "file-1"}})]) == "messages[0].content[0].file"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
    ],
)
def test_what_no_block_can_hold_is_refused_by_its_place(part):
    assert refusal([user(words("x"), part)]) == "messages[0].content[1]"
    assert refusal([user("x"), assistant(None, call("a")), result("a", [part])]) == "messages[2].content[0]"


@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
def test_pictures_are_of_users_and_tools(role):
    assert refusal([user("x"), {"role": role, "content": [words("y"), PNG]}]) == "messages[1].content[1]"


def test_the_system_speaks_late():
    late = [
        user("a"),
        {"role": "developer", "content": "b"},
        user("c"),
        assistant("d"),
        {"role": "system", "content": "e"},
    ]
    above = sent(late)
    assert [block["text"] for block in above["system"]] == ["b", "e"]
    assert [turn["role"] for turn in above["messages"]] == ["user", "assistant"]
    kept = sent(late, terms={"late_system": True})
    assert "system" not in kept
    said = [(turn["role"], [block["text"] for block in turn["content"]]) for turn in kept["messages"]]
    assert said == [
        ("user", ["a", "c"]),
        ("system", ["b"]),
        ("assistant", ["d"]),
        ("user", ["(no words)"]),
        ("system", ["e"]),
    ]
    keeps_the_rules(kept)


def test_thoughts_of_others_and_unsigned_ones_stay_here():
    def thoughts(*details, **more):
        turn = assistant("x", reasoning_details=list(details), **more)
        translation = translated([user("a"), turn, user("b")])
        blocks = json.loads(translation.body)["messages"][1]["content"]
        return [block for block in blocks if block["type"] != "text"], translation.notes

    text = {"type": "reasoning.text", "text": "Hm"}
    known = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    assert thoughts(text | {"signature": "s"}) == ([known], ())
    assert thoughts(text, {"type": "reasoning.text", "signature": "s"})[0] == [known]
    assert thoughts(text | {"signature": "s", "format": "openai-responses-v1"})[0] == []
    assert thoughts(text, reasoning_content="Hm") == ([], ("messages[1].reasoning_content: unsigned; left out",))
    assert thoughts({"type": "reasoning.summary", "text": "Hm", "signature": "s"})[0] == []
    alone = assistant(None, reasoning_details=[text | {"signature": "s"}])
    assert [turn["role"] for turn in turns_of(user("a"), alone, user("b"))] == ["user"]


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, 4096),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_completion_tokens": 99999}, 4096),
    ],
)
def test_how_long_an_answer_may_be(fields, wanted):
    assert sent(**fields)["max_tokens"] == wanted


def test_the_server_has_a_name_of_its_own_for_the_model():
    assert sent(model="claude-opus-5-5")["model"] == "claude-opus-5-5"


def test_a_cache_is_marked_once_and_by_the_client_first():
    mark = {"type": "ephemeral"}
    assert sent(terms={"caches": True})["cache_control"] == mark
    assert "cache_control" not in sent()
    marked = [user(words("x", cache_control=mark))]
    assert "cache_control" not in sent(marked, terms={"caches": True})
    picture = [user(PNG | {"cache_control": mark})]
    assert sent(picture)["messages"][0]["content"][0]["cache_control"] == mark
    assert refusal([user(words("x", cache_control={"type": "odd"}))]) == "messages[0].content[0].cache_control.type"


def test_what_is_no_request_is_refused():
    assert refusal([{"role": "odd", "content": "x"}]) == "messages[0].role"
    assert refusal([]) == "messages"
