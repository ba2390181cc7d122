"""What agents and backends send, in the shape and size of recorded traffic, with text made up. Measures nothing."""

import random

import msgspec

from backends.wire import sse

THOUGHTS, WORDS, CALLS, PIECES = 150, 500, 4, 40
_encode = msgspec.json.encode


def text(made: random.Random, size: int) -> str:
    """Made-up prose of ``size`` characters, with the quotes and line ends that JSON has to escape."""
    syllables = ["ka", "lo", "mi", "ren", "tu", "so", "bel", "é", "wan", "der"]
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        word = "".join(made.choices(syllables, k=made.randint(1, 4)))
        words.append(made.choice([word] * 12 + [f'"{word}"', f"{word}.\n", f"`{word}`"]))
    return " ".join(words)[:size]


def schema(made: random.Random, size: int) -> dict[str, object]:
    """Of a tool; about ``size`` bytes."""
    properties = {
        f"field_{number}": {"type": "string", "description": text(made, 150), "enum": ["a", "b"]}
        for number in range(max(1, size // 240))
    }
    return {"type": "object", "properties": properties, "required": ["field_0"], "additionalProperties": False}


def messages_body() -> bytes:
    """50 KB as Claude Code's: twelve tools of 32 KB, a system text of 7 KB, a system message of 9 KB."""
    made = random.Random(1)
    marked = {"cache_control": {"type": "ephemeral"}}
    tools = [
        {"name": f"Tool{n}", "description": text(made, 1500), "input_schema": schema(made, 1100)} for n in range(12)
    ]
    tools[5]["defer_loading"] = True
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=0; cc_entrypoint=cli;"},
        {"type": "text", "text": text(made, 80), **marked},
        {"type": "text", "text": text(made, 6900), **marked},
    ]
    messages = [
        {"role": "user", "content": [{"type": "text", "text": text(made, 900)}, {"type": "text", "text": "Begin."}]},
        {"role": "system", "content": [{"type": "text", "text": text(made, 9000), **marked}]},
    ]
    return _encode({
        "model": "m", "max_tokens": 32000, "stream": True, "thinking": {"type": "adaptive", "display": "omitted"},
        "output_config": {"effort": "high"}, "metadata": {"user_id": "u"}, "system": system, "tools": tools,
        "messages": messages, "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    })  # fmt: skip


def responses_body() -> bytes:
    """40 KB as Codex's: a developer message of 17 KB and nine tools, one of them a group of five."""
    made = random.Random(2)

    def function(name: str, size: int) -> dict[str, object]:
        parameters = schema(made, size)
        return {"type": "function", "name": name, "description": text(made, 500), "strict": False,
                "parameters": parameters}  # fmt: skip

    group = {"type": "namespace", "name": "team", "description": "Others.",
             "tools": [function(f"member{n}", 700) for n in range(5)]}  # fmt: skip
    tools = [*(function(f"tool{n}", 900) for n in range(7)), group, {"type": "web_search"}]
    said = [("developer", 17000), ("developer", 3000), ("user", 1500), ("user", 60)]
    items = [
        {"type": "message", "role": role, "content": [{"type": "input_text", "text": text(made, size)}]}
        for role, size in said
    ]
    return _encode({
        "model": "m", "stream": True, "store": False, "include": ["reasoning.encrypted_content"], "tools": tools,
        "tool_choice": "auto", "parallel_tool_calls": True, "reasoning": {"effort": "high", "summary": "auto"},
        "prompt_cache_key": "k", "input": items, "client_metadata": {"k": "v"},
    })  # fmt: skip


def chunks() -> list[bytes]:
    """A backend's stream, one piece a read: a thought, words, calls whose arguments come in pieces."""
    made = random.Random(3)
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": text(made, 5)} for _ in range(THOUGHTS)]
    deltas += [{"content": text(made, 5)} for _ in range(WORDS)]
    for index in range(CALLS):
        head = {"index": index, "id": f"call_{index}", "type": "function"}
        deltas.append({"tool_calls": [{**head, "function": {"name": "Tool1", "arguments": ""}}]})
        whole = _encode({"path": "x" * PIECES * 2, "why": text(made, PIECES * 2)}).decode()
        cut = [whole[at : at + 4] for at in range(0, len(whole), 4)]
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in cut]
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m"}
    made_of: list[dict[str, object]] = [
        head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]} for delta in deltas
    ]
    made_of.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    made_of.append(head | {"choices": [], "usage": {"prompt_tokens": 12000, "completion_tokens": 900}})
    return [sse.event(_encode(each)) for each in made_of]
