"""Streams of Messages as chat: however the bytes are cut the same chunks, which OpenAI's SDK takes; nothing is lost."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from backends.errors import BackendError
from backends.translate.anthropic.stream import MessageStream
from backends.translate.chat_answer import read
from tests.property.conversations import CALLS, WORD
from tests.unit.backends.translate.anthropic.cases import plain
from tests.unit.backends.translate.anthropic.cases import put_together as as_message
from tests.unit.backends.translate.claude.cases import (
    answered,
    chunks_of,
    frames,
    put_together,
    read_by_openai,
    stream_of,
    tool,
    translated,
)

EXPECTED = translated(
    stream=True, stream_options={"include_usage": True}, tools=[tool(name) for name in ("look", "go.far", "mcp__x__y")]
).expected
REASONS = st.sampled_from(["end_turn", "max_tokens", "stop_sequence", "refusal", "pause_turn", "tool_use"])
COUNT = st.integers(0, 99)
USAGE = st.fixed_dictionaries(
    {"input_tokens": COUNT, "output_tokens": COUNT},
    optional={"cache_read_input_tokens": COUNT, "cache_creation_input_tokens": COUNT},
)
KINDS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}


@st.composite
def messages(draw):
    """A whole Message: thoughts, words and calls in any order."""
    blocks = []
    for _ in range(draw(st.integers(0, 4))):
        match draw(st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use"])):
            case "text":
                blocks.append({"type": "text", "text": draw(WORD)})
            case "thinking":
                blocks.append(
                    {"type": "thinking", "thinking": draw(WORD), "signature": draw(st.just("s") | st.just(""))}
                )
            case "redacted_thinking":
                blocks.append({"type": "redacted_thinking", "data": "AA=="})
            case _:
                name, made = draw(CALLS.filter(bool))[0]
                flat = EXPECTED.names.flat(name)
                blocks.append({"type": "tool_use", "id": f"toolu_{len(blocks)}", "name": flat, "input": made})
    return {"type": "message", "content": blocks, "stop_reason": draw(REASONS), "usage": draw(USAGE)}


@st.composite
def events_of(draw, message):
    """A stream that tells the message, cut at will, with pings between."""
    head = {"input_tokens": message["usage"]["input_tokens"], "output_tokens": 1}
    events = [{"type": "message_start", "message": {"id": "msg_1", "content": [], "usage": head}}]
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        empty = block | {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""},
                         "tool_use": {"input": {}}}.get(kind, {})  # fmt: skip
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        deltas = []
        if kind in KINDS:
            name, field = KINDS[kind]
            deltas += [{"type": name, field: piece} for piece in cut(draw, block[field])]
        if kind == "thinking" and block["signature"]:
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        if kind == "tool_use" and (block["input"] or draw(st.booleans())):
            deltas += [
                {"type": "input_json_delta", "partial_json": each} for each in cut(draw, json.dumps(block["input"]))
            ]
        for delta in deltas:
            events += [{"type": "ping"}] if draw(st.integers(0, 9)) == 0 else []
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": ended, "usage": message["usage"]}, {"type": "message_stop"}]


def cut(draw, text):
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[begin:end] for begin, end in zip([0, *at], [*at, len(text)], strict=True)]


@settings(max_examples=300, deadline=None)
@given(messages(), st.data())
def test_however_it_is_cut_a_stream_tells_the_whole_answer(message, data):
    whole = frames(data.draw(events_of(message)))
    wanted = stream_of(EXPECTED).feed(whole)
    stream = stream_of(EXPECTED)
    at = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    assert b"".join(stream.feed(whole[a:b]) for a, b in zip([0, *at], [*at, None], strict=True)) == wanted
    stream.finish()
    chunks = chunks_of(wanted)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
    told, last, usage = put_together(chunks)
    completion = answered(message, EXPECTED)
    choice = completion["choices"][0]
    assert (last["finish_reason"], usage) == (choice["finish_reason"], completion["usage"])
    assert {"content": "", **facts(told)} == {"content": "", **facts(choice["message"])}


def facts(message):
    said = {name: value for name, value in message.items() if value}
    for each in said.get("tool_calls", []):
        each["function"]["arguments"] = json.loads(each["function"]["arguments"])
    if "reasoning_details" in said:
        said["reasoning_details"] = [detail | {"index": 0} for detail in said["reasoning_details"]]
    return said


@settings(max_examples=40, deadline=None)
@given(messages(), st.data())
def test_the_sdk_reads_every_chunk(message, data):
    said = stream_of(EXPECTED).feed(frames(data.draw(events_of(message))))
    assert len(read_by_openai(said)) == len(chunks_of(said))
    read_by_openai(answer=answered(message, EXPECTED))


@settings(max_examples=300, deadline=None)
@given(messages(), st.data())
def test_the_other_pair_tells_the_same_message_again(message, data):
    """Thoughts, words and calls; of each kind in one piece where nothing stands between."""
    chunks = chunks_of(stream_of(EXPECTED).feed(frames(data.draw(events_of(message)))))
    stream = MessageStream("msg_1", "m")
    events = stream.start()
    for chunk in chunks:
        events += stream.feed(read(json.dumps(chunk).encode()))
    again = as_message([plain(event) for event in events + stream.finish()])
    wanted = []
    for block in message["content"]:
        kind, field = block["type"], {"text": "text", "thinking": "thinking"}.get(block["type"])
        if kind == "tool_use":
            wanted.append((kind, block["id"], EXPECTED.names.target(block["name"]).name, block["input"]))
        elif field and wanted and wanted[-1][0] == kind:
            wanted[-1] = (kind, wanted[-1][1] + block[field])
        elif field:
            wanted.append((kind, block[field]))
    given_again = [
        (b["type"], b["id"], b["name"], b["input"]) if b["type"] == "tool_use" else (b["type"], b[b["type"]])
        for b in again["content"]
    ]
    assert given_again == wanted


@settings(max_examples=150, deadline=None)
@given(messages(), st.data())
def test_a_stream_that_is_cut_off_is_never_ended(message, data):
    whole = frames(data.draw(events_of(message)))
    stream = stream_of(EXPECTED)
    said = stream.feed(whole[: data.draw(st.integers(0, len(whole) - 2))])
    with pytest.raises(BackendError):
        stream.finish()
    assert b'"finish_reason":"' not in said
    assert b"[DONE]" not in said
