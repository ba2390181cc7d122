"""Requests and streams against golden files, and against the SDKs on both sides."""

import json

import pytest
from anthropic.types import Message as SdkMessage
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from backends.translate.claude.fields import FIELDS
from backends.translate.claude.request import to_messages
from backends.translate.claude.terms import Terms
from tests.unit.backends.translate.claude.cases import (
    GOLDEN,
    MOST,
    accepted_by_anthropic,
    answered,
    frames,
    golden,
    keeps_the_rules,
    put_together,
    read_by_openai,
    sdk_bytes,
    stream_of,
    told,
    translated,
)

REQUESTS = [pytest.param(case, id=case["note"]) for case in golden("requests")]
STREAMS = [pytest.param(case, id=case["note"]) for case in golden("streams")]
_EVENT = TypeAdapter(RawMessageStreamEvent)
_SAID = TypeAdapter(ChatCompletionMessageParam)


def translation_of(case):
    terms = Terms(**{"max_tokens": MOST} | case["terms"])
    return to_messages(json.dumps(case["request"]).encode(), terms)


def expected_of(case):
    return translated(stream=True, **case["asked"]).expected


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request(case):
    translation = translation_of(case)
    assert json.loads(translation.body) == case["sent"]
    assert list(translation.notes) == case["notes"]


@pytest.mark.parametrize("case", REQUESTS)
def test_the_request_is_what_the_sdk_sends(case):
    body = translation_of(case).body
    assert body == sdk_bytes(json.loads(body))
    accepted_by_anthropic(case["sent"])
    keeps_the_rules(case["sent"])


@pytest.mark.parametrize("case", REQUESTS)
def test_the_conversation_is_one_that_openai_knows(case):
    for message in case["request"]["messages"]:
        _SAID.validate_python(message)


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream(case):
    assert told(case["events"], expected_of(case)) == case["chunks"]


@pytest.mark.parametrize("case", STREAMS)
def test_the_sdks_know_both_streams(case):
    for event in case["events"]:
        if event["type"] != "ping":
            _EVENT.validate_python(event)
    stream = stream_of(expected_of(case))
    chunks = read_by_openai(stream.feed(frames(case["events"])))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] is not None
    assert len(chunks) == len(case["chunks"])


@pytest.mark.parametrize("case", STREAMS)
def test_the_plain_answer_is_what_the_stream_tells(case):
    SdkMessage.model_validate(case["message"])
    completion = answered(case["message"], expected_of(case))
    assert completion == case["completion"]
    read_by_openai(answer=completion)
    message, last, usage = put_together(case["chunks"])
    choice = completion["choices"][0]
    assert (last["finish_reason"], last.get("stop_reason")) == (choice["finish_reason"], choice.get("stop_reason"))
    assert usage in (None, completion["usage"])
    assert likewise(message) == likewise(choice["message"])


def likewise(message):
    """What streams leave out or cut otherwise, alike: arguments by what they mean, thoughts without numbers."""
    said = {name: value for name, value in message.items() if value}
    functions = [call["function"] for call in said.get("tool_calls", [])]
    for function in [*functions, *([said["function_call"]] if "function_call" in said else [])]:
        function["arguments"] = json.loads(function["arguments"])
    details = said.get("reasoning_details", [])
    return said | ({"reasoning_details": [each | {"index": 0} for each in details]} if details else {})


@pytest.mark.parametrize("case", STREAMS)
def test_an_answer_comes_back_in_the_next_request(case):
    """What was answered is told to the server again as it said it, thoughts with their signatures."""
    choice = case["completion"]["choices"][0]
    turn = {name: value for name, value in choice["message"].items() if value is not None and name != "refusal"}
    messages = [{"role": "user", "content": "x"}, {"content": None} | turn, {"role": "user", "content": "y"}]
    asked = {name: value for name, value in case["asked"].items() if name in ("tools", "functions")}
    _, *back = json.loads(translated(messages, **asked).body)["messages"]
    kinds = ("text", "thinking", "redacted_thinking", "tool_use")
    wanted = [block for block in case["message"]["content"] if block["type"] in kinds]
    blocks = back[0]["content"] if len(back) > 1 else []
    ids = [block["id"] for block in wanted if block["type"] == "tool_use"]
    plain = [{k: v for k, v in block.items() if k not in ("citations", "id")} for block in wanted]
    assert [{k: v for k, v in block.items() if k != "id"} for block in blocks] == plain
    if "functions" not in case["asked"]:
        assert [block["id"] for block in blocks if block["type"] == "tool_use"] == ids


OTHERS = [
    pytest.param(case["chat"], id=f"{dialect}: {case['note']}")
    for dialect in ("anthropic", "responses")
    for case in json.loads((GOLDEN.parent / dialect / "requests.json").read_text("utf-8"))
]


@pytest.mark.parametrize("chat", OTHERS)
def test_what_other_dialects_become_can_be_told_there(chat):
    """Agents whose requests became chats: all of them, but for what no Message can hold."""
    chat = {name: value for name, value in chat.items() if FIELDS.get(name) != "refused"}
    for message in chat["messages"]:
        if isinstance(message.get("content"), list):
            message["content"] = [part for part in message["content"] if part["type"] != "input_audio"]
    body = json.loads(to_messages(json.dumps(chat).encode(), Terms(max_tokens=MOST)).body)
    keeps_the_rules(body)
    accepted_by_anthropic(body)
