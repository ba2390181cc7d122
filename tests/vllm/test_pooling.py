"""A real vLLM that makes vectors, through the gateway: embeddings in every form, reranking and scores."""

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.real_gateway import RealGateway, served
from tests.vllm.thinking import START, checkpoint, thinking_profile

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]
DOCUMENTS = ["a river", "a stone"]


@pytest.fixture(scope="module")
def gateway(vllm_python: Path, quick_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    weights = checkpoint(vllm_python, tmp_path_factory.mktemp("vectors"))
    tiny = thinking_profile(weights, "embedding", "rerank", "score", task="embed")
    with served({"tiny": tiny}, first_event_timeout=120, data_dir=quick_data) as gateway:
        gateway.client.timeout = START + 60
        gateway.post("/api/load", {"model": "tiny"})
        yield gateway
        assert gateway.stop() == 0, (gateway.root / "log").read_text()


def test_vectors_in_every_form(gateway: RealGateway) -> None:
    client = openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0)
    as_usual = client.embeddings.create(model="tiny", input="water").data[0].embedding  # base64 on the wire
    numbers = client.embeddings.create(model="tiny", input="water", encoding_format="float").data[0].embedding
    assert numbers == pytest.approx(as_usual, abs=1e-4)
    raw = gateway.post("/v1/embeddings", {"model": "tiny", "input": [[1, 2, 3], [4]], "encoding_format": "base64"})
    assert [len(struct.unpack("<64f", base64.b64decode(one["embedding"]))) for one in raw["data"]] == [64, 64]
    assert len(client.embeddings.create(model="tiny", input=[1, 2, 3]).data) == 1
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        client.embeddings.create(model="tiny", input="water", dimensions=16)


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_documents_in_their_order(gateway: RealGateway, path: str) -> None:
    asked: dict[str, Any] = {"model": "tiny", "query": "water", "documents": DOCUMENTS}
    results = gateway.post(path, asked)["results"]
    scores = [one["relevance_score"] for one in results]
    assert scores == sorted(scores, reverse=True)
    assert sorted(one["index"] for one in results) == [0, 1]
    assert gateway.post(path, asked | {"top_n": 1})["results"] == results[:1]
    assert gateway.post(path, asked | {"top_n": None})["results"] == results


@pytest.mark.parametrize("path", ["/v1/score", "/score"])
@pytest.mark.parametrize("names", [("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2")])
def test_scores(gateway: RealGateway, path: str, names: tuple[str, str]) -> None:
    said = gateway.post(path, {"model": "tiny", names[0]: "water", names[1]: DOCUMENTS})
    assert [one["index"] for one in said["data"]] == [0, 1]


def test_it_does_not_chat(gateway: RealGateway) -> None:
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
    answer = gateway.client.post("/v1/chat/completions", json=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_supported")
