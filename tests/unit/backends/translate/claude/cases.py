"""What the tests of chat over Messages share: small requests, the SDKs on both sides, a stream in one go."""

import json
import re
from pathlib import Path

import anthropic
import httpx2
import openai
from anthropic import types as sdk
from pydantic import TypeAdapter

from backends.translate.claude.reply import to_completion
from backends.translate.claude.request import to_messages
from backends.translate.claude.stream import ChatStream
from backends.translate.claude.terms import Terms
from backends.wire.anthropic_reply import error_of
from tests.unit.backends.translate.anthropic.cases import plain

GOLDEN = Path(__file__).parents[4] / "golden" / "claude"
MOST = 4096
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
SAMPLING = ("temperature", "top_k", "top_p")
_BLOCKS = {
    "text": sdk.TextBlockParam,
    "image": sdk.ImageBlockParam,
    "document": sdk.DocumentBlockParam,
    "thinking": sdk.ThinkingBlockParam,
    "redacted_thinking": sdk.RedactedThinkingBlockParam,
    "tool_use": sdk.ToolUseBlockParam,
    "tool_result": sdk.ToolResultBlockParam,
}
_BLOCK = {kind: TypeAdapter(block) for kind, block in _BLOCKS.items()}
_MESSAGE = TypeAdapter(sdk.MessageParam)
_TOOL = TypeAdapter(sdk.ToolParam)
_BODY = TypeAdapter(sdk.message_create_params.MessageCreateParamsBase)
_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def translated(messages="hi", *, terms=None, model=None, **fields):
    """The translation of a small request. ``terms``: what differs from the model's usual ones."""
    if isinstance(messages, str):
        messages = [user(messages)]
    body = {"model": "m", "messages": messages, **fields}
    return to_messages(json.dumps(body).encode(), Terms(**{"max_tokens": MOST} | (terms or {})), model=model)


def sent(messages="hi", **fields):
    """The Messages request that the server gets."""
    return json.loads(translated(messages, **fields).body)


def turns_of(*messages, **fields):
    return sent(list(messages), **fields)["messages"]


def user(*content):
    alone = len(content) == 1 and not isinstance(content[0], dict)
    return {"role": "user", "content": content[0] if alone else list(content)}


def assistant(content=None, *calls, **more):
    return {"role": "assistant", "content": content} | ({"tool_calls": list(calls)} if calls else {}) | more


def call(call_id, name="look", arguments="{}"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def tool(name, **more):
    function = {"name": name, "description": f"{name}!", "parameters": {"type": "object", "properties": {}}}
    return {"type": "function", "function": function | more}


def words(text, **more):
    return {"type": "text", "text": text, **more}


def sdk_bytes(body):
    """What Anthropic's SDK puts on the wire for the same content; sampling is no longer among its arguments."""
    seen = []

    def take(request):
        seen.append(request.content)
        return httpx2.Response(200, json=_ANSWER)

    own = {name: value for name, value in body.items() if name not in SAMPLING}
    extra = {name: body[name] for name in SAMPLING if name in body}
    with httpx2.Client(transport=httpx2.MockTransport(take)) as client:
        api = anthropic.Anthropic(api_key="k", http_client=client, max_retries=0)
        api.messages.create(**own, extra_body=extra or None)
    return seen[0]


def accepted_by_anthropic(body):
    """Every field and every block is one that the SDK knows, and nothing beside."""
    shallow = {name: value for name, value in body.items() if name not in (*SAMPLING, "stream")}
    _BODY.validate_python(shallow, extra="forbid")
    for each in body.get("tools", ()):
        _TOOL.validate_python(each, extra="forbid")
    for block in body.get("system", ()):
        _BLOCK["text"].validate_python(block, extra="forbid")
    for message in body["messages"]:
        _MESSAGE.validate_python(message, extra="forbid")
        for block in message["content"]:
            _BLOCK[block["type"]].validate_python(block, extra="forbid")
            for inner in block.get("content", ()):
                assert inner["type"] in ("text", "image", "document")
                _BLOCK[inner["type"]].validate_python(inner, extra="forbid")


def keeps_the_rules(body):
    """What the API refuses and no type says."""
    roles = [message["role"] for message in body["messages"]]
    spoken = [role for role in roles if role != "system"]
    assert spoken == ["user", "assistant"] * (len(spoken) // 2) + ["user"] * (len(spoken) % 2)
    assert all(before == "user" for before, role in zip(["", *roles], roles, strict=False) if role == "system")
    ids, awaited = [], []
    for message in body["messages"]:
        content = message["content"]
        assert content
        kinds = [block["type"] for block in content]
        results = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        assert kinds[: len(results)] == ["tool_result"] * len(results)
        if message["role"] == "user":
            assert sorted(results) == sorted(awaited)
        awaited = [block["id"] for block in content if block["type"] == "tool_use"]
        ids += awaited
        inner = [each for block in content for each in (block, *block.get("content", ()))]
        assert all(each["text"].strip() for each in inner if each["type"] == "text")
    assert not awaited
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", each) for each in ids)
    last = body["messages"][-1]
    if last["role"] == "assistant" and last["content"][-1]["type"] == "text":
        assert last["content"][-1]["text"] == last["content"][-1]["text"].rstrip()
    assert all(block["text"].strip() for block in body.get("system", ()))


def answered(message, expected=None):
    """The plain answer, as a client reads it."""
    expected = expected or translated().expected
    body = json.dumps(message).encode()
    return plain(to_completion(body, expected, answer_id="chatcmpl-1", created=7, model="local"))


def frames(events):
    """A stream as the server sends it."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def stream_of(expected=None):
    return ChatStream(expected or translated(stream=True).expected, answer_id="chatcmpl-1", created=7, model="local")


def told(events, expected=None):
    """All chunks of a stream that ends well, as a client reads them."""
    stream = stream_of(expected)
    said = stream.feed(frames(events))
    stream.finish()
    return chunks_of(said)


def chunks_of(said):
    """The chunks of whole frames; ``[DONE]`` must be the last."""
    *chunks, done, rest = said.decode().split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]


def read_by_openai(said=None, answer=None):
    """A stream, or a plain answer, as OpenAI's SDK reads it where it allows nothing odd."""
    body, kind = (said, "text/event-stream") if said is not None else (json.dumps(answer).encode(), "application/json")

    def give(_):
        return httpx2.Response(200, content=body, headers={"content-type": kind})

    with httpx2.Client(transport=httpx2.MockTransport(give)) as client:
        api = openai.OpenAI(api_key="k", http_client=client, max_retries=0, _strict_response_validation=True)
        asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        if said is None:
            return api.chat.completions.create(**asked)
        return list(api.chat.completions.create(**asked, stream=True))


def put_together(chunks):
    """The message that a client makes of a stream, and its last choice and usage."""
    message, calls, details, last, usage = {}, [], [], None, None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            for name in ("role", "content", "reasoning_content", "refusal"):
                if name in delta:
                    message[name] = delta[name] if name == "role" else message.get(name, "") + delta[name]
            details += delta.get("reasoning_details", [])
            for piece in delta.get("tool_calls", []):
                if piece["index"] == len(calls):
                    calls.append(piece | {"function": {"name": piece["function"]["name"], "arguments": ""}})
                calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
            if "function_call" in delta:
                grown = message.setdefault("function_call", {"name": "", "arguments": ""})
                grown["name"] += delta["function_call"].get("name", "")
                grown["arguments"] += delta["function_call"]["arguments"]
            last = choice if choice["finish_reason"] else last
    for each in calls:
        del each["index"]
    if calls:
        message["tool_calls"] = calls
    if details:
        message["reasoning_details"] = details
    return message, last, usage


def error_body(kind, message):
    return error_of(kind, message, "req_1")
