"""Answers as Messages: how they end, what calls are given, what a stream tells and when."""

import json

import pytest

from backends.translate.anthropic.output import Asked
from tests.unit.backends.translate.anthropic.cases import (
    answered,
    assistant,
    chunk,
    put_together,
    request_of,
    told,
    use,
    user,
)

USAGE = {"prompt_tokens": 120, "completion_tokens": 9}


def piece(index, text, name=None, call_id=None):
    function = {"arguments": text} | ({"name": name} if name else {})
    return {"index": index, "function": function} | ({"id": call_id} if call_id else {})


def ends(finish, stop=None, usage=None, calls=None, asked=None):
    """How the plain answer ends; the stream must end likewise."""
    asked = asked or Asked()
    message = {"content": "x"} | ({"tool_calls": calls} if calls else {})
    last = {"finish_reason": finish} | ({} if stop is None else {"stop_reason": stop})
    plain = answered({"choices": [{"message": message, **last}], "usage": usage}, asked)
    chunks = [chunk(content="x"), *([chunk(tool_calls=calls)] if calls else [])]
    chunks += [{"choices": [{"delta": {}, **last}]}, {"choices": [], "usage": usage}]
    streamed = put_together(told(chunks, asked))
    assert streamed == plain
    return plain["stop_reason"], plain["stop_sequence"]


@pytest.mark.parametrize(
    ("finish", "wanted"),
    [
        ("stop", "end_turn"),
        (None, "end_turn"),
        ("odd", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
    ],
)
def test_why_an_answer_ended(finish, wanted):
    assert ends(finish) == (wanted, None)


def test_a_call_is_a_call_whatever_the_backend_says_of_its_end():
    calls = [piece(0, "{}", "look", "c")]
    assert ends("stop", calls=calls) == ("tool_use", None)
    assert ends("length", calls=calls) == ("max_tokens", None)
    assert ends("stop", "END", calls=calls) == ("tool_use", None)


@pytest.mark.parametrize(
    ("stop", "known", "wanted"),
    [
        ("END", None, ("stop_sequence", "END")),
        ("END", ["\n", "END"], ("stop_sequence", "END")),
        ("END", ["\n"], ("end_turn", None)),
        ("END", (), ("end_turn", None)),
        (151645, None, ("end_turn", None)),
        (151645, ["END"], ("end_turn", None)),
        ({"odd": 1}, None, ("end_turn", None)),
        ("", None, ("end_turn", None)),
    ],
)
def test_the_stop_string_that_ended_it_is_named(stop, known, wanted):
    assert ends("stop", stop, asked=Asked(stop_sequences=known)) == wanted


def test_a_stop_string_ends_nothing_that_was_cut():
    assert ends("length", "END") == ("max_tokens", None)
    assert ends("content_filter", "END") == ("refusal", None)


@pytest.mark.parametrize(
    ("most", "usage", "wanted"),
    [
        (10, USAGE, "model_context_window_exceeded"),
        (9, USAGE, "max_tokens"),
        (8, USAGE, "max_tokens"),
        (None, USAGE, "max_tokens"),
        (10, None, "max_tokens"),
        (10, {"prompt_tokens": 1}, "max_tokens"),
        (10, {"completion_tokens": 0}, "model_context_window_exceeded"),
    ],
)
def test_what_ended_before_its_bound_ran_out_of_context(most, usage, wanted):
    assert ends("length", usage=usage, asked=Asked(max_tokens=most)) == (wanted, None)
    assert ends("stop", usage=usage, asked=Asked(max_tokens=most)) == ("end_turn", None)


def test_what_was_read_from_the_cache_is_told_apart():
    details = {"prompt_tokens_details": {"cached_tokens": 100}, "completion_tokens_details": {"reasoning_tokens": 4}}
    plain = answered({"choices": [{"message": {"content": "x"}}], "usage": USAGE | details})
    assert plain["usage"] == {
        "input_tokens": 20,
        "output_tokens": 9,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 100,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert "output_tokens_details" not in answered({"choices": [{"message": {}}], "usage": USAGE})["usage"]


def deltas(events):
    return [event["delta"] for event in events if event["type"] == "content_block_delta"]


def test_pieces_of_arguments_are_told_as_they_come():
    pieces = ['{"a', '": "b\\', 'n", "c": 1.', "50}"]
    events = told([chunk(tool_calls=[piece(0, "", "look", "c")]), *(chunk(tool_calls=[piece(0, p)]) for p in pieces)])
    assert deltas(events) == [{"type": "input_json_delta", "partial_json": text} for text in pieces]


@pytest.mark.parametrize("pieces", [[""], ["", ""], ["null"], [" ", "nu", "ll"], [" "]])
def test_arguments_of_nothing_are_an_empty_object(pieces):
    events = told([chunk(tool_calls=[piece(0, "", "look", "c")]), *(chunk(tool_calls=[piece(0, p)]) for p in pieces)])
    assert deltas(events) == []
    assert put_together(events)["content"][0]["input"] == {}
    call = piece(0, "".join(pieces), "look", "c")
    assert answered({"choices": [{"message": {"tool_calls": [call]}}]})["content"][0]["input"] == {}


@pytest.mark.parametrize("arguments", ["[1]", '"text"', "look!", "3", '["', "}"])
def test_arguments_that_are_no_object_are_told_inside_one(arguments):
    wanted = {"malformed_arguments": arguments}
    call = piece(0, arguments, "look", "c")
    assert answered({"choices": [{"message": {"tool_calls": [call]}}]})["content"][0]["input"] == wanted
    events = told([chunk(tool_calls=[piece(0, letter, "look", "c")]) for letter in arguments])
    assert put_together(events)["content"][0]["input"] == wanted


def test_a_thought_is_signed_before_it_ends():
    events = told([chunk(reasoning_content="Hm"), chunk(reasoning="."), chunk(content="So.")])
    assert [delta["type"] for delta in deltas(events)] == [*["thinking_delta"] * 2, "signature_delta", "text_delta"]
    thought, words = put_together(events)["content"]
    assert (thought["thinking"], bool(thought["signature"]), words["text"]) == ("Hm.", True, "So.")


def test_words_and_thoughts_keep_their_order_among_calls():
    chunks = [
        chunk(content="a"),
        chunk(tool_calls=[piece(0, '{"x":', "look", "c0")]),
        chunk(reasoning_content="b"),
        chunk(tool_calls=[piece(0, "1}")]),
        chunk(content="c"),
        chunk(tool_calls=[piece(1, "{}", "look", "c1")]),
        chunk(content="d", refusal="e"),
    ]
    blocks = put_together(told(chunks))["content"]
    assert [block["type"] for block in blocks] == ["text", "tool_use", "thinking", "text", "tool_use", "text"]
    assert [block["text"] for block in blocks if block["type"] == "text"] == ["a", "c", "de"]


def test_a_second_call_waits_until_the_first_is_whole():
    chunks = [
        chunk(tool_calls=[piece(0, '{"a', "look", "c0"), piece(1, '{"b', "go", "c1")]),
        chunk(tool_calls=[piece(1, '":2}')]),
    ]
    events = told(chunks)[:-2]
    assert [event["content_block"]["name"] for event in events if event["type"] == "content_block_start"] == [
        "look",
        "go",
    ]
    assert [delta["partial_json"] for delta in deltas(events)] == ['{"a', '{"b":2}']


def test_calls_without_names_or_ids_are_told_too():
    completion = {"choices": [{"message": {"tool_calls": [{"function": {"arguments": '{"a":1}'}}, {}]}}]}
    chunks = [chunk(tool_calls=[piece(0, '{"a":1}')]), chunk(tool_calls=[{"index": 1}])]
    plain = answered(completion)
    assert [(block["id"], block["name"]) for block in plain["content"]] == [("msg_1_0", ""), ("msg_1_1", "")]
    assert put_together(told(chunks)) == plain


def test_calls_that_only_ids_tell_apart():
    calls = [{"id": f"c{n}", "function": {"name": "look", "arguments": json.dumps({"n": n})}} for n in range(3)]
    blocks = put_together(told([chunk(tool_calls=[call]) for call in calls]))["content"]
    assert [(block["id"], block["input"]) for block in blocks] == [(f"c{n}", {"n": n}) for n in range(3)]
    numbered = [{"index": 0, **call} for call in calls]
    assert put_together(told([chunk(tool_calls=[call]) for call in numbered]))["content"] == blocks


def test_a_call_whose_id_was_there_before_gets_another():
    """Backends that count calls anew in each turn: a client would take the second for the first."""
    calls = [piece(0, "{}", "look", "call_0"), piece(1, "{}", "look", "call_1")]
    asked = Asked.of(request_of({"model": "m", "max_tokens": 9, "messages": [user("a"), assistant(use("call_0"))]}))
    message = {"content": None, "tool_calls": calls}
    plain = answered({"choices": [{"message": message, "finish_reason": "tool_calls"}]}, asked)
    streamed = put_together(told([chunk(tool_calls=calls), chunk("tool_calls")], asked))
    for made in (plain, streamed):
        first, second = [block["id"] for block in made["content"]]
        assert first not in ("", "call_0", second)
        assert second == "call_1"
