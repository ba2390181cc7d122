"""Every family against its golden answers: whole, and a character at a time."""

import json
from pathlib import Path

import pytest

from backends.translate.tool_calls.formats import FORMATS
from tests.unit.backends.translate.calls import parser, read

GOLDEN = Path(__file__).parents[3] / "golden" / "tool_calls"
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['note']}")
    for path in sorted(GOLDEN.glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))
]


@pytest.mark.parametrize(("family", "case"), CASES)
def test_an_answer(family, case):
    wanted = (case["content"], [(call["name"], call["arguments"]) for call in case["calls"]])
    for pieces in ([case["text"]], list(case["text"])):
        got = read(parser(family), pieces)
        assert (got.content, got.calls) == wanted


def test_every_family_has_answers():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(FORMATS)


def test_words_come_out_at_once():
    for family in FORMATS:
        assert read(parser(family), []).content == ""
        one = parser(family)
        assert "".join(delta.text for delta in one.feed("Plain words")) == "Plain words"


def test_arguments_come_out_while_they_grow():
    one = parser("hermes")
    one.feed('<tool_call>{"name": "save", "arguments": {"text": "a')
    assert [delta.text for delta in one.feed("bc")] == ["bc"]
    other = parser("qwen3_coder")
    other.feed("<function=save><parameter=text>a")
    assert [delta.text for delta in other.feed("bc")] == ["bc"]
