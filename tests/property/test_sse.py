"""The event parser: whatever the pieces, the same events; the relay's look at the first event agrees with it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.wire import sse
from backends.wire.sse import MOST_EVENT_BYTES, Event, Parser, event, first_event_end, says

PARTS = [
    b"data: a",
    b"data:b",
    b"data",
    b"data:  c",
    b"event: delta",
    b"id: 1",
    b": ping",
    b"retry: 3",
    b"",
    b"x",
    b"\xc3\xa9",
]
ENDS = [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n"]
STREAMS = st.lists(st.tuples(st.sampled_from(PARTS), st.sampled_from(ENDS)), max_size=10).map(
    lambda lines: b"".join(itertools.chain.from_iterable(lines))
)


def events(pieces):
    parser = Parser()
    return [found for piece in pieces for found in parser.feed(piece)]


@settings(max_examples=300)
@given(st.sampled_from([b"", b"\xef\xbb\xbf"]), STREAMS)
def test_split_at_every_byte(mark, stream):
    whole = mark + stream + b"\n\n"
    wanted = events([whole])
    assert events([whole[at : at + 1] for at in range(len(whole))]) == wanted
    for cut in range(len(whole)):
        assert events([whole[:cut], whole[cut:]]) == wanted


@given(st.lists(st.tuples(st.binary(max_size=20), st.none() | st.sampled_from(["delta", "error"])), max_size=5))
def test_what_is_written_is_read(written):
    stream = b"".join(event(data, name) for data, name in written)
    found = events([stream])
    lines = [data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for data, _ in written]
    assert found == [Event(data, (name or "message").encode()) for data, (_, name) in zip(lines, written, strict=True)]


@settings(max_examples=300)
@given(st.sampled_from([b"", b"\xef\xbb\xbf"]), STREAMS)
def test_the_first_event_ends_where_the_parser_gives_one(mark, stream):
    """Whatever ends the lines, also different ones in turn."""
    stream = mark + stream
    found = first_event_end(stream)
    if found < 0:
        assert events([stream]) == []
    else:
        assert len(events([stream[:found]])) == 1
        assert events([stream[: found - 1]]) == [] or stream[:found].endswith(b"\r\n")


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([b"data: " + b"x" * 20, b"data:y", b": " + b"c" * 30, b"", b"", b"event: e"]), max_size=8),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.integers(1, 90),
)
def test_the_bound_does_not_depend_on_the_pieces(lines, end, size):
    stream = b"".join(line + end for line in lines)

    def outcome(pieces):
        try:
            return events(pieces)
        except BackendError as error:
            return error.cause

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sse, "MOST_EVENT_BYTES", 50)
        assert outcome([stream]) == outcome(stream[at : at + size] for at in range(0, len(stream), size))


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": ping\n\ndata: a\n\n", [b"a"]),
        (b"data: a", []),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data:\n\n", [b""]),
        (b"event: x\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data : a\n\n", []),
        (b"database: a\n\n", []),
        (b"data: a\n\r\ndata: b\r\r\ndata: c\r\n\n", [b"a", b"b", b"c"]),
        (b"data: a\r\r", [b"a"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (b"data: \x00\xff\n\n", [b"\x00\xff"]),
    ],
)
def test_the_rules(stream, data):
    assert [found.data for found in events([stream])] == data


def test_an_event_without_name_is_a_message():
    assert events([b"event: a\nevent:\ndata: x\n\n"]) == [Event(b"x", b"message")]
    assert events([b"event: a\n\ndata: x\n\n"]) == [Event(b"x", b"message")]


@pytest.mark.parametrize("piece", [b"x" * 65536, b": c" * 20_000, b"data: " + b"x" * 60_000 + b"\n"])
def test_what_waits_is_bounded(piece):
    with pytest.raises(BackendError) as caught:
        events(piece for _ in range(2 * MOST_EVENT_BYTES // len(piece)))
    assert caught.value.cause is Cause.UPSTREAM_PROTOCOL


def test_comments_and_events_without_end_are_no_event_without_end():
    parser = Parser()
    piece = (b": ping\n" * 1000 + b"data: a\n\n") * 10
    given = sum(len(parser.feed(piece)) for _ in range(2 * MOST_EVENT_BYTES // len(piece)))
    assert given == 10 * (2 * MOST_EVENT_BYTES // len(piece))


def test_an_event_without_end():
    pieces = [b"data: " + b"x" * (MOST_EVENT_BYTES // 4) + b"\n"] * 10
    with pytest.raises(BackendError) as caught:
        events(pieces)
    assert caught.value.cause is Cause.UPSTREAM_PROTOCOL


@pytest.mark.parametrize(
    ("tail", "terminator", "over"),
    [
        (b'data: {"n":1}\n\ndata: [DONE]\n\n', b"[DONE]", True),
        (b"data:[DONE]\r\n\r\n", b"[DONE]", True),
        (b"data: [DONE]\r\r", b"[DONE]", True),
        (b"data: [DONE]", b"[DONE]", True),
        (b"data: [DONE]\n\n: bye\n\n", b"[DONE]", True),
        (b'data: {"content": "[DONE]"}\n\n', b"[DONE]", False),
        (b'data: {"content": "\\ndata: [DONE]"}\n\n', b"[DONE]", False),
        (b'data: {"content": "data: [DONE]', b"[DONE]", False),
        (b"data: [DONE]!\n\n", b"[DONE]", False),
        (b": [DONE]\n\n", b"[DONE]", False),
        (b'event: message_stop\ndata: {"type":"message_stop"}\n\n', b"message_stop", True),
        (b'event: ping\ndata: {"type":"message_stop"}\n\n', b"message_stop", False),
        (b"", b"[DONE]", False),
    ],
)
def test_only_a_whole_line_ends_a_stream(tail, terminator, over):
    assert says(tail, terminator) is over
