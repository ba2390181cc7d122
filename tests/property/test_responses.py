"""The Responses dialect: how a stream is cut changes nothing, what goes round comes back."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.translate.responses.free_text import FreeText, free_text
from backends.translate.responses.request import to_chat
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest
from backends.wire.openai_responses import ResponsesRequest
from tests.unit.backends.translate.responses.cases import accepted_by_the_sdk, answered, plain, request_of, told

TOOLS = [
    {"type": "function", "name": "look"},
    {"type": "custom", "name": "patch"},
    {
        "type": "namespace",
        "name": "team",
        "description": "",
        "tools": [{"type": "function", "name": "look"}, {"type": "custom", "name": "say"}],
    },
]
WORDS = st.text(max_size=12)
ARGUMENTS = (
    st.dictionaries(st.sampled_from(["input", "a", "é"]), WORDS, max_size=2).map(json.dumps)
    | st.builds(lambda text: json.dumps({"input": text}, ensure_ascii=False), WORDS)
    | WORDS
)
CALLS = st.lists(
    st.tuples(st.sampled_from(["look", "patch", "team__look", "team__say", "other"]), ARGUMENTS), max_size=4
)
FINISH = st.sampled_from(["stop", "tool_calls", "length", "content_filter"])
USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def cut(data, text):
    """Any pieces of a text."""
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[begin:end] for begin, end in zip([0, *places], [*places, len(text)], strict=True)]


def chunk(finish=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call_chunks(data, calls):
    """The calls in pieces; pieces of different calls mix, those of one call keep their order."""
    queues = []
    for index, (name, arguments) in enumerate(calls):
        first = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        queues.append([first, *({"index": index, "function": {"arguments": text}} for text in cut(data, arguments))])
    chunks, begun = [], 0
    while any(queues):
        ready = [queue for queue in queues[: begun + 1] if queue]
        queue = data.draw(st.sampled_from(ready)) if ready else queues[begun + 1]
        piece = queue.pop(0)
        begun = max(begun, piece["index"] + 1)
        chunks.append(chunk(tool_calls=[piece]))
    return chunks


@settings(max_examples=150, deadline=None)
@given(st.data(), WORDS, WORDS, WORDS, CALLS, FINISH, st.booleans())
def test_however_a_stream_is_cut_it_ends_as_the_plain_answer(data, thought, text, refusal, calls, finish, summarised):
    body = {"model": "m", "input": "x", "tools": TOOLS, "reasoning": {"summary": "auto"} if summarised else None}
    chunks = [chunk(reasoning_content=piece) for piece in cut(data, thought)]
    chunks += [chunk(content=piece) for piece in cut(data, text)]
    chunks += [chunk(refusal=piece) for piece in cut(data, refusal)]
    chunks += [*call_chunks(data, calls), chunk(finish), {"choices": [], "usage": USAGE}]
    events = told(body, chunks)
    accepted_by_the_sdk(events)
    tool_calls = [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    message = {"content": text, "refusal": refusal, "reasoning_content": thought, "tool_calls": tool_calls}
    completion = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": USAGE}
    assert events[-1]["response"] == answered(body, completion)
    deltas_make_what_is_done(events)


def deltas_make_what_is_done(events):
    """Each item begins once, ends once, and its deltas are what its end repeats."""
    said = {}
    for event in events:
        if event["type"].endswith(".delta"):
            place = (event["item_id"], event.get("content_index"))
            said[place] = said.get(place, "") + event["delta"]
    for event in events:
        if event["type"].endswith(".done") and "item_id" in event and "part" not in event:
            whole = next(event[field] for field in ("text", "refusal", "arguments", "input") if field in event)
            assert said.pop((event["item_id"], event.get("content_index")), "") == whole
    assert not said
    began = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    ended = [event["output_index"] for event in events if event["type"] == "response.output_item.done"]
    assert began == sorted(ended) == list(range(len(began)))


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS, CALLS)
def test_what_was_answered_comes_back_in_the_next_request(thought, text, calls):
    """Chat to Responses to chat: reasoning, text, names, ids and arguments are those of the answer."""
    tool_calls = [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    message = {"content": text or None, "reasoning_content": thought or None, "tool_calls": tool_calls}
    body = {"model": "m", "input": "x", "tools": TOOLS}
    output = answered(body, {"choices": [{"message": message}]})["output"]
    translation = to_chat(request_of({**body, "input": [{"role": "user", "content": "x"}, *output]}))
    _, *turn = plain(translation.request)["messages"]
    if not text and not calls:
        assert turn == []
        return
    (turn,) = turn
    assert turn.get("content") == (text or None)
    assert turn.get("reasoning_content") == (thought or None)
    back = [
        (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in turn.get("tool_calls", [])
    ]
    assert [(call_id, name) for call_id, name, _ in back] == [
        (f"call_{index}", name) for index, (name, _) in enumerate(calls)
    ]
    for (name, arguments), (_, _, again) in zip(calls, back, strict=True):
        if translation.names.target(name).kind == "custom":
            assert free_text(again) == free_text(arguments)
        else:
            assert again == arguments


@settings(max_examples=300, deadline=None)
@given(st.data(), st.text(st.sampled_from('{}"\\inputd83c4z :\n\u00e9'), max_size=40) | ARGUMENTS)
def test_pieces_of_free_text_do_not_matter(data, arguments):
    for whole in (arguments, '{"input": "' + arguments):
        text = FreeText()
        assert "".join(map(text.feed, cut(data, whole))) + text.finish() == free_text(whole)


@given(st.text())
def test_free_text_comes_back(text):
    for ascii_only in (True, False):
        assert free_text(json.dumps({"input": text}, ensure_ascii=ascii_only)) == text


KINDS = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "reasoning",
    "item_reference",
    "function",
]
KINDS += ["custom", "namespace", "input_text", "input_image", "web_search", "allowed_tools"]
FIELDS = [
    "type",
    "role",
    "content",
    "call_id",
    "name",
    "arguments",
    "output",
    "input",
    "tools",
    "summary",
    "mode",
    "text",
]
OURS = ("input", "tools", "tool_choice")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([*KINDS, "user", "assistant", "auto", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)
ITEMS = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)}, optional={field: VALUES for field in FIELDS if field != "type"}
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ITEMS | VALUES, max_size=4), st.lists(ITEMS | VALUES, max_size=3), ITEMS | st.just("auto"))
def test_whatever_is_sent_is_translated_or_refused_in_our_words(items, tools, choice):
    body = json.dumps({"model": "m", "input": items, "tools": tools, "tool_choice": choice})
    refusal = None
    try:
        translation = to_chat(decode(body.encode(), ResponsesRequest))
        decode(msgspec.json.encode(translation.request), ChatRequest)
    except BackendError as error:
        refusal = error
    assert refusal is None or (refusal.cause is Cause.INVALID_REQUEST and (refusal.param or "").startswith(OURS))
