"""Conversations as clients of the chat dialect send them, made up for properties; and what they say, as facts."""

import json

from hypothesis import strategies as st

from tests.property.conversations import INPUTS, NAMES
from tests.property.conversations import WORD as ANY_WORD
from tests.unit.backends.translate.claude.cases import PNG, call, result, tool, words

WORD = ANY_WORD.filter(str.strip)
TEXT = WORD.map(words)
SAID = WORD | st.lists(TEXT | st.just(PNG), min_size=1, max_size=3)
CALLS = st.lists(st.tuples(st.sampled_from(NAMES), INPUTS), max_size=3)
GIVEN = st.just("") | WORD | st.lists(TEXT, max_size=2)
SYSTEM = st.tuples(st.sampled_from(["system", "developer"]), WORD | st.lists(TEXT, min_size=1, max_size=2))
ROUND = st.tuples(SAID, st.none() | SYSTEM, st.none() | WORD | st.lists(TEXT, max_size=2), CALLS, st.randoms())
TOOLS = st.lists(st.sampled_from(NAMES), unique=True).map(lambda names: [tool(name) for name in names])
NAMED = {"type": "function", "function": {"name": "look"}}
CHOICE = st.sampled_from([None, "auto", "required", "none", NAMED])


@st.composite
def chats(draw):
    """A whole request whose every call is answered, in any order, before the user speaks."""
    messages = [{"role": role, "content": content} for role, content in draw(st.lists(SYSTEM, max_size=2))]
    for number, (said, late, answer, calls, random) in enumerate(draw(st.lists(ROUND, min_size=1, max_size=3))):
        messages.append({"role": "user", "content": said})
        if late is not None:
            messages.append({"role": late[0], "content": late[1]})
        made = [call(f"call_{number}_{at}", name, json.dumps(given)) for at, (name, given) in enumerate(calls)]
        if answer or made:
            messages.append({"role": "assistant", "content": answer} | ({"tool_calls": made} if made else {}))
        results = [result(each["id"], draw(GIVEN)) for each in made]
        random.shuffle(results)
        messages += results
    if messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": draw(SAID)})
    tools, choice = draw(TOOLS), draw(CHOICE)
    names = {each["function"]["name"] for each in tools}
    if not names or (choice == NAMED and "look" not in names):
        choice = None
    body = {"model": "m", "messages": messages} | ({"tools": tools} if tools else {})
    return body | ({"tool_choice": choice} if choice else {})


def facts_of(messages):
    """What a request says, in order; apart what its system says."""
    system, facts = [], []
    for message in messages:
        content = message["content"] or []
        parts = [words(content)] if isinstance(content, str) and content else content
        texts = [part["text"] for part in parts if part["type"] == "text"]
        match message["role"]:
            case "system" | "developer":
                system += texts
            case "assistant":
                facts += [("said", "".join(texts))] if texts else []
                for each in message.get("tool_calls", []):
                    function = each["function"]
                    facts.append(("call", each["id"], function["name"], json.loads(function["arguments"])))
            case "tool":
                facts.append(("result", message["tool_call_id"], "\n".join(texts)))
            case "user":
                facts += [
                    ("user", part["text"]) if part["type"] == "text" else ("picture", part["image_url"]["url"])
                    for part in parts
                ]
    return system, facts


BLANK = st.sampled_from(["", " ", "\n", None, [], [words("")]])
ODD_ID = st.sampled_from(["a", "b", "call.0", "call_0", "é", ""])
ODD_CALL = st.tuples(ODD_ID, st.sampled_from([*NAMES, "", "é"]), st.sampled_from(["", "{}", "[1]", '{"a":', "null"]))
ODD_MESSAGE = st.one_of(
    st.tuples(st.sampled_from(["system", "developer", "user", "assistant"]), BLANK | WORD | st.just([words("x")])).map(
        lambda each: {"role": each[0], "content": each[1]}
    ),
    st.lists(ODD_CALL, min_size=1, max_size=3).map(
        lambda calls: {"role": "assistant", "content": None, "tool_calls": [call(*each) for each in calls]}
    ),
    ODD_CALL.map(lambda each: {"role": "assistant", "function_call": {"name": each[1], "arguments": each[2]}}),
    st.tuples(ODD_ID, BLANK | WORD).map(lambda each: result(*each)),
    st.tuples(st.sampled_from(NAMES), WORD).map(lambda each: {"role": "function", "name": each[0], "content": each[1]}),
)
ODD_CHATS = st.lists(ODD_MESSAGE, min_size=1, max_size=8)
"""Messages in any order: calls nobody answers, answers nobody asked for, ids twice, blanks."""
