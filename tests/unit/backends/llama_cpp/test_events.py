"""The events of a stream are JSON in the shape that clients read."""

import json

import pytest

from backends.llama_cpp.worker.front.events import DONE, Events, Head
from backends.wire.openai_chat_reply import ChoiceLogprobs, Delta, TokenLogprob
from backends.wire.openai_usage import Usage

HEAD = Head(id="chatcmpl-1", object="chat.completion.chunk", created=7, model='m"1')


def data(event: bytes) -> dict:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    return json.loads(event[6:])


@pytest.mark.parametrize("usage", [True, False])
def test_content(usage):
    event = data(Events(HEAD, usage=usage).content(1, 'é"\n'))
    assert (event["id"], event["created"], event["model"]) == ("chatcmpl-1", 7, 'm"1')
    assert event["choices"] == [{"index": 1, "delta": {"content": 'é"\n'}, "finish_reason": None, "logprobs": None}]
    assert ("usage" in event) is usage


def test_scores_come_with_their_text():
    score = TokenLogprob(token="a", logprob=-0.5, bytes=[97], top_logprobs=[])
    event = data(Events(HEAD, usage=False).content(0, "a", ChoiceLogprobs(content=[score])))
    assert event["choices"][0]["logprobs"]["content"][0]["logprob"] == -0.5


def test_other_changes():
    events = Events(HEAD, usage=False)
    assert data(events.delta(0, Delta(reasoning_content="hm")))["choices"][0]["delta"] == {"reasoning_content": "hm"}
    assert data(events.delta(2, Delta(), "length"))["choices"][0] == {
        "index": 2,
        "delta": {},
        "finish_reason": "length",
        "logprobs": None,
    }


def test_completions():
    choice = data(Events(HEAD, usage=False).text(0, "x", "stop"))["choices"][0]
    assert choice == {"index": 0, "text": "x", "finish_reason": "stop", "logprobs": None}


def test_usage_comes_alone():
    event = data(Events(HEAD, usage=True).usage(Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)))
    assert (event["choices"], event["usage"]["total_tokens"]) == ([], 3)
    assert DONE == b"data: [DONE]\n\n"
