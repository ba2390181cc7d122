"""Arguments that a model wrote nearly right: mended without guessing, JSON left as it is, however they are cut."""

import itertools
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from backends.translate.tool_calls.repair import ArgumentsRepair

SCALARS = st.none() | st.booleans() | st.integers(-9999, 9999) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=12) | st.text(st.sampled_from("ab\n\t\"\\'{}[],: d"), max_size=10)
VALUES = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


def repaired(text: str, cuts: list[int] | None = None, *, whole: bool = True) -> str:
    one = ArgumentsRepair()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts or ())})
    pieces = [text[begin:end] for begin, end in itertools.pairwise(places)]
    return "".join(map(one.feed, pieces)) + one.finish(whole=whole)


@given(OBJECTS, st.sampled_from([None, 1]), st.booleans(), st.lists(st.integers(0, 200), max_size=5), st.booleans())
def test_json_stays_as_it_is(value: dict, indent: int | None, ascii_only: bool, cuts: list[int], whole: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert repaired(text, cuts, whole=whole) == text


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=4), st.booleans())
def test_cuts_change_nothing(text: str, cuts: list[int], whole: bool) -> None:
    assert repaired(text, cuts, whole=whole) == repaired(text, whole=whole)


@given(OBJECTS, st.lists(st.integers(0, 200), max_size=5))
def test_line_breaks_in_strings(value: dict, cuts: list[int]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    broken = re.sub(r"(?<!\\)((?:\\\\)*)\\n", lambda found: found[1] + "\n", text)
    assert json.loads(repaired(broken, cuts)) == value


@given(OBJECTS, st.lists(st.integers(0, 200), max_size=5))
def test_brackets_that_are_missing_at_the_end(value: dict, cuts: list[int]) -> None:
    text = json.dumps(value)
    assert json.loads(repaired(text.rstrip("}]"), cuts)) == value


@given(st.lists(SCALARS, min_size=1, max_size=4), st.sampled_from([",", ", ", ",\n"]))
def test_commas_before_a_closing_bracket(values: list, comma: str) -> None:
    inner = json.dumps(values)
    text = f'{{"a": {inner[:-1]}{comma}]{comma}}}'
    assert json.loads(repaired(text)) == {"a": values}


def test_words_of_python_and_backslashes_that_escape_nothing() -> None:
    assert repaired('{"a": True, "b": [None, False], "c": "True, None"}') == (
        '{"a": true, "b": [null, false], "c": "True, None"}'
    )
    assert json.loads(repaired(r'{"re": "\d+\.\w", "say": "it\'s"}')) == {"re": r"\d+\.\w", "say": "it's"}


def test_what_would_have_to_be_guessed_stays_wrong() -> None:
    for text in (
        '{"a": "cut in the mid',
        '{"a": tru',
        "{a: 1}",
        "{'a': 1}",
        '{"a": 1 "b": 2}',
        '{"a": Truer}',
        '{"a":}',
    ):
        mended = repaired(text)
        try:
            json.loads(mended)
        except ValueError:
            continue
        raise AssertionError(f"{text} became {mended}")


def test_an_answer_that_was_cut_is_not_closed() -> None:
    assert repaired('{"a": [1, 2', whole=False) == '{"a": [1, 2'
    assert repaired('{"a": [1, 2,', whole=False) == '{"a": [1, 2,'
    assert repaired('{"a": [1, 2') == '{"a": [1, 2]}'
