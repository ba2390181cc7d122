"""Messages that tell the fake engine what to say, whole and streamed alike. Nothing here knows a client's dialect."""

import json
from typing import Any

USAGE = {
    "prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 20}, "completion_tokens_details": {"reasoning_tokens": 4},
}  # fmt: skip
Called = tuple[str, dict[str, Any]]


def saying(
    *, thought: str = "", text: str = "", calls: list[Called] | None = None, finish: str = "", **faults: Any
) -> str:
    """A user's message that makes the engine answer so; ``faults`` are orders of ``tests/fakes/engine.py``.

    A stream has its text in two pieces and the pieces of its calls mixed, as backends mix them.
    """
    finish = finish or ("tool_calls" if calls else "stop")
    heads = [_call(index, name, json.dumps(given)[:3], head=True) for index, (name, given) in enumerate(calls or ())]
    tails = [_call(index, name, json.dumps(given)[3:], head=False) for index, (name, given) in enumerate(calls or ())]
    wholes = [_call(index, name, json.dumps(given), head=True) for index, (name, given) in enumerate(calls or ())]
    message = {"role": "assistant", "content": text or None, "reasoning_content": thought or None}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in _halves(thought)]
    deltas += [{"content": piece} for piece in _halves(text)]
    deltas += [{"tool_calls": [call]} for call in [*heads, *tails]]
    head = {"id": "fake-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append(head | {"choices": [], "usage": USAGE})
    choice = {"index": 0, "message": message | {"tool_calls": wholes or None}, "finish_reason": finish}
    whole = head | {"object": "chat.completion", "choices": [choice], "usage": USAGE}
    return "fake: " + json.dumps({"body": whole, "events": chunks} | faults)


def _halves(text: str) -> list[str]:
    return [piece for piece in (text[: len(text) // 2], text[len(text) // 2 :]) if piece]


def _call(index: int, name: str, arguments: str, *, head: bool) -> dict[str, Any]:
    if not head:
        return {"index": index, "function": {"arguments": arguments}}
    return {
        "index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments},
    }  # fmt: skip
