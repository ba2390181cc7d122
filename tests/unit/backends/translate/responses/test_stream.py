"""Streams that backends should not send, waiting, and failing."""

import pytest

from backends.errors import BackendError, Cause
from backends.translate import chat_answer as chat
from backends.wire.openai_responses_events import event_bytes
from tests.unit.backends.translate.responses.cases import (
    ENDED_AT,
    accepted_by_the_sdk,
    answered,
    chunk_of,
    plain,
    stream_of,
    told,
)

BODY = {"model": "m", "input": "x", "stream": True}


def chunk(finish=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def piece(index=None, call_id=None, name=None, arguments=None):
    return {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls_of(chunks, body=BODY):
    events = told(body, chunks)
    accepted_by_the_sdk(events)
    output = events[-1]["response"]["output"]
    return [(item["call_id"], item["name"], item["arguments"]) for item in output if item["type"] == "function_call"]


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "a", "f", "{1"), piece(1, "b", "g", "{2"), piece(0, None, None, "}"), piece(1, "", "", "}")],
        [piece(0, "a", "f", "{1}"), piece(0, "b", "g", "{2}")],
        [piece(None, "a", "f", "{1"), piece(None, "b", "g", "{2}"), piece(None, "a", None, "}")],
        [piece(None, "a", "f", "{1"), piece(None, None, None, "}"), piece(None, "b", "g", "{2}")],
        [piece(0, "a", "f", "{1"), piece(0, "a", "f", "}"), piece(5, "b", "g", "{2}")],
        [piece(0, "a", None, "{"), piece(1, "b", None, None), piece(0, None, "f", "1}"), piece(1, None, "g", "{2}")],
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_no_call_is_lost(pieces, at_once):
    chunks = [chunk(tool_calls=pieces)] if at_once else [chunk(tool_calls=[each]) for each in pieces]
    assert calls_of([*chunks, chunk("tool_calls")]) == [("a", "f", "{1}"), ("b", "g", "{2}")]


def test_calls_without_ids_and_numbers_get_ids():
    got = calls_of([chunk(tool_calls=[piece(None, None, "f", "{}"), piece(None, None, "g", "{}")]), chunk("stop")])
    assert [(name, arguments) for _, name, arguments in got] == [("f", "{}"), ("g", "{}")]
    assert len({call_id for call_id, _, _ in got}) == 2


def test_a_call_without_a_name_is_still_told():
    assert calls_of([chunk(tool_calls=[piece(0, "a", None, "{}")]), chunk("stop")]) == [("a", "", "{}")]
    call = {"id": "a", "type": "function", "function": None}
    answer = answered(BODY, {"choices": [{"message": {"tool_calls": [call]}}]})
    assert (answer["output"][0]["name"], answer["output"][0]["arguments"]) == ("", "")


def test_text_and_reasoning_after_calls_get_items_of_their_own():
    chunks = [
        chunk(content="a"),
        chunk(tool_calls=[piece(0, "1", "f", "{")]),
        chunk(reasoning="hm"),
        chunk(content="b"),
        chunk(tool_calls=[piece(0, None, None, "}")]),
        chunk("tool_calls"),
    ]
    events = told(BODY, chunks)
    accepted_by_the_sdk(events)
    assert [item["type"] for item in events[-1]["response"]["output"]] == [
        "message",
        "function_call",
        "reasoning",
        "message",
    ]
    assert calls_of(chunks) == [("1", "f", "{}")]


def test_chunks_that_tell_nothing():
    stream = stream_of(BODY)
    stream.start()
    for empty in (
        {},
        {"choices": []},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 1, "delta": {"content": "x"}}]},
    ):
        assert stream.feed(chunk_of(empty)) == []
    (end,) = stream.finish(ENDED_AT)
    assert plain(end)["response"]["usage"] is None


def test_waiting_is_a_real_event_and_keeps_the_count():
    stream = stream_of(BODY)
    events = stream.start() + stream.waiting() + stream.waiting()
    events += stream.feed(chunk_of(chunk(content="a"))) + stream.waiting() + stream.finish(ENDED_AT)
    accepted_by_the_sdk([plain(event) for event in events])
    assert [plain(event)["type"] for event in events[:4]] == ["response.created", *["response.in_progress"] * 3]
    name, data, *_ = event_bytes(events[2]).splitlines()
    assert name == b"event: response.in_progress"
    assert data.startswith(b'data: {"type":"response.in_progress","sequence_number":2,')


@pytest.mark.parametrize(
    ("cause", "code"),
    [(Cause.CONTEXT_LENGTH, "context_length_exceeded"), (Cause.RATE_LIMITED, "rate_limit_exceeded"),
     (Cause.STREAM_BROKEN, "server_error"), (Cause.INVALID_REQUEST, "invalid_prompt")],
)  # fmt: skip
def test_a_failure_tells_what_there_was_but_ends_no_call(cause, code):
    stream = stream_of(BODY)
    events = stream.start() + stream.feed(chunk_of(chunk(content="a", tool_calls=[piece(0, "1", "f", "{")])))
    events += stream.fail(BackendError(cause, "It broke.", private="secret"))
    shown = [plain(event) for event in events]
    assert shown[-1]["type"] == "response.failed"
    assert shown[-1]["response"]["error"] == {"code": code, "message": "It broke."}
    assert [item["status"] for item in shown[-1]["response"]["output"]] == ["completed", "incomplete"]
    assert "response.function_call_arguments.done" not in {event["type"] for event in shown}
    assert [event["sequence_number"] for event in shown] == list(range(len(shown)))


def test_a_failure_before_the_start_is_an_error():
    (event,) = stream_of(BODY).fail(BackendError(Cause.INVALID_REQUEST, "No.", param="input[0]"))
    accepted_by_the_sdk([plain(event)])
    assert plain(event) == {
        "type": "error",
        "sequence_number": 0,
        "message": "No.",
        "code": "invalid_prompt",
        "param": "input[0]",
    }


def test_log_probabilities_go_with_their_text():
    body = {**BODY, "include": ["message.output_text.logprobs"], "top_logprobs": 1}

    def token(text):
        top = {"token": text, "logprob": -0.5, "bytes": None}
        return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": [top]}

    def choice(kind, text, tokens):
        return {"index": 0, kind: {"content": text}, "logprobs": {"content": tokens}}

    chunks = [{"choices": [choice("delta", text, [token(text)])]} for text in ("a", "b")]
    events = told(body, chunks)
    accepted_by_the_sdk(events)
    answer = answered(body, {"choices": [choice("message", "ab", [token("a"), token("b")])]})
    assert events[-1]["response"] == answer
    assert [each["token"] for each in answer["output"][0]["content"][0]["logprobs"]] == ["a", "b"]


def test_filtered_answers_are_incomplete():
    answer = answered(BODY, {"choices": [{"message": {"content": "a"}, "finish_reason": "content_filter"}]})
    assert answer["incomplete_details"] == {"reason": "content_filter"}
    assert (answer["status"], answer["completed_at"]) == ("incomplete", None)
    assert told(BODY, [chunk(content="a"), chunk("content_filter")])[-1]["response"] == answer


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"index": 0, "delta": {}}]}])
def test_an_answer_without_a_message_is_a_protocol_error(answer):
    with pytest.raises(BackendError) as error:
        answered(BODY, answer)
    assert error.value.cause is Cause.UPSTREAM_PROTOCOL


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"{", Cause.UPSTREAM_PROTOCOL),
        (b'{"choices": [{"delta": {"content": "\xff"}}]}', Cause.UPSTREAM_PROTOCOL),
        (b'{"choices": ' + b"[" * 9999, Cause.UPSTREAM_PROTOCOL),
        (b'{"choices": [{"delta": {"content": 3}}]}', Cause.UPSTREAM_PROTOCOL),
        (b'{"error": {"message": "boom", "code": 500}}', Cause.UPSTREAM_ERROR),
        (b'{"error": {"code": "context_length_exceeded"}}', Cause.CONTEXT_LENGTH),
    ],
)
def test_what_is_no_answer(data, cause):
    with pytest.raises(BackendError) as error:
        chat.read(data)
    assert error.value.cause is cause
    assert "boom" not in error.value.detail


def test_the_response_repeats_the_request():
    tool = {"type": "function", "name": "f"}
    search = {"type": "web_search", "external_web_access": False}
    body = {**BODY, "tools": [tool, search], "tool_choice": {"type": "function", "name": "f"}, "store": False,
            "metadata": {"a": "b"}, "instructions": "i", "previous_response_id": "resp_0", "parallel_tool_calls": False,
            "text": {"verbosity": "low"}, "max_output_tokens": 5, "top_p": 0.5}  # fmt: skip
    response = told(body, [])[0]["response"]
    assert response["tools"] == [{**tool, "description": None, "parameters": None, "strict": None}, search]
    for field in ("tool_choice", "store", "metadata", "instructions", "previous_response_id", "top_p"):
        assert response[field] == body[field]
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert (response["parallel_tool_calls"], response["status"], response["output"]) == (False, "in_progress", [])
