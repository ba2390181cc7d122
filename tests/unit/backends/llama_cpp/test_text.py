"""Whole characters only, and nothing that might become a stop string."""

from hypothesis import given
from hypothesis import strategies as st

from backends.llama_cpp.worker.front.text import TextFilter
from backends.translate.held import held_length


def filtered(stops, pieces):
    one = TextFilter(tuple(stops))
    text = "".join(one.feed(piece) for piece in pieces)
    stopped = one.stopped
    return text + ("" if stopped else one.finish()), stopped


def test_a_character_in_pieces_waits_for_its_end():
    one = TextFilter()
    assert [one.feed(bytes([byte])) for byte in "é!".encode()] == ["", "é", "!"]


def test_half_a_character_at_the_end_is_dropped():
    assert filtered([], [b"a", "🎉".encode()[:2]]) == ("a", False)


def test_bytes_that_are_no_text_are_marked():
    assert filtered([], [b"a\xffb"]) == ("a\ufffdb", False)


def test_the_first_stop_string_in_the_text_wins():
    assert filtered(["b", "ab"], [b"xxab"]) == ("xx", True)
    one = TextFilter(("b", "ab"))
    one.feed(b"xxab")
    assert one.matched == "ab"


def test_what_may_become_a_stop_string_waits():
    one = TextFilter(("END", "NOW"))
    assert [one.feed(piece) for piece in (b"so E", b"N", b"x N")] == ["so ", "", "ENx "]
    assert one.finish() == "N"
    assert one.finish() == ""


def test_nothing_comes_after_a_stop():
    one = TextFilter(("END",))
    assert (one.feed(b"aENDb"), one.feed(b"c"), one.finish()) == ("a", "", "")


def test_overlap():
    assert [held_length(text, ("abab",)) for text in ("", "xab", "xaba", "abab", "b")] == [0, 2, 3, 2, 0]


@given(st.lists(st.sampled_from(["a", "b", "ab", "é", "🎉", "aab"]), max_size=12), st.sampled_from(["ab", "éa", "aab"]))
def test_pieces_do_not_matter(words, stop):
    text = "".join(words)
    data = text.encode()
    wanted = (text.partition(stop)[0], stop in text)
    assert filtered([stop], [data]) == wanted
    assert filtered([stop], [data[at : at + 1] for at in range(len(data))]) == wanted
