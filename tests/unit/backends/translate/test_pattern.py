"""Which regular expressions become grammars, what they match, and which are left."""

import pytest

from backends.translate.pattern import pattern
from tests.fakes.gbnf import Matcher


@pytest.mark.parametrize(
    ("regex", "matching", "others"),
    [
        (r"^[\w-]+$", ["a-b", "-", "_9"], ["", "a b", "^"]),
        (r"^[a^]+$", ["a^", "^"], ["b", ""]),
        (r"^[^\^\-]$", ["a"], ["^", "-", '"']),
        (r"^[\[\]]$", ["[", "]"], ["a", "\\"]),
        (r"^[\d.]+$", ["1.5"], ["1,5"]),
        (r"^[a-]$", ["a", "-"], ["b"]),
        (r"^\$\d{1,3}$", ["$5", "$123"], ["5", "$1234"]),
        (r"^a{2}(?:b|c)?$", ["aa", "aab"], ["a", "aad"]),
        (r"^$", [""], ["a"]),
        (r"é🎉", ["é🎉", "xé🎉y"], ["é"]),
        (r"^x\$", ["x$", "x$y"], ["x"]),
    ],
)
def test_what_a_pattern_matches(regex, matching, others):
    matcher = Matcher(f"root ::= {pattern(regex)}\n")
    for text in matching:
        assert matcher.accepts(text), text
    for text in others:
        assert not matcher.accepts(text), text


@pytest.mark.parametrize(
    "regex",
    [
        *("(?=a)b", r"(a)\1", "a*?", "a+?", "a{2}{3}", "a**", r"\bword", "a^b", "a$b", "[", "[]", "(", "(a", "a)", "*"),
        *("a{1001}", "a" * 1001, "(" * 33 + "a" + ")" * 33, r"[\"]", r"\\", 'a"', r"\Q", "a{,3}", '["]', "\\"),
    ],
)
def test_what_is_outside_the_subset_is_left(regex):
    assert pattern(regex) is None


def test_siblings_do_not_count_as_depth():
    assert Matcher(f"root ::= {pattern('^' + '(a)' * 40 + '$')}\n").accepts("a" * 40)
