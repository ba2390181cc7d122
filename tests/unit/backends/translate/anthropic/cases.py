"""What the tests of the Messages dialect share: golden files, the SDK's types, a stream in one go."""

import json
from pathlib import Path

import msgspec
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from backends.translate import chat_answer as chat
from backends.translate.anthropic.output import NOTHING_ASKED
from backends.translate.anthropic.reply import to_message
from backends.translate.anthropic.request import to_chat
from backends.translate.anthropic.stream import MessageStream
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode

GOLDEN = Path(__file__).parents[4] / "golden" / "anthropic"
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
URL = "data:image/png;base64,AA=="
_SDK_EVENT = TypeAdapter(RawMessageStreamEvent)
_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def plain(value):
    """A struct as a client reads it."""
    return json.loads(msgspec.json.encode(value))


def request_of(body):
    return decode(json.dumps(body).encode(), MessagesRequest)


def translated(messages="hi", **fields):
    """The translation of a small request."""
    if isinstance(messages, str):
        messages = [user(messages)]
    return to_chat(request_of({"model": "m", "max_tokens": 9, "messages": messages, **fields}))


def chat_of(messages="hi", **fields):
    return plain(translated(messages, **fields).request)


def messages_of(*messages, **fields):
    return chat_of(list(messages), **fields)["messages"]


def user(*content):
    alone = len(content) == 1 and not isinstance(content[0], dict)
    return {"role": "user", "content": content[0] if alone else list(content)}


def assistant(*content):
    return {"role": "assistant", "content": list(content)}


def words(text):
    return {"type": "text", "text": text}


def use(call_id, name="look", given=None):
    return {"type": "tool_use", "id": call_id, "name": name, "input": given or {}}


def result(call_id, content, **more):
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def tool(name, **more):
    return {"name": name, "description": f"{name}!", "input_schema": {"type": "object", "properties": {}}, **more}


def chunk_of(value):
    return chat.read(json.dumps(value).encode())


def chunk(finish=None, **delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def told(chunks, asked=NOTHING_ASKED):
    """All events of a stream that ends well, as a client reads them."""
    stream = MessageStream("msg_1", "m", asked)
    events = stream.start()
    for each in chunks:
        events += stream.feed(chunk_of(each))
    return [plain(event) for event in events + stream.finish()]


def answered(completion, asked=NOTHING_ASKED):
    """The plain answer, as a client reads it."""
    return plain(to_message("msg_1", "m", chunk_of(completion), asked))


def accepted_by_the_sdk(events):
    """Every event but a ping is one that the SDK knows."""
    for event in events:
        if event["type"] != "ping":
            _SDK_EVENT.validate_python(event)


def put_together(events):
    """The message that a client makes of a stream. One block is open at a time."""
    message = dict(events[0]["message"])
    blocks, texts, is_open = [], [], False
    for event in events[1:]:
        match event["type"]:
            case "content_block_start":
                assert (is_open, event["index"]) == (False, len(blocks))
                is_open = True
                blocks.append(dict(event["content_block"]))
                texts.append([])
            case "content_block_delta":
                assert (is_open, event["index"]) == (True, len(blocks) - 1)
                delta = event["delta"]
                if delta["type"] == "input_json_delta":
                    texts[-1].append(delta["partial_json"])
                else:
                    field = _PIECES[delta["type"]]
                    blocks[-1][field] += delta[field]
            case "content_block_stop":
                assert (is_open, event["index"]) == (True, len(blocks) - 1)
                is_open = False
                if texts[-1]:
                    blocks[-1]["input"] = json.loads("".join(texts[-1]))
            case "message_delta":
                assert not is_open
                message |= event["delta"] | {"usage": event["usage"]}
    assert events[-1] == {"type": "message_stop"}
    return message | {"content": blocks}
