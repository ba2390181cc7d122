"""The official Python SDK, unmodified: completions, embeddings and the list of models."""

import asyncio
import base64
import math
import struct
from typing import Any

import openai
import pytest

from tests.real_gateway import MODEL, RealGateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

FRANCE = "The capital of France is"
WATER = "Water is"
SURE: dict[str, Any] = {"model": MODEL, "temperature": 0, "max_tokens": 6}
WIDTH = 576


def refused(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> tuple[int, str | None, str | None]:
    return caught.value.status_code, caught.value.param, caught.value.code


# --- completions ------------------------------------------------------------------------------------------------------


def test_a_completion_whole_and_streamed(client: openai.OpenAI, lenient: openai.OpenAI) -> None:
    client.completions.create(**SURE, prompt=FRANCE)  # fills the cache: shares of a prompt may round otherwise
    whole = client.completions.create(**SURE, prompt=FRANCE)
    assert whole.object == "text_completion"
    assert "Paris" in whole.choices[0].text
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 6
    streamed = lenient.completions.create(**SURE, prompt=FRANCE, stream=True, stream_options={"include_usage": True})
    *chunks, last = streamed
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == "length"
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == whole.usage.total_tokens


def test_echo_and_a_list_of_prompts(client: openai.OpenAI) -> None:
    answer = client.completions.create(**SURE, prompt=[FRANCE, WATER], echo=True, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text.startswith(FRANCE) for choice in answer.choices] == [True, True, False, False]
    assert [choice.text.startswith(WATER) for choice in answer.choices] == [False, False, True, True]
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4 * 6


def test_log_probabilities_of_a_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(**SURE, prompt=FRANCE, logprobs=2)
    scores = answer.choices[0].logprobs
    assert scores is not None
    assert scores.tokens is not None
    assert scores.token_logprobs is not None
    assert scores.text_offset is not None
    assert "".join(scores.tokens) == answer.choices[0].text
    assert all(value <= 0 for value in scores.token_logprobs)
    assert scores.text_offset[1] == len(scores.tokens[0])
    assert scores.top_logprobs is not None
    assert all(token in top for token, top in zip(scores.tokens, scores.top_logprobs, strict=True))


def test_log_probabilities_of_an_echoed_prompt(lenient: openai.OpenAI, gateway: RealGateway) -> None:
    """What evaluation harnesses ask for: scores of a given text. llama.cpp's own server does not do it."""
    asked: dict[str, Any] = SURE | {"max_tokens": 1, "prompt": FRANCE + " Paris", "echo": True, "logprobs": 1}
    if gateway.runtime == "xllamacpp":
        with pytest.raises(openai.BadRequestError) as caught:
            lenient.completions.create(**asked)
        assert refused(caught) == (400, "echo", None)
        return
    answer = lenient.completions.create(**asked)
    scores = answer.choices[0].logprobs
    assert scores is not None
    assert scores.tokens is not None
    assert scores.token_logprobs is not None
    assert "".join(scores.tokens) == answer.choices[0].text
    assert scores.token_logprobs[0] is None
    assert scores.token_logprobs[scores.tokens.index(" Paris")] > -3, "the model finds Paris likely"


def test_stop_and_seed_of_a_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(**SURE | {"max_tokens": 30}, prompt="1, 2, 3, 4,", stop=["7"])
    assert answer.choices[0].finish_reason == "stop"
    assert "7" not in answer.choices[0].text
    lively: dict[str, Any] = {"model": MODEL, "temperature": 1.8, "top_p": 1, "max_tokens": 10, "prompt": WATER}
    client.completions.create(**lively, seed=3)
    first, second = (client.completions.create(**lively, seed=3).choices[0].text for _ in range(2))
    assert first == second
    assert first != client.completions.create(**lively, seed=4).choices[0].text


@pytest.mark.parametrize(
    ("field", "value"), [("suffix", "and that is all"), ("best_of", 3), ("logprobs", 9), ("prompt", [])]
)
def test_what_a_completion_cannot_do_names_the_field(field: str, value: object, client: openai.OpenAI) -> None:
    asked: dict[str, Any] = SURE | {"prompt": FRANCE, field: value}
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(**asked)
    assert refused(caught) == (400, field, None)


# --- embeddings -------------------------------------------------------------------------------------------------------


def test_embeddings_as_the_sdk_asks_for_them(lenient: openai.OpenAI, client: openai.OpenAI) -> None:
    """Its default is base64, which it decodes; an explicit ``float`` must give the same."""
    texts = ["A cat sits on the mat.", "The kitten lies on the rug.", "Quarterly tax statements are due."]
    answer = lenient.embeddings.create(model=MODEL, input=texts)
    assert answer.object == "list"
    assert [item.index for item in answer.data] == [0, 1, 2]
    cat, kitten, tax = (item.embedding for item in answer.data)
    assert len(cat) == WIDTH
    assert math.isclose(math.hypot(*cat), 1, abs_tol=1e-3)
    assert math.dist(cat, kitten) < math.dist(cat, tax)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 15
    floats = client.embeddings.create(model=MODEL, input=texts[0], encoding_format="float").data[0].embedding
    assert math.dist(floats, cat) < 0.02


def test_embeddings_as_base64(lenient: openai.OpenAI) -> None:
    encoded: Any = lenient.embeddings.create(model=MODEL, input=WATER, encoding_format="base64").data[0].embedding
    decoded = struct.unpack(f"<{WIDTH}f", base64.b64decode(encoded))
    floats = lenient.embeddings.create(model=MODEL, input=WATER, encoding_format="float").data[0].embedding
    assert math.dist(decoded, floats) < 0.02


def test_neighbours_do_not_change_an_embedding(gateway: RealGateway) -> None:
    """Texts of other lengths beside it, in its own request or in others at the same time."""
    texts = ["A cat sits on the mat.", "x", "Water is wet and so on and on and on."]

    async def asked() -> tuple[list[list[float]], ...]:
        async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key="none", timeout=90) as client:

            async def embed(*given: str) -> list[list[float]]:
                answer = await client.embeddings.create(model=MODEL, input=list(given))
                return [item.embedding for item in answer.data]

            alone = [(await embed(text))[0] for text in texts]
            beside = [vector for (vector,) in await asyncio.gather(*(embed(text) for text in texts))]
            return alone, await embed(*texts), beside

    for found in zip(*asyncio.run(asked()), strict=True):
        assert all(math.dist(found[0], other) < 0.02 for other in found[1:])


def test_embeddings_of_token_ids_and_with_fewer_dimensions(lenient: openai.OpenAI) -> None:
    one = lenient.embeddings.create(model=MODEL, input=[504, 3575, 282])
    many = lenient.embeddings.create(model=MODEL, input=[[504, 3575, 282], [9835]])
    assert math.dist(one.data[0].embedding, many.data[0].embedding) < 0.02
    assert len(many.data) == 2
    short = lenient.embeddings.create(model=MODEL, input=WATER, dimensions=16).data[0].embedding
    assert len(short) == 16
    assert math.isclose(math.hypot(*short), 1, abs_tol=1e-5)


@pytest.mark.parametrize(
    ("given", "param"),
    [("", "input"), (["x", ""], "input[1]"), ([], "input"), ([[1], []], "input[1]"), ([10_000_000], "input[0]")],
)
def test_empty_and_impossible_inputs_name_their_place(given: Any, param: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=MODEL, input=given)
    assert refused(caught) == (400, param, None)


# --- models -----------------------------------------------------------------------------------------------------------


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    (listed,) = client.models.list()
    assert (listed.id, listed.object, listed.owned_by) == (MODEL, "model", "forebay")
    assert client.models.retrieve(MODEL).id == MODEL
    assert client.models.retrieve("smollm2").id == MODEL, "an alias names it too"
    details: Any = listed.model_extra
    assert details["forebay"]["variants"]


@pytest.mark.parametrize("name", ["nope", "org/nope", "a:b", "..%2fnope"])
def test_an_unknown_model_is_not_found(name: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve(name)
    assert refused(caught) == (404, "model", "model_not_found")
