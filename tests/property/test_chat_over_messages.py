"""Chat requests as Messages: nothing that is said is lost, and nothing goes out that the API refuses."""

import json

import msgspec
from anthropic import transform_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from backends.translate.anthropic.request import to_chat
from backends.translate.claude.asked import ChatAsked
from backends.translate.claude.request import to_messages
from backends.translate.claude.strict_schema import supported
from backends.translate.claude.terms import Terms
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest, validate
from tests.property.chats import ODD_CHATS, chats, facts_of
from tests.property.conversations import facts_of_chat
from tests.unit.backends.translate.claude.cases import accepted_by_anthropic, keeps_the_rules, sdk_bytes

TERMS = Terms(max_tokens=100)
IN_PLACE = Terms(max_tokens=100, late_system=True)


def translated(body, terms=TERMS):
    return to_messages(msgspec.json.encode(body), terms)


@settings(max_examples=1000, deadline=None)
@given(chats())
def test_what_is_said_comes_back_through_the_other_pair(body):
    """Chat as Messages, and those as chat again: texts, ids, names, arguments, results, tools and the choice."""
    validate(decode(msgspec.json.encode(body), ChatRequest))
    there = translated(body)
    back = json.loads(msgspec.json.encode(to_chat(decode(there.body, MessagesRequest)).request))
    names = there.expected.names
    leading, *said = back["messages"] if back["messages"][0]["role"] == "system" else ({}, *back["messages"])
    facts = [
        (fact[0], fact[1], names.target(fact[2]).name, fact[3]) if fact[0] == "call" else fact
        for fact in facts_of_chat(said)
    ]
    system, wanted = facts_of(body["messages"])
    assert facts == wanted
    assert leading.get("content", "") == "\n\n".join(system)
    tools = [
        tool | {"function": tool["function"] | {"name": names.target(tool["function"]["name"]).name}}
        for tool in back.get("tools", [])
    ]
    assert tools == body.get("tools", [])
    choice = back.get("tool_choice")
    if isinstance(choice, dict):
        choice["function"]["name"] = names.target(choice["function"]["name"]).name
    assert choice == body.get("tool_choice")


@settings(max_examples=300, deadline=None)
@given(chats())
def test_the_api_and_its_sdk_know_all_of_it(body):
    there = translated(body)
    sent = json.loads(there.body)
    accepted_by_anthropic(sent)
    keeps_the_rules(sent)
    assert json.loads(sdk_bytes(sent)) == sent


@settings(max_examples=500, deadline=None)
@given(ODD_CHATS, st.booleans())
def test_whatever_order_messages_have_the_rules_are_kept(messages, in_place):
    sent = json.loads(translated({"model": "m", "messages": messages}, IN_PLACE if in_place else TERMS).body)
    keeps_the_rules(sent)
    accepted_by_anthropic(sent)


@settings(max_examples=200, deadline=None)
@given(chats(), st.data())
def test_what_is_added_at_the_end_changes_nothing_before_it(body, data):
    """In front of each answer of the assistant's stands what stood there when it was given."""
    messages = body["messages"]
    asked = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    at = data.draw(st.sampled_from([*asked, len(messages)]))
    if not any(message["role"] not in ("system", "developer") for message in messages[:at]):
        return
    before = json.loads(translated(body | {"messages": messages[:at]}, IN_PLACE).body)
    after = json.loads(translated(body, IN_PLACE).body)
    assert after["messages"][: len(before["messages"])] == before["messages"]
    assert before.get("system") == after.get("system")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "text", "auto", "none", "json_schema"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "function", "name", "schema"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(
    ODD_CHATS, st.dictionaries(st.sampled_from([*ChatAsked.__struct_fields__, "logprobs", "odd"]), VALUES, max_size=2)
)
def test_whatever_is_sent_is_translated_or_refused_by_its_name(messages, fields):
    refusal = None
    try:
        json.loads(translated({"model": "m", "messages": messages} | fields).body)
    except BackendError as error:
        refusal = error
    assert refusal is None or refusal.cause is Cause.INVALID_REQUEST
    assert refusal is None or (refusal.param or "").split(".")[0].split("[")[0] in fields


LEAF = st.sampled_from([{"type": "string"}, {"type": "null"}, {"const": 1}, {"enum": ["a", 1]}, {"$ref": "#/$defs/x"}])
BOUNDS = st.fixed_dictionaries(
    {},
    optional={"minItems": st.integers(0, 2), "maximum": st.just(3), "format": st.sampled_from(["date", "odd"]),
              "description": st.just("D"), "title": st.just("T"), "additionalProperties": st.booleans()},
)  # fmt: skip
SCHEMAS = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.tuples(st.just({"type": "array"}), BOUNDS, inner).map(lambda each: each[0] | each[1] | {"items": each[2]}),
        st.tuples(BOUNDS, st.dictionaries(st.sampled_from("ab"), inner, max_size=2)).map(
            lambda each: each[0] | {"type": "object", "properties": each[1], "required": sorted(each[1])}
        ),
        st.tuples(st.sampled_from(["anyOf", "oneOf", "allOf"]), BOUNDS, st.lists(inner, min_size=1, max_size=2)).map(
            lambda each: each[1] | {each[0]: each[2]}
        ),
        st.tuples(st.sampled_from(["string", "number", "integer"]), BOUNDS).map(
            lambda each: each[1] | {"type": each[0]}
        ),
        st.tuples(inner, st.dictionaries(st.sampled_from("ab"), inner, max_size=1)).map(
            lambda each: each[0] | {"$defs": each[1]}
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(SCHEMAS)
def test_any_schema_is_told_as_the_sdk_tells_it(schema):
    assert supported(schema) == transform_schema(schema)
