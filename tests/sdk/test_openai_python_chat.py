"""The official Python SDK, unmodified: chats, whole and streamed, with everything that steers them."""

import json
import math
from typing import Annotated, Any, Literal

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from pydantic import BaseModel, Field

from tests.real_gateway import ENDLESS, MODEL, RealGateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

SUM: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is 2+2?"}]
SURE: dict[str, Any] = {"model": MODEL, "messages": SUM, "temperature": 0, "max_tokens": 16}
LIVELY: dict[str, Any] = {"model": MODEL, "temperature": 1.6, "top_p": 1, "max_tokens": 12}


class City(BaseModel):
    """Nothing in it may be long: a tiny model under a grammar can go on and on."""

    name: Annotated[str, Field(max_length=20)]
    continent: Literal["Europe", "Asia"]
    old: bool


def content(answer: ChatCompletion) -> str:
    text = answer.choices[0].message.content
    assert text is not None
    return text


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_a_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**SURE)
    assert answer.object == "chat.completion"
    assert answer.model == MODEL
    (choice,) = answer.choices
    assert choice.message.role == "assistant"
    assert choice.finish_reason in {"stop", "length"}
    assert "4" in content(answer)
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert 0 < answer.usage.completion_tokens <= 16


def test_a_stream_says_what_the_plain_answer_says(client: openai.OpenAI) -> None:
    client.chat.completions.create(**SURE)  # fills the cache: a prompt in one share or two may round otherwise
    whole = client.chat.completions.create(**SURE)
    chunks = list(client.chat.completions.create(**SURE, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == content(whole)
    assert len(chunks) > 3, "it arrives in pieces"
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == [
        whole.choices[0].finish_reason
    ]
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_ends_a_stream_that_asks_for_it(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(**SURE)
    *chunks, last = client.chat.completions.create(**SURE, stream=True, stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage is not None
    assert whole.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (
        whole.usage.prompt_tokens,
        whole.usage.completion_tokens,
    )
    assert all(chunk.usage is None for chunk in chunks)


def test_several_choices(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**LIVELY, messages=user("Write a poem."), n=3, seed=5)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3


def test_several_choices_of_a_stream(client: openai.OpenAI) -> None:
    texts = {0: "", 1: ""}
    ended = []
    for chunk in client.chat.completions.create(**LIVELY, messages=user("Write a poem."), n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            ended += [choice.index] if choice.finish_reason else []
    assert texts[0]
    assert texts[0] != texts[1]
    assert sorted(ended) == [0, 1]


@pytest.mark.parametrize("several", [False, True])
def test_stop_strings(several: bool, client: openai.OpenAI) -> None:
    whole = content(client.chat.completions.create(**SURE))
    stop = whole[len(whole) // 2 :][:4]
    stops: str | list[str] = ["never in there", stop] if several else stop
    answer = client.chat.completions.create(**SURE, stop=stops)
    assert content(answer) == whole[: whole.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    chunks = client.chat.completions.create(**SURE, stop=stops, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == content(answer)


def test_a_seed_repeats_and_another_does_not(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = LIVELY | {"messages": user("Write a song.")}
    client.chat.completions.create(**asked, seed=7)  # brings the cache into the state that the others find
    first, second = (content(client.chat.completions.create(**asked, seed=7)) for _ in range(2))
    assert first == second
    assert first != content(client.chat.completions.create(**asked, seed=8))


def test_a_narrow_top_p_is_as_good_as_temperature_zero(client: openai.OpenAI) -> None:
    sure = content(client.chat.completions.create(**SURE))
    narrow = client.chat.completions.create(**SURE | {"temperature": 1.5, "top_p": 0.0001})
    assert content(narrow) == sure


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_limits_of_tokens(field: str, client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": user("Tell a long story."), field: 3}
    answer = client.chat.completions.create(**asked)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**SURE, logprobs=True, top_logprobs=3)
    scores = answer.choices[0].logprobs
    assert scores is not None
    assert scores.content is not None
    assert "".join(item.token for item in scores.content) == content(answer)
    for item in scores.content:
        assert len(item.top_logprobs) == 3
        assert item.top_logprobs[0].token == item.token, "at temperature 0 the likeliest token is taken"
        assert sum(math.exp(top.logprob) for top in item.top_logprobs) <= 1.001
    streamed = client.chat.completions.create(**SURE, logprobs=True, top_logprobs=3, stream=True)
    found = [c.choices[0].logprobs for c in streamed if c.choices[0].logprobs]
    assert [i.token for f in found for i in f.content or ()] == [i.token for i in scores.content]


def test_a_bias_forbids_a_token(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**SURE | {"max_tokens": 120}, logit_bias=ENDLESS)
    assert answer.choices[0].finish_reason == "length", "without the tokens that end it, it runs to its limit"


def test_any_json_object(client: openai.OpenAI) -> None:
    asked = SURE | {"messages": user("Write {}."), "max_tokens": 200}
    answer = client.chat.completions.create(**asked, response_format={"type": "json_object"})
    assert isinstance(json.loads(content(answer)), dict)
    assert answer.choices[0].finish_reason == "stop"
    plain = client.chat.completions.create(**asked | {"max_tokens": 5})
    assert not content(plain).lstrip().startswith("{"), "the model alone would not have done so"


def test_a_schema_is_enforced_and_parsed(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": user("Hello!"), "temperature": 0, "max_tokens": 100}
    answer = client.chat.completions.parse(**asked, response_format=City)
    city = answer.choices[0].message.parsed
    assert isinstance(city, City)
    assert set(json.loads(answer.choices[0].message.content or "")) == {"name", "continent", "old"}
    assert answer.choices[0].finish_reason == "stop"


def test_a_schema_is_enforced_in_a_stream(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": user("Hello!"), "temperature": 0, "max_tokens": 100}
    with client.chat.completions.stream(**asked, response_format=City) as stream:
        kinds = {event.type for event in stream}
        city = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(city, City)
    assert {"chunk", "content.delta", "content.done"} <= kinds


def test_the_second_identical_chat_reuses_its_prompt(client: openai.OpenAI, gateway: RealGateway) -> None:
    gateway.until_idle()
    words = ", ".join(f"word{number}" for number in range(60))
    asked: dict[str, Any] = SURE | {"messages": user(f"Consider this list: {words}"), "max_tokens": 2}
    first, second = (client.chat.completions.create(**asked).usage for _ in range(2))
    assert first is not None
    assert second is not None
    assert second.prompt_tokens == first.prompt_tokens > 150
    assert second.prompt_tokens_details is not None
    assert (second.prompt_tokens_details.cached_tokens or 0) >= 0.95 * second.prompt_tokens


def test_roles_and_parts(client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "developer", "content": "Answer briefly."},
        {"role": "user", "content": [{"type": "text", "text": "Say"}, {"type": "text", "text": "hello."}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "user", "content": "Please."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Again: 你好 🎉", "name": "ann"},
    ]
    answer = client.chat.completions.create(**SURE | {"messages": messages}, user="someone", extra_body={"top_k": 1})
    assert content(answer)
