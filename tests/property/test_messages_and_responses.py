"""The same conversation as Messages and as Responses is the same chat, byte for byte, where both can say it."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.translate.anthropic.request import to_chat as from_messages
from backends.translate.responses.request import to_chat as from_responses
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.openai_responses import ResponsesRequest
from tests.property.conversations import CALLS, NAMES, PICTURE, WORD
from tests.unit.backends.translate.anthropic.cases import result, tool, use, user, words

RESULT = st.just("") | WORD | st.lists(PICTURE, min_size=1, max_size=2)
ROUND = st.tuples(
    WORD, st.none() | PICTURE, st.just("") | WORD, st.just("") | WORD, CALLS, st.lists(RESULT, min_size=3, max_size=3)
)


def shown(block):
    url = f"data:image/png;base64,{block['source']['data']}"
    return {"type": "input_image", "image_url": url, "detail": "auto"}


def said_twice(rounds):
    """One conversation in both dialects."""
    messages, items = [], []
    for number, (said, picture, thought, text, calls, results) in enumerate(rounds):
        messages.append(user(said) if picture is None else user(words(said), picture))
        content = [{"type": "input_text", "text": said}, *([shown(picture)] if picture else [])]
        items.append({"role": "user", "content": content})
        blocks = [words(text)] if text else []
        items_of_turn = [{"role": "assistant", "content": text}] if text else []
        answers, outputs = [], []
        for index, ((name, told), output) in enumerate(zip(calls, results, strict=False)):
            call_id = f"call_{number}_{index}"
            blocks.append(use(call_id, name, told))
            arguments = msgspec.json.encode(told).decode()
            items_of_turn.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
            answers.append(result(call_id, output))
            plain = output if isinstance(output, str) else [shown(each) for each in output]
            outputs.append({"type": "function_call_output", "call_id": call_id, "output": plain})
        if not blocks:
            blocks, items_of_turn = [words("ok")], [{"role": "assistant", "content": "ok"}]
        if thought:
            blocks.insert(0, {"type": "thinking", "thinking": thought, "signature": "s"})
            reasoned = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": thought}]}
            items_of_turn.insert(0, reasoned)
        messages.append({"role": "assistant", "content": blocks})
        items += [*items_of_turn, *outputs]
        if answers:  # both go on with the assistant: words of the user's stand apart in one dialect only
            messages += [{"role": "user", "content": answers}, {"role": "assistant", "content": [words("so")]}]
            items.append({"role": "assistant", "content": "so"})
    return messages, items


@settings(max_examples=300, deadline=None)
@given(
    st.lists(ROUND, min_size=1, max_size=3),
    st.none() | WORD,
    st.lists(st.sampled_from(NAMES[::2]), unique=True),
    st.booleans(),
)
def test_both_dialects_say_the_same(rounds, system, names, stream):
    plain = {"go.far": "go"}  # one dialect renames what chat allows and its own maker does not
    rounds = [(*first, [(plain.get(name, name), told) for name, told in calls], results)
              for *first, calls, results in rounds]  # fmt: skip
    messages, items = said_twice(rounds)
    messages.append(user("go on"))  # where the assistant spoke last, one of the dialects means that it goes on itself
    items.append({"role": "user", "content": [{"type": "input_text", "text": "go on"}]})
    tools = [tool(name) for name in names]
    functions = [
        {"type": "function", "name": t["name"], "description": t["description"], "parameters": t["input_schema"]}
        for t in tools
    ]
    choice = {"type": "any"} if tools else None
    common = {"model": "m", "stream": stream, "temperature": 0.5, "top_p": 0.5, "top_k": 7}
    ours = common | {"messages": messages, "system": system, "max_tokens": 9, "tools": tools, "tool_choice": choice}
    theirs = common | {"input": items, "instructions": system, "max_output_tokens": 9, "tools": functions}
    theirs |= {"tool_choice": "required"} if tools else {}
    one = from_messages(decode(msgspec.json.encode(ours), MessagesRequest)).request
    other = from_responses(decode(msgspec.json.encode(theirs), ResponsesRequest)).request
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
