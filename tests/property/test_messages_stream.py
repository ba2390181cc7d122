"""A chat stream told as Messages: however it is cut and mixed, the same message, and nothing is lost."""

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backends.translate.anthropic.reply import to_message
from backends.translate.anthropic.stream import MessageStream
from backends.translate.chat_answer import read
from backends.wire import anthropic_reply as on

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
CALLS = st.lists(st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=3), max_size=3)


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


def told(chunks: list[bytes]) -> list[on.Event]:
    stream = MessageStream("msg_1", "m")
    return [*stream.start(), *(event for each in chunks for event in stream.feed(read(each))), *stream.finish()]


def put_together(events: list[on.Event]) -> list[tuple[str, ...]]:
    """Blocks as a client has them; fails where two are open at once."""
    blocks: list[list[str]] = []
    is_open = False
    for event in events:
        match event:
            case on.BlockStart(index=index, content_block=block):
                assert not is_open
                assert index == len(blocks)
                is_open = True
                kind = str(block.__struct_config__.tag)
                blocks.append([kind, getattr(block, "id", ""), getattr(block, "name", ""), ""])
            case on.BlockDelta(index=index, delta=delta):
                assert is_open
                assert index == len(blocks) - 1
                text = (
                    getattr(delta, "text", "") or getattr(delta, "thinking", "") or getattr(delta, "partial_json", "")
                )
                blocks[-1][3] += text
            case on.BlockStop(index=index):
                assert is_open
                assert index == len(blocks) - 1
                is_open = False
            case _:
                assert not is_open or isinstance(event, on.Ping)
    return [tuple(block) for block in blocks]


@given(st.text(max_size=8), st.text(max_size=8), CALLS, st.data())
def test_pieces_and_their_order_do_not_matter(
    thought: str, words: str, calls: list[dict[str, Any]], data: st.DataObject
) -> None:
    texts = [json.dumps(each) for each in calls]
    pieces: list[tuple[int, str]] = []
    for index, text in enumerate(texts):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3)))
        bounds = [0, *cuts, len(text)]
        pieces += [(index, text[a:b]) for a, b in itertools.pairwise(bounds)]
    order = data.draw(st.permutations(range(len(pieces))))
    queues = {index: [text for i, text in pieces if i == index] for index in range(len(texts))}
    chunks = [chunk({"reasoning_content": part}) for part in thought] + [chunk({"content": part}) for part in words]
    for index in range(len(texts)):
        call = {"index": index, "id": f"call_{index}", "function": {"name": f"f{index}", "arguments": ""}}
        chunks.append(chunk({"tool_calls": [call]}))
    for at in order:
        index = pieces[at][0]
        call = {"index": index, "function": {"arguments": queues[index].pop(0)}}
        chunks.append(chunk({"tool_calls": [call]}))
    chunks.append(chunk({}, "tool_calls" if calls else "stop"))
    events = told(chunks)
    wanted = [("thinking", "", "", thought)] if thought else []
    wanted += [("text", "", "", words)] if words else []
    wanted += [("tool_use", f"call_{index}", f"f{index}", text) for index, text in enumerate(texts)]
    assert put_together(events) == wanted
    ended = events[-2]
    assert isinstance(ended, on.MessageDelta)
    assert ended.delta.stop_reason == ("tool_use" if calls else "end_turn")
    message = {"content": words, "reasoning_content": thought, "tool_calls": [
        {"id": f"call_{i}", "function": {"name": f"f{i}", "arguments": text}} for i, text in enumerate(texts)
    ]}  # fmt: skip
    plain = to_message(
        "msg_1", "m", read(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())
    )
    assert [str(block.__struct_config__.tag) for block in plain.content] == [kind for kind, *_ in wanted]
    inputs = [json.loads(bytes(block.input)) for block in plain.content if isinstance(block, on.ToolUse)]
    assert inputs == calls


def test_words_between_the_pieces_of_a_call_wait_for_its_end() -> None:
    first = {"index": 0, "id": "call_0", "function": {"name": "f", "arguments": '{"a"'}}
    chunks = [
        chunk({"tool_calls": [first]}),
        chunk({"content": "meanwhile"}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
        chunk({"content": " and after"}),
        chunk({}, "tool_calls"),
    ]
    assert put_together(told(chunks)) == [
        ("tool_use", "call_0", "f", '{"a":1}'),
        ("text", "", "", "meanwhile and after"),
    ]
