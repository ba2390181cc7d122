"""Messages requests as chat: all that both can say is there, in order, in the same bytes each time."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.translate.anthropic.request import to_chat
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest, validate
from tests.property.conversations import WORD, bodies, facts_of, facts_of_chat
from tests.unit.backends.translate.anthropic.cases import words

CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def chat_bytes(body):
    """From a body on the wire to the body that a backend gets."""
    return msgspec.json.encode(to_chat(decode(msgspec.json.encode(body), MessagesRequest)).request)


def chat_of(body):
    return json.loads(chat_bytes(body))


@settings(max_examples=1000, deadline=None)
@given(bodies())
def test_all_that_both_dialects_can_say_is_there_in_order(body):
    chat = chat_of(body)
    messages = chat["messages"]
    leading = messages[0]["content"] if messages[0]["role"] == "system" else ""
    system = body["system"] or ""
    assert leading == (system if isinstance(system, str) else "\n\n".join(block["text"] for block in system))
    assert all(message["role"] != "system" for message in messages[1:])
    assert facts_of_chat(messages) == facts_of(body)
    wanted = [{"name": t["name"], "description": t["description"], "parameters": t["input_schema"]}
              for t in body["tools"]]  # fmt: skip
    assert [tool["function"] for tool in chat.get("tools", [])] == wanted
    choice = body.get("tool_choice")
    named = {"type": "function", "function": {"name": "look"}}
    assert chat.get("tool_choice") == (CHOICES.get(choice["type"], named) if choice else None)
    validate(decode(msgspec.json.encode(chat), ChatRequest))


@settings(max_examples=150, deadline=None)
@given(bodies())
def test_templates_that_want_turns_get_them(body):
    """Users and assistants take turns; results follow the calls that they answer, all of them."""
    awaited, last = [], None
    for message in chat_of(body)["messages"]:
        role = message["role"]
        if role == "tool":
            assert message["tool_call_id"] == awaited.pop(0)
            last = None
            continue
        assert awaited == []
        assert role != last
        awaited = [call["id"] for call in message.get("tool_calls", [])]
        last = role


@settings(max_examples=150, deadline=None)
@given(bodies(), st.data())
def test_what_is_added_at_the_end_changes_nothing_before_it(body, data):
    messages = body["messages"]
    answers = [at for at, message in enumerate(messages) if message["role"] == "assistant" and facts_of(
        {"messages": [message]}
    )]  # fmt: skip
    at = data.draw(st.sampled_from([*answers, len(messages)]))
    before = chat_of(body | {"messages": messages[:at]})["messages"]
    assert chat_of(body)["messages"][: len(before)] == before


@settings(max_examples=150, deadline=None)
@given(bodies(), WORD)
def test_what_means_the_same_gives_the_same_bytes(body, system):
    plain = chat_bytes(body | {"system": system})
    assert chat_bytes(body | {"system": system}) == plain
    marked = words(system) | {"cache_control": {"type": "ephemeral"}}
    assert chat_bytes(body | {"system": [marked]}) == plain
    bill = words("x-anthropic-billing-header: cc_version=2.1.330.0af; cc_entrypoint=cli;")
    assert chat_bytes(body | {"system": [bill, marked]}) == plain
    texts = [
        message | {"content": [words(message["content"])]} if isinstance(message["content"], str) else message
        for message in body["messages"]
    ]
    assert chat_bytes(body | {"system": system, "messages": texts}) == plain


KINDS = ["text", "image", "thinking", "tool_use", "tool_result", "tool_reference", "document", "search_result", "odd"]
KINDS += ["tool_addition", "tool_removal", "tool_definition", "compaction", "base64", "url", "content", "json_schema"]
KINDS += ["redacted_thinking", "web_search_tool_result", "x"]
FIELDS = ["type", "text", "content", "source", "data", "name", "tool_name", "definition"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=4,
)
TEXTS = st.sampled_from(["", "x", "{", "x-anthropic-billing-header:"])
DEFINED = st.fixed_dictionaries(
    {"name": st.sampled_from(["x", "text", "web_search", "a b", ""])},
    optional={"input_schema": st.just({"type": "object"}), "type": st.just("custom") | TEXTS,
              "defer_loading": st.booleans()},
)  # fmt: skip
CHANGES = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)}, optional={"name": st.sampled_from(["x", "text"]), "definition": DEFINED}
)
SOURCES = st.fixed_dictionaries({"type": st.sampled_from(["base64", "url", "text", "content", "odd"])},
                                optional={"data": TEXTS, "url": TEXTS, "content": TEXTS})  # fmt: skip
BLOCKS = st.deferred(
    lambda: st.fixed_dictionaries(
        {"type": st.sampled_from(KINDS)},
        optional={
            "text": TEXTS,
            "content": TEXTS | st.lists(BLOCKS, max_size=2),
            "source": SOURCES,
            "input": VALUES,
            "tool": CHANGES,
            "tool_use_id": TEXTS,
            "tool_name": st.sampled_from(["x", "text"]),
            "is_error": st.none() | st.booleans(),
        },
    )
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXTS | st.lists(BLOCKS, max_size=3)}
)
REST = ["system", "tool_choice", "stop_sequences", "top_k", "temperature", "thinking", "output_config", "max_tokens"]
OURS = tuple(MessagesRequest.__struct_fields__)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(MESSAGES, min_size=1, max_size=3),
    st.lists(DEFINED, max_size=3),
    st.dictionaries(st.sampled_from([*REST, "messages", "tools"]), VALUES, max_size=1),
    st.none() | VALUES,
)
def test_whatever_is_sent_is_translated_or_refused_by_its_name(messages, tools, rest, block):
    if block is not None:
        messages = [*messages, {"role": "user", "content": [block]}]
    body = msgspec.json.encode({"model": "m", "messages": messages, "tools": tools, **rest})
    refusal = None
    try:
        chat = msgspec.json.encode(to_chat(decode(body, MessagesRequest)).request)
        validate(decode(chat, ChatRequest))
    except BackendError as error:
        refusal = error
    assert refusal is None or (refusal.cause is Cause.INVALID_REQUEST and (refusal.param or "").startswith(OURS))
