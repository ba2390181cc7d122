"""Streams of Messages as chat: when what is told, and how a stream can go wrong."""

import json

import pytest

from backends.errors import BackendError, Cause
from tests.unit.backends.translate.claude.cases import (
    chunks_of,
    error_body,
    frames,
    golden,
    put_together,
    stream_of,
    told,
    tool,
    translated,
)

START = {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 3, "output_tokens": 1}}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
STOP = {"type": "message_stop"}


def word(text, index=0):
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def ended(reason="end_turn", **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 2} | usage}


def begun(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def grown(index, kind, **piece):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **piece}}


def closed(index):
    return {"type": "content_block_stop", "index": index}


def failure_of(stream, *data):
    """What comes of these bytes, and what had been told before it failed."""
    before = b""
    try:
        for each in data:
            before += stream.feed(each)
        stream.finish()
    except BackendError as error:
        return error.cause, before
    raise AssertionError("did not fail")


def test_each_event_is_told_when_it_comes():
    stream = stream_of()
    said = [stream.feed(frames([event])) for event in (START, TEXT, word("a"), word(""), {"type": "ping"}, word("b"))]
    assert [each.count(b"data: ") for each in said] == [1, 0, 1, 0, 0, 1]
    assert stream.feed(frames([ended()])) == b""
    assert stream.feed(frames([STOP])).endswith(b"data: [DONE]\n\n")
    stream.finish()


def test_a_stream_that_breaks_off_is_never_ended():
    events = [START, TEXT, word("a"), closed(0), ended(), STOP]
    for count in range(len(events)):
        cause, said = failure_of(stream_of(), frames(events[:count]))
        assert cause is Cause.STREAM_BROKEN
        assert b"[DONE]" not in said
        assert all(choice["finish_reason"] is None for each in lines(said) for choice in each["choices"])
    cut = frames(events)[:-1]
    assert failure_of(stream_of(), cut)[0] is Cause.STREAM_BROKEN


def lines(said):
    return [json.loads(each.removeprefix("data: ")) for each in said.decode().split("\n\n") if each]


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("overloaded_error", Cause.NO_CAPACITY),
        ("api_error", Cause.UPSTREAM_ERROR),
        ("rate_limit_error", Cause.UPSTREAM_RATE_LIMITED),
        ("odd", Cause.UPSTREAM_ERROR),
    ],
)
def test_an_error_ends_it_after_what_was_told(kind, cause):
    error = b"event: error\ndata: " + error_body(kind, "x") + b"\n\n"
    given = frames([START, TEXT, word("a")])
    apart, together = stream_of(), stream_of()
    told_apart = failure_of(apart, given, error)
    assert told_apart == failure_of(together, given + error)
    assert told_apart[0] is cause
    assert [each["choices"][0]["delta"].get("content") for each in lines(told_apart[1])] == ["", "a"]
    assert apart.failed is not None
    with pytest.raises(BackendError):
        apart.feed(frames([ended(), STOP]))


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([START, STOP], Cause.UPSTREAM_PROTOCOL),
        ([START, {"type": "message_delta", "delta": {}}, STOP], Cause.UPSTREAM_PROTOCOL),
        ([START, grown(0, "input_json_delta", partial_json="{")], Cause.UPSTREAM_PROTOCOL),
        ([{"type": "error"}], Cause.UPSTREAM_ERROR),
        ([{"type": 3}], Cause.UPSTREAM_PROTOCOL),
    ],
)
def test_what_is_no_stream_of_a_message(events, cause):
    assert failure_of(stream_of(), b"".join(frames([event]) for event in events))[0] is cause
    assert failure_of(stream_of(), b"data: <html>\n\n")[0] is Cause.UPSTREAM_PROTOCOL


def test_an_event_that_never_ends_is_given_up():
    assert failure_of(stream_of(), *[b"data: " + b"x" * (1 << 20)] * 5) == (Cause.UPSTREAM_PROTOCOL, b"")


def test_what_comes_after_the_end_is_not_told():
    end = frames([START, TEXT, word("a"), ended(), STOP])
    stream = stream_of()
    said = stream.feed(end + frames([word("b"), STOP]) + b"data: {\n\n")
    assert stream.feed(b"anything\n\n") == b""
    stream.finish()
    assert put_together(chunks_of(said))[0]["content"] == "a"


def test_servers_leave_things_out_and_add_others():
    """No beginning, no ends of blocks, a whole block at once, kinds that are new."""
    events = [
        begun(0, type="text", text="a"),
        word("b", 9),
        begun(1, type="thinking", thinking="c", signature="s"),
        begun(2, type="odd", odd=1),
        grown(2, "odd_delta", odd=1),
        {"type": "odd"},
        begun(3, type="tool_use", name="look", input={"d": 1}),
        {"type": "message_delta", "delta": {"stop_reason": "odd"}},
        STOP,
    ]
    message, last, _ = put_together(told(events, translated(stream=True, tools=[tool("look")]).expected))
    assert (message["role"], message["content"], message["reasoning_content"]) == ("assistant", "ab", "c")
    assert message["reasoning_details"][0]["signature"] == "s"
    assert message["tool_calls"] == [
        {"id": "call_0", "type": "function", "function": {"name": "look", "arguments": '{"d": 1}'}}
    ]
    assert last["finish_reason"] == "stop"


def test_pieces_of_calls_that_are_mixed_find_their_calls():
    events = [
        START,
        begun(0, type="tool_use", id="a", name="look", input={}),
        begun(1, type="tool_use", id="b", name="look", input={}),
        grown(1, "input_json_delta", partial_json='{"n":'),
        grown(0, "input_json_delta", partial_json='{"n":0'),
        grown(1, "input_json_delta", partial_json="1}"),
        grown(0, "input_json_delta", partial_json="}"),
        closed(0),
        closed(1),
        ended("tool_use"),
        STOP,
    ]
    message, last, _ = put_together(told(events))
    assert [(c["id"], json.loads(c["function"]["arguments"])) for c in message["tool_calls"]] == [
        ("a", {"n": 0}),
        ("b", {"n": 1}),
    ]
    assert last["finish_reason"] == "tool_calls"


def test_what_it_cost_is_what_was_told_last():
    expected = translated(stream=True, stream_options={"include_usage": True}).expected
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 5}}}
    details = {"output_tokens_details": {"thinking_tokens": 4}}
    events = [start, ended(input_tokens=None), ended(output_tokens=9, input_tokens=4, **details), STOP]
    chunks = told(events, expected)
    assert chunks[-1]["choices"] == []
    assert put_together(chunks)[2] == {
        "prompt_tokens": 9,
        "completion_tokens": 9,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    assert all("usage" not in chunk for chunk in told(events))


def test_what_a_broken_answer_cost_is_known():
    stream = stream_of()
    assert stream.usage.total_tokens == 0
    stream.feed(frames([START, TEXT, word("a")]))
    assert (stream.usage.prompt_tokens, stream.usage.completion_tokens) == (3, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_cut_of_any_stream_is_the_same(end):
    for case in golden("streams")[:4]:
        whole = frames(case["events"]).decode().replace("\n", end).encode()
        expected = translated(stream=True, **case["asked"]).expected
        wanted = stream_of(expected).feed(whole + b"\n")
        for size in (1, 7, 100):
            stream = stream_of(expected)
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            assert b"".join(map(stream.feed, [*pieces, b"\n"])) == wanted
            stream.finish()
