"""Requests and streams against golden files in the shapes of recorded traffic, and against the SDK's types."""

import msgspec
import pytest
from anthropic.types import Message as SdkMessage

from backends.translate.anthropic.output import Asked
from backends.translate.anthropic.request import to_chat
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest, validate
from tests.unit.backends.translate.anthropic.cases import (
    accepted_by_the_sdk,
    answered,
    chunk_of,
    golden,
    plain,
    put_together,
    request_of,
    told,
)

REQUESTS = [pytest.param(case, id=case["note"]) for case in golden("requests")]
STREAMS = [pytest.param(case, id=case["note"]) for case in golden("streams")]


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request(case):
    translation = to_chat(request_of(case["request"]))
    assert plain(translation.request) == case["chat"]
    assert list(translation.notes) == case["notes"]


@pytest.mark.parametrize("case", REQUESTS)
def test_engines_accept_the_request(case):
    chat = decode(msgspec.json.encode(to_chat(request_of(case["request"])).request), ChatRequest)
    validate(chat)


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream(case):
    assert told(case["chunks"], Asked(**case["asked"])) == case["events"]


@pytest.mark.parametrize("case", STREAMS)
def test_the_sdk_accepts_the_stream(case):
    accepted_by_the_sdk(told(case["chunks"], Asked(**case["asked"])))


@pytest.mark.parametrize("case", STREAMS)
def test_the_plain_answer_is_what_the_stream_tells(case):
    answer = answered(case["completion"], Asked(**case["asked"]))
    assert answer == case["message"] == put_together(told(case["chunks"], Asked(**case["asked"])))
    assert SdkMessage.model_validate(answer).stop_reason == answer["stop_reason"]


@pytest.mark.parametrize("case", STREAMS)
def test_an_answer_comes_back_in_the_next_request(case):
    """What was answered is told to the model again as it said it."""
    answer = answered(case["completion"])
    turn = {"role": "assistant", "content": answer["content"]}
    asked = {"role": "user", "content": "x"}
    _, *back = to_chat(request_of({"model": "m", "messages": [asked, turn]})).request.messages
    said = chunk_of(case["completion"]).first().message
    assert "".join(each.content or "" for each in back) == said.words()
    assert "".join(each.reasoning_content or "" for each in back) == said.thought()
    calls = [(call.id, call.function.name) for each in back for call in each.tool_calls or ()]
    assert calls == [(call.id, call.function.name) for call in said.tool_calls or ()]
