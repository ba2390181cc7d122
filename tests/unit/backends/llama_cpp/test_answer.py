"""One choice while it grows: stop strings, reasoning and calls in their order, and the message that they add up to."""

import math

import msgspec
import pytest

from backends.llama_cpp.worker.front.answer import Answer, MessageBuilder
from backends.llama_cpp.worker.runtime import Candidate, Piece, Score
from backends.translate.reasoning import ReasoningSplitter
from tests.unit.backends.translate.calls import parser

CALL = '<tool_call>{"name": "time", "arguments": {}}</tool_call>'


def answer(*, stops=(), thinks=False, tools=False, one_call=False) -> Answer:
    splitter = ReasoningSplitter("<think>", "</think>", starts_open=False) if thinks else None
    return Answer(tuple(stops), splitter, parser("hermes") if tools else None, one_call=one_call)


def message(one: Answer, text: str, finish: str = "stop") -> dict:
    """What the pieces of ``text`` add up to, the same for pieces of any size."""
    builder = MessageBuilder()
    data = text.encode()
    for at in range(len(data)):
        builder.add(one.feed(Piece(0, data[at : at + 1], "", None, 1)))
    builder.add(one.feed(Piece(0, b"", finish, None, 1)))
    return msgspec.to_builtins(builder.message())


def test_plain_words():
    one = answer()
    assert message(one, "Hé 🎉") == {"role": "assistant", "content": "Hé 🎉", "refusal": None}
    assert (one.finish, one.generated) == ("stop", 9)


def test_a_limit_is_told():
    one = answer()
    message(one, "cut", "length")
    assert one.finish == "length"


def test_a_stop_string_wins_over_the_limit():
    one = answer(stops=["END"])
    assert message(one, "so far END and more", "length")["content"] == "so far "
    assert one.finish == "stop"


def test_reasoning_then_words():
    assert message(answer(thinks=True), "<think>hm</think>Hi") == {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "hm",
        "refusal": None,
    }


def test_reasoning_that_never_ends():
    assert message(answer(thinks=True), "<think>hm", "length")["reasoning_content"] == "hm"


def test_a_call_has_no_content():
    one = answer(tools=True)
    made = message(one, CALL)
    assert made["content"] is None
    assert [(call["function"]["name"], call["function"]["arguments"]) for call in made["tool_calls"]] == [
        ("time", "{}")
    ]
    assert one.finish == "tool_calls"


def test_words_and_calls():
    made = message(answer(tools=True), f"I look. {CALL} {CALL}")
    assert made["content"] == "I look."
    assert len({call["id"] for call in made["tool_calls"]}) == 2


def test_reasoning_words_and_a_call():
    made = message(answer(thinks=True, tools=True), f"<think>which one?</think>I look.{CALL}")
    assert (made["reasoning_content"], made["content"], len(made["tool_calls"])) == ("which one?", "I look.", 1)


def test_one_call_only_ends_the_answer_at_the_second():
    one = answer(tools=True, one_call=True)
    assert len(message(one, CALL + CALL)["tool_calls"]) == 1
    assert one.finish == "tool_calls"
    assert one.feed(Piece(0, b"more", "", None, 1)) == []


def test_a_call_that_was_cut_is_no_finished_call():
    one = answer(tools=True)
    made = message(one, '<tool_call>{"name": "save", "arguments": {"text": "ha', "length")
    assert made["tool_calls"][0]["function"]["arguments"] == '{"text": "ha'
    assert one.finish == "length"


def test_arguments_that_are_nearly_json_are_mended():
    one = answer(tools=True)
    first = '<tool_call>{"name": "save", "arguments": {"text": "a\nb \\d", "all": True,}}</tool_call>'
    second = '<tool_call>{"name": "save", "arguments": {"text": "c"</tool_call>'
    calls = message(one, first + second)["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == [
        '{"text": "a\\nb \\\\d", "all": true}',
        '{"text": "c"}',
    ]
    assert one.finish == "tool_calls"


def test_words_that_look_like_a_call_stay_words():
    one = answer(tools=True)
    assert message(one, "<tool_call>rm</tool_call>")["content"] == "<tool_call>rm</tool_call>"
    assert one.finish == "stop"


def test_scores_are_taken_once():
    chosen = Candidate(7, "é".encode(), math.log(0.5))
    one = answer()
    one.feed(Piece(7, "é".encode(), "", Score(chosen, (chosen,)), 1))
    taken = one.take_scores()
    assert (taken.content[0].token, taken.content[0].bytes) == ("é", [195, 169])
    assert taken.content[0].top_logprobs[0].logprob == pytest.approx(math.log(0.5))
    assert one.take_scores() is None
