"""What the tests of the Responses dialect share: golden files, the SDK's types, a stream in one go."""

import json
from pathlib import Path
from typing import get_args

import msgspec
from openai.types.responses import ResponseStreamEvent

from backends.translate import chat_answer as chat
from backends.translate.responses.reply import begin, to_response
from backends.translate.responses.request import to_chat
from backends.translate.responses.stream import ResponseStream
from backends.wire.openai_responses import ResponsesRequest

GOLDEN = Path(__file__).parents[4] / "golden" / "responses"
BEGUN_AT, ENDED_AT = 1700000000, 1700000005
_SDK_EVENTS = {
    get_args(event.model_fields["type"].annotation)[0]: event for event in get_args(get_args(ResponseStreamEvent)[0])
}


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def request_of(body):
    return msgspec.json.decode(json.dumps(body), type=ResponsesRequest)


def plain(value):
    """A struct as a client reads it."""
    return json.loads(msgspec.json.encode(value))


def stream_of(body):
    request = request_of(body)
    begun = begin(request, "resp_1f", BEGUN_AT)
    return ResponseStream(begun, to_chat(request).names, summarised=request.wants_summary())


def chunk_of(value):
    return chat.read(json.dumps(value).encode())


def told(body, chunks):
    """All events of a stream that ends well, as a client reads them."""
    stream = stream_of(body)
    events = stream.start()
    for chunk in chunks:
        events += stream.feed(chunk_of(chunk))
    return [plain(event) for event in events + stream.finish(ENDED_AT)]


def answered(body, completion):
    """The plain answer, as a client reads it."""
    request = request_of(body)
    begun = begin(request, "resp_1f", BEGUN_AT)
    return plain(
        to_response(
            begun,
            chunk_of(completion),
            to_chat(request).names,
            summarised=request.wants_summary(),
            completed_at=ENDED_AT,
        )
    )


def accepted_by_the_sdk(events):
    """Every event is one that the SDK knows, numbers have no gap."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        _SDK_EVENTS[event["type"]].model_validate(event)
