"""Free text inside a call's arguments."""

import json

import pytest

from backends.translate.responses.free_text import FreeText, free_text


@pytest.mark.parametrize("text", ["", "plain", 'a "b"\n\\ \t/', "é🎉", "*** Begin Patch\n+x\n"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_text_comes_back(text, ascii_only):
    assert free_text(json.dumps({"input": text}, ensure_ascii=ascii_only)) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (' { "input" : "a b" } ', "a b"),
        ('{"input": "a\nb"}', "a\nb"),
        ('{"input": "cut \\u00', "cut "),
        ('{"input": "cut', "cut"),
        ('{"why": "x", "input": "late"}', "late"),
        ('{"input": "alone \\ud83d."}', "alone \ufffd."),
        ('{"input": "alone \\ud83d\\n\\udc00"}', "alone \ufffd\n\ufffd"),
        ('{"input": "broken \\uzz"}', "broken uzz"),
        ('{"input": "pair \\ud83d\\udczz and more text"}', "pair \ufffdd83dudczz and more text"),
        ('{"input": "a", "more": 1}', "a"),
        ("*** Begin Patch", "*** Begin Patch"),
        ('{"in put": "x"}', '{"in put": "x"}'),
        ('{"input": 3}', '{"input": 3}'),
        ('{"inp', '{"inp'),
        ("", ""),
    ],
)
def test_forms_of_arguments(arguments, text):
    assert free_text(arguments) == text
    pieces = FreeText()
    assert "".join(pieces.feed(letter) for letter in arguments) + pieces.finish() == text


def test_text_comes_while_it_grows():
    text = FreeText()
    assert text.feed('{"input": "*** Beg') == "*** Beg"
    assert text.feed("in\\") == "in"
    assert text.feed('n"') == "\n"
    assert text.feed("}") == text.finish() == ""
