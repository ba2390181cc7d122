"""The log ring keeps whole lines, capped each and in total, however the pipe cuts them."""

from hypothesis import given
from hypothesis import strategies as st

from backends.process.logs import LogRing


def test_lines_split_between_chunks_are_joined():
    ring = LogRing()
    ring.feed(b"load")
    ring.feed(b"ing model\nread")
    ring.feed(b"y\nhalf a li")
    assert ring.tail() == "loading model\nready\nhalf a li"
    assert ring.received == 29


def test_old_lines_fall_out():
    ring = LogRing(total=30)
    for number in range(10):
        ring.feed(b"line %d\n" % number)
    assert ring.tail() == "line 6\nline 7\nline 8\nline 9"


def test_a_long_line_is_cut_and_says_so():
    ring = LogRing(line=20, total=100)
    ring.feed(b"a" * 50)
    ring.feed(b"a" * 30 + b"\nnext\n")
    assert ring.tail() == "a" * 14 + " [cut]\nnext"


def test_an_unfinished_long_line_is_cut_too():
    ring = LogRing(line=20, total=100)
    ring.feed(b"a" * 90)
    assert ring.tail() == "a" * 14 + " [cut]"


def test_a_chunk_larger_than_the_ring_leaves_its_end():
    ring = LogRing(line=20, total=40)
    ring.feed(b"begin ")
    ring.feed(b"".join(b"line %04d\n" % number for number in range(1000)))
    assert ring.tail() == "line 0996\nline 0997\nline 0998\nline 0999"


def test_the_tail_is_limited_from_its_end():
    ring = LogRing()
    ring.feed(b"one\ntwo\nthree\n")
    assert ring.tail(7) == "o\nthree"
    assert ring.tail(0) == ""


def test_bytes_that_are_no_text_are_replaced():
    ring = LogRing()
    ring.feed(b"\xff\xfe ok\n")
    assert ring.tail() == "\ufffd\ufffd ok"


@given(st.lists(st.binary(max_size=200)), st.integers(10, 60), st.integers(60, 200))
def test_never_more_than_the_limits(chunks: list[bytes], line: int, total: int):
    ring = LogRing(line=line, total=total)
    for chunk in chunks:
        ring.feed(chunk)
    kept = ring.tail(1 << 20).encode("utf-8", "replace")
    text = ring.tail(1 << 20)
    assert len(text) <= total + line + 1
    assert all(len(part) <= line for part in text.split("\n"))
    whole = b"".join(chunks).split(b"\n")
    if all(len(part) <= line for part in whole) and len(b"".join(chunks)) < total - 1:
        assert kept == b"\n".join(whole).removesuffix(b"\n").decode("utf-8", "replace").encode()
