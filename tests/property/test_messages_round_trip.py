"""A chat answer told as a Message and sent back in the next request is the same chat message, byte for byte."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.translate.anthropic.request import to_chat
from backends.translate.chat_body import ChatMessage
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.openai_chat import FunctionCall, ToolCall
from tests.property.conversations import CALLS, WORD
from tests.unit.backends.translate.anthropic.cases import (
    accepted_by_the_sdk,
    answered,
    chunk,
    put_together,
    told,
    user,
)

FINISH = st.sampled_from(["stop", "tool_calls", "length", "content_filter", None])
MAYBE = st.just("") | WORD


def compact(value):
    return msgspec.json.encode(value).decode()


def sent_back(answer):
    """The chat messages that a backend gets for an assistant's turn; clients write compact JSON."""
    turn = {"role": "assistant", "content": answer["content"]}
    body = msgspec.json.encode({"model": "m", "messages": [user("hi"), turn]})
    return [msgspec.json.encode(each) for each in to_chat(decode(body, MessagesRequest)).request.messages[1:]]


def message_of(thought, text, calls):
    """The chat message as a client that speaks chat would send it back."""
    called = [
        ToolCall(id=f"call_{n}", function=FunctionCall(name=name, arguments=compact(given)))
        for n, (name, given) in enumerate(calls)
    ]
    content = text or (None if called else "")
    message = ChatMessage(
        role="assistant", content=content, tool_calls=called or None, reasoning_content=thought or None
    )
    return msgspec.json.encode(message)


@settings(max_examples=300, deadline=None)
@given(MAYBE, MAYBE, CALLS, FINISH)
def test_a_plain_answer_comes_back_as_it_was(thought, text, calls, finish):
    sent = message_of(thought, text, calls)
    message = json.loads(sent)
    answer = answered({"choices": [{"message": message, "finish_reason": finish}]})
    assert sent_back(answer) == ([sent] if thought or text or calls else [])


def pieces_of(data, text):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.lists(st.sampled_from(["thought", "text", "call"]), max_size=6), FINISH)
def test_however_a_stream_is_cut_it_is_one_message(data, kinds, finish):
    """Any order of thoughts, words and calls: the message is the same however finely it came, and loses nothing."""
    coarse, fine, count, said = [], [], 0, {"thought": "", "text": ""}
    calls = []
    for kind in kinds:
        if kind == "call":
            name, given = data.draw(st.tuples(st.sampled_from(["look", "go"]), st.dictionaries(WORD, WORD, max_size=2)))
            calls.append((name, given))
            head = {"index": count, "id": f"call_{count}", "type": "function"}
            whole = {**head, "function": {"name": name, "arguments": compact(given)}}
            coarse.append(chunk(tool_calls=[whole]))
            fine.append(chunk(tool_calls=[{**head, "function": {"name": name, "arguments": ""}}]))
            cut = pieces_of(data, compact(given))
            fine += [chunk(tool_calls=[{"index": count, "function": {"arguments": piece}}]) for piece in cut]
            count += 1
        else:
            field = "reasoning_content" if kind == "thought" else "content"
            text = data.draw(WORD)
            said[kind] += text
            coarse.append(chunk(**{field: text}))
            fine += [chunk(**{field: piece}) for piece in pieces_of(data, text)]
    end = [chunk(finish), {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}]
    events = told([*fine, *end])
    accepted_by_the_sdk(events)
    answer = put_together(events)
    assert answer == put_together(told([*coarse, *end]))
    assert sent_back(answer) == ([message_of(said["thought"], said["text"], calls)] if kinds else [])
