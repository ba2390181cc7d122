"""Conversations as clients of the Messages dialect send them, made up for properties; and what they say, as facts."""

import json

from hypothesis import strategies as st

from tests.unit.backends.translate.anthropic.cases import result, tool, use, words

WORD = st.text('ab é🎉\\"\t0', min_size=1, max_size=5)
NAMES = ["look", "go.far", "mcp__x__y"]
INPUTS = st.dictionaries(
    st.sampled_from(["a", "é"]), WORD | st.integers(-9, 9) | st.none() | st.lists(WORD, max_size=2), max_size=2
)
CALLS = st.lists(st.tuples(st.sampled_from(NAMES), INPUTS), max_size=3)
PICTURE = st.sampled_from(["AA==", "BB=="]).map(
    lambda data: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
)
TEXT = WORD.map(words)
DOCUMENT = WORD.map(lambda text: {"type": "document", "source": {"type": "text", "media_type": "x", "data": text}})
THOUGHT = WORD.map(lambda text: {"type": "thinking", "thinking": text, "signature": "s"})
HIDDEN = st.just({"type": "redacted_thinking", "data": "AAAA"})
RESULT = st.none() | WORD | st.just("") | st.lists(TEXT | PICTURE, max_size=2)
SAID = WORD | st.lists(TEXT | PICTURE | DOCUMENT, min_size=1, max_size=2)
ANSWER = st.lists(THOUGHT | TEXT | HIDDEN, max_size=3)
ROUND = st.tuples(SAID, st.none() | WORD, ANSWER, CALLS, st.lists(st.tuples(RESULT, st.booleans()), max_size=3))
TOOLS = st.lists(st.sampled_from(NAMES), unique=True).map(lambda names: [tool(name) for name in names])
CHOICE = st.sampled_from([None, {"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "look"}])


@st.composite
def bodies(draw):
    """A whole request whose every call is answered."""
    messages = []
    for number, (said, late, answer, calls, given) in enumerate(draw(st.lists(ROUND, min_size=1, max_size=3))):
        ids = [f"call_{number}_{index}" for index in range(len(calls))]
        messages.append({"role": "user", "content": said})
        if late is not None:
            messages.append({"role": "system", "content": late})
        blocks = [*answer, *(use(call_id, *call) for call_id, call in zip(ids, calls, strict=True))]
        messages.append({"role": "assistant", "content": blocks})
        given = [*given, *[(None, False)] * len(ids)]
        if ids:
            results = [
                result(call_id, content, is_error=failed)
                for call_id, (content, failed) in zip(ids, given, strict=False)
            ]
            messages.append({"role": "user", "content": results})
    tools, choice = draw(TOOLS), draw(CHOICE)
    names = {each["name"] for each in tools}
    if choice and (choice.get("name", "look") not in names or not names):
        choice = None
    system = draw(st.none() | WORD | st.lists(TEXT, max_size=2))
    body = {"model": "m", "max_tokens": 5, "messages": messages, "system": system, "tools": tools}
    return body | ({"tool_choice": choice} if choice else {})


def facts_of(body):
    """What a request says, in order."""
    facts = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [words(content)] if isinstance(content, str) else content
        if message["role"] == "system":
            facts.append(("user", f"<system>\n{content}\n</system>"))
        elif message["role"] == "assistant":
            facts += _answered(blocks)
        else:
            facts += _heard(blocks)
    return facts


def _answered(blocks):
    thought = "".join(block.get("thinking", "") for block in blocks)
    text = "".join(block.get("text", "") for block in blocks)
    calls = [("call", block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    return [fact for fact in (("thought", thought), ("said", text)) if fact[1]] + calls


def _heard(blocks):
    facts, pictures = [], []
    for block in blocks:
        if block["type"] != "tool_result":
            continue
        content = block["content"] or []
        inner = [words(content)] if isinstance(content, str) else content
        shown = [_user(each) for each in inner if each["type"] == "image"]
        text = "\n".join(each["text"] for each in inner if each["type"] == "text")
        text = text or ("The result follows in the next user message." if shown else "")
        facts.append(("result", block["tool_use_id"], ("Error: " if block["is_error"] else "") + text))
        pictures += [("user", f"Shown by {block['tool_use_id']}:"), *shown] if shown else []
    return [*facts, *pictures, *(_user(block) for block in blocks if block["type"] != "tool_result")]


def _user(block):
    if block["type"] == "image":
        return ("picture", f"data:image/png;base64,{block['source']['data']}")
    return ("user", block["text"] if block["type"] == "text" else block["source"]["data"])


def facts_of_chat(messages):
    """What a chat's messages say, in order, without the system text."""
    facts = []
    for message in messages:
        content = message.get("content") or ""
        match message["role"]:
            case "assistant":
                said = (("thought", message.get("reasoning_content")), ("said", content))
                facts += [fact for fact in said if fact[1]]
                for call in message.get("tool_calls", []):
                    function = call["function"]
                    facts.append(("call", call["id"], function["name"], json.loads(function["arguments"])))
            case "tool":
                facts.append(("result", message["tool_call_id"], content))
            case "user" if isinstance(content, str):
                facts += [("user", text) for text in content.split("\n\n")]
            case "user":
                for part in content:
                    if part["type"] == "image_url":
                        facts.append(("picture", part["image_url"]["url"]))
                    else:
                        facts += [("user", text) for text in part["text"].split("\n\n")]
    return facts
