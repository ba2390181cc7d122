"""What of a file a ``Range`` names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.artifacts.ranges import Span, span_of


@pytest.mark.parametrize(
    ("header", "start", "end", "part"),
    [
        (None, 0, 100, False),
        ("bytes=0-9", 0, 10, True),
        ("bytes=10-", 10, 100, True),
        ("bytes=-5", 95, 100, True),
        ("bytes=-500", 0, 100, True),
        ("bytes=90-900", 90, 100, True),
        ("bytes= 1 - 2 ", 1, 3, True),
        ("bytes=0-0", 0, 1, True),
        ("bytes=5-4", 0, 100, False),
        ("bytes=-", 0, 100, False),
        ("bytes=0-1,3-4", 0, 100, False),
        ("pages=1-2", 0, 100, False),
        ("bytes=a-b", 0, 100, False),
        ("bytes=\u0661-\u0662", 0, 100, False),
    ],
)
def test_a_range_of_a_hundred_bytes(header: str | None, start: int, end: int, part: bool) -> None:
    assert span_of(header, 100) == Span(start, end, 100, part)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_answered(header: str) -> None:
    assert span_of(header, 100) is None


def test_of_an_empty_file_no_part_can_be_had() -> None:
    assert span_of("bytes=0-", 0) is None
    assert span_of(None, 0) == Span(0, 0, 0)


def test_a_part_is_told_as_the_standard_has_it() -> None:
    span = span_of("bytes=10-19", 100)
    assert span is not None
    assert (span.content_range, span.length) == ("bytes 10-19/100", 10)


@given(st.text(max_size=30) | st.from_regex(r"bytes=\d{0,25}-\d{0,25}", fullmatch=True), st.integers(0, 10**12))
def test_whatever_is_sent_a_span_lies_inside_the_file(header: str, size: int) -> None:
    span = span_of(header, size)
    assert span is None or 0 <= span.start <= span.end <= size
    assert span is None or not span.part or span.length > 0
