"""Reranking and scores: every path that clients use, what is refused, and that bytes pass as they come."""

import pytest

from tests.fakes.gateway import engine_profile, running_gateway
from tests.unit.gateway.http.test_text import engine_of

RERANK = {"model": "m", "query": "water", "documents": ["a river", "a stone by a river"]}
SCORE = {"model": "m", "text_1": "water", "text_2": ["a river", "a stone"]}


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
async def test_a_reranking_by_any_of_its_paths(path):
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        engine = await engine_of(gateway)
        asked = {**RERANK, "top_n": 1, "return_documents": True, "own": {"a": 1.50}}
        answer = await gateway.client.post(path, json=asked)
        assert answer.status_code == 200, answer.text
        assert [one["index"] for one in answer.json()["results"]] == [1]
        (call,) = await engine.calls()
        assert (call["path"], call["body"]) == ("/v1/rerank", asked)
        assert answer.headers["x-forebay-model"] == "m"


@pytest.mark.parametrize("path", ["/v1/score", "/score"])
@pytest.mark.parametrize("names", [("text_1", "text_2"), ("queries", "documents"), ("queries", "items")])
async def test_scores_by_any_of_their_paths_and_names(path, names):
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        engine = await engine_of(gateway)
        asked = {"model": "m", names[0]: "water", names[1]: ["a river"]}
        answer = await gateway.client.post(path, json=asked)
        assert answer.json()["data"][0]["score"] == 0.5
        (call,) = await engine.calls()
        assert (call["path"], call["body"]) == ("/v1/score", asked)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/rerank", {**RERANK, "documents": []}, "documents"),
        ("/v1/rerank", {**RERANK, "documents": ["a", ""]}, "documents[1]"),
        ("/v1/rerank", {**RERANK, "documents": ["a"] * 2049}, "documents"),
        ("/v1/rerank", {**RERANK, "documents": [{"image": "x"}]}, "documents[0]"),
        ("/v1/rerank", {**RERANK, "query": ""}, "query"),
        ("/v1/rerank", {**RERANK, "top_n": -1}, "top_n"),
        ("/v1/rerank", {**RERANK, "padding": "max_length"}, "padding"),
        ("/v1/rerank", {**RERANK, "cache_salt": "x"}, "cache_salt"),
        ("/v1/score", {"model": "m", "text_1": "a"}, "text_1"),
        ("/v1/score", {"model": "m"}, "text_1"),
        ("/v1/score", {**SCORE, "queries": "a"}, "text_1"),
        ("/v1/score", {**SCORE, "text_1": ["a", "b", "c"]}, "text_2"),
        ("/v1/score", {**SCORE, "text_1": []}, "text_1"),
        ("/v1/score", {**SCORE, "text_1": 1}, "text_1"),
    ],
)
async def test_refusals_name_the_field(path, body, param):
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        answer = await gateway.client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert gateway.services.runtime.running == {}, "nothing was loaded for it"


async def test_a_model_that_only_talks_says_so():
    talks = engine_profile("m").replace(", embedding, rerank, score]", "]")
    async with running_gateway({"m": talks}) as gateway:
        answer = await gateway.client.post("/v1/rerank", json=RERANK)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_supported")
