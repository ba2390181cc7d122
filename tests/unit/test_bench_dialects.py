"""The benchmark of the dialects measures what it says: bodies of recorded sizes, streams that are told whole."""

import msgspec
import pytest

from bench.dialects.__main__ import Result, measure, message_dialect, response_dialect, streamed
from bench.dialects.bodies import CALLS, THOUGHTS, WORDS, chunks, messages_body, responses_body


def test_bodies_have_the_sizes_of_recorded_ones():
    assert 48_000 < len(messages_body()) < 52_000
    assert 38_000 < len(responses_body()) < 42_000
    body = msgspec.json.decode(messages_body())
    assert len(body["tools"]) == 12
    assert 31_000 < len(msgspec.json.encode(body["tools"])) < 34_000
    assert messages_body() == messages_body()


@pytest.mark.parametrize("make", [message_dialect, response_dialect])
def test_a_stream_is_told_whole(make):
    sizes = [streamed(make(), chunks()[:end]) for end in (1, 1 + THOUGHTS, 1 + THOUGHTS + WORDS, len(chunks()))]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] > 100 * (THOUGHTS + WORDS + CALLS)


def test_each_figure_has_its_limit():
    results = measure(1)
    assert [(result.unit, result.limit) for result in results] == [("us", 60), ("us", 60), ("ms", 1.5), ("ms", 1.5)]
    assert all(result.spent[0] > 0 for result in results)


def test_the_median_decides():
    held = Result(name="x", spent=[1.0, 2.0, 9.0], unit="us", limit=2.0)
    missed = Result(name="x", spent=[1.0, 2.1, 2.2], unit="us", limit=2.0)
    assert (held.held, missed.held) == (True, False)
    assert missed.line().endswith("MISSED")
