"""Requests and streams against golden files made of recorded traffic, and against the SDK's types."""

import msgspec
import pytest
from openai.types.responses import Response as SdkResponse

from backends.translate.responses.request import to_chat
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest, validate
from tests.unit.backends.translate.responses.cases import accepted_by_the_sdk, answered, golden, plain, request_of, told

REQUESTS = [pytest.param(case, id=case["note"]) for case in golden("requests")]
STREAMS = [pytest.param(case, id=case["note"]) for case in golden("streams")]
ENDS = {"response.completed", "response.incomplete"}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request(case):
    translation = to_chat(request_of(case["request"]))
    assert plain(translation.request) == case["chat"]
    assert list(translation.notes) == case["notes"]


@pytest.mark.parametrize("case", REQUESTS)
def test_engines_accept_the_request(case):
    request = decode(msgspec.json.encode(to_chat(request_of(case["request"])).request), ChatRequest)
    validate(request)


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream(case):
    events = told(case["request"], case["chunks"])
    for event, wanted in zip(events, case["events"], strict=True):
        if "response" in event and event["type"] not in ENDS:
            event["response"] = {"status": event["response"]["status"], "output": event["response"]["output"]}
        assert event == wanted


@pytest.mark.parametrize("case", STREAMS)
def test_the_sdk_accepts_the_stream(case):
    accepted_by_the_sdk(told(case["request"], case["chunks"]))


@pytest.mark.parametrize("case", STREAMS)
def test_the_plain_answer_is_the_one_at_the_end_of_the_stream(case):
    answer = answered(case["request"], case["completion"])
    assert answer == told(case["request"], case["chunks"])[-1]["response"]
    assert SdkResponse.model_validate(answer).status == answer["status"]


@pytest.mark.parametrize("case", [case.values[0] for case in STREAMS])
def test_an_answer_comes_back_in_the_next_request(case):
    """What was answered can be sent back as input: the calls keep their names and ids in chat."""
    answer = answered(case["request"], case["completion"])
    follow_up = to_chat(request_of({**case["request"], "input": answer["output"]})).request
    said = [call for message in follow_up.messages for call in message.tool_calls or ()]
    original = case["completion"]["choices"][0]["message"].get("tool_calls", [])
    assert [call.id for call in said] == [call["id"] for call in original]
    assert [call.function.name for call in said] == [call["function"]["name"] for call in original]
