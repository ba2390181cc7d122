"""Where reasoning ends and the answer begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.translate.reasoning import ReasoningSplitter

CASES = [
    (False, "<think>\nhm\n</think>\n\nHi.", "hm", "Hi."),
    (False, "\n<think>a b</think>c", "a b", "c"),
    (False, "Hi <think>no</think>", "", "Hi <think>no</think>"),
    (False, "<thin>k", "", "<thin>k"),
    (False, "<think>never closed\n", "never closed", ""),
    (False, "<think></think>Hi", "", "Hi"),
    (True, "hm\n</think>\nHi </think>", "hm", "Hi </think>"),
    (True, "<think>\nhm</think>Hi", "hm", "Hi"),
    (True, "a < b </thin c</think>d", "a < b </thin c", "d"),
    (True, "", "", ""),
    (False, "  plain", "", "  plain"),
]


def split(starts_open, pieces):
    splitter = ReasoningSplitter("<think>", "</think>", starts_open=starts_open)
    parts = [part for piece in pieces for part in splitter.feed(piece)] + splitter.finish()
    assert all(text for _, text in parts)
    return tuple("".join(text for kind, text in parts if kind == wanted) for wanted in ("reasoning", "content"))


@pytest.mark.parametrize(("starts_open", "text", "reasoning", "content"), CASES)
def test_an_answer(starts_open, text, reasoning, content):
    assert split(starts_open, [text]) == (reasoning, content)
    assert split(starts_open, list(text)) == (reasoning, content)


@given(st.booleans(), st.lists(st.sampled_from(["<think>", "</think>", "</", "th", "a", " ", "\n", "<"]), max_size=12))
def test_pieces_do_not_matter(starts_open, pieces):
    whole = split(starts_open, ["".join(pieces)])
    assert split(starts_open, pieces) == whole
    assert split(starts_open, list("".join(pieces))) == whole


def test_content_comes_out_at_once():
    splitter = ReasoningSplitter("<think>", "</think>", starts_open=False)
    assert splitter.feed("Hello") == [("content", "Hello")]
    assert splitter.feed(" <think>") == [("content", " <think>")]
