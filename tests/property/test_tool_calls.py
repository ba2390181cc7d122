"""Tool-call parsers: pieces do not matter, nothing raises, nothing is lost."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.translate.tool_calls.formats import FORMATS
from tests.unit.backends.translate.calls import parser, read

MARKS = [
    *(
        "<tool_call>",
        "</tool_call>",
        "<function=",
        "<function=weather>",
        "</function>",
        "<parameter=city>",
        "</parameter>",
    ),
    *(
        "[TOOL_CALLS]",
        "[ARGS]",
        "[CALL_ID]",
        "<|python_tag|>",
        "```json",
        "```",
        '{"name": "weather"',
        '"arguments": {',
    ),
    *(
        '{"name": "weather", "arguments": {"city": "P"}}',
        "weather",
        "}",
        "{",
        "[",
        "]",
        '"',
        "\\",
        ",",
        "\n",
        " ",
        ">",
        "<",
    ),
    *("words", "é🎉"),
    *("<arg_key>", "city", "</arg_key>", "<arg_value>", "</arg_value>"),
    *("<minimax:tool_call>", "</minimax:tool_call>", '<invoke name="', '">', '<parameter name="', "</invoke>"),
    *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "functions.weather:0", "<|tool_call_argument_begin|>"),
    *("<|tool_call_end|>", "<|tool_calls_section_end|>", "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"),
    *("<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "function", ">>>"),
    *("```tool_code", 'weather(city="P")', "time()", '[weather(city="P")]', "print("),
]
FAMILIES = st.sampled_from(sorted(FORMATS))
TEXTS = st.lists(st.sampled_from(MARKS) | st.text(max_size=4), max_size=14).map("".join)


@settings(max_examples=400)
@given(FAMILIES, TEXTS, st.data())
def test_pieces_do_not_matter(family, text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    bounds = [0, *cuts, len(text)]
    pieces = [text[begin:end] for begin, end in itertools.pairwise(bounds)]
    whole = read(parser(family), [text])
    assert read(parser(family), pieces) == whole
    assert read(parser(family), list(text)) == whole


@settings(max_examples=200)
@given(FAMILIES, TEXTS)
def test_without_a_call_every_word_stays(family, text):
    got = read(parser(family), [text])
    if not got.calls:
        assert got.content == text


@given(FAMILIES, TEXTS)
def test_identities_differ(family, text):
    got = read(parser(family), [text])
    assert len(set(got.ids)) == len(got.ids) == len(got.calls)
