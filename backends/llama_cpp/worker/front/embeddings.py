"""``POST /v1/embeddings``: vectors of length 1, as floats or base64 of little-endian float32."""

import base64
import math
import struct
from collections.abc import Sequence

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.front.exchange import Exchange
from backends.llama_cpp.worker.front.service import Service
from backends.wire.decode import decode
from backends.wire.openai_embeddings import Embedding, EmbeddingList, EmbeddingRequest, EmbeddingUsage, validate


async def embeddings(service: Service, exchange: Exchange, body: bytes) -> None:
    """Answer one request."""
    request = decode(body, EmbeddingRequest)
    validate(request)
    inputs = [await _tokens(service, index, item) for index, item in enumerate(request.inputs())]
    vectors = await service.runtime.embed(inputs)
    count = sum(len(tokens) for tokens in inputs)
    answer = EmbeddingList(
        data=[Embedding(index=index, embedding=_encoded(request, vector)) for index, vector in enumerate(vectors)],
        model=service.model,
        usage=EmbeddingUsage(prompt_tokens=count, total_tokens=count),
    )
    await exchange.reply(200, msgspec.json.encode(answer))


async def _tokens(service: Service, index: int, item: str | list[int]) -> list[int]:
    facts = service.runtime.facts
    if facts.embedding_context == 0:
        raise BackendError(Cause.INVALID_REQUEST, "This model is not served for embeddings.", param="model")
    tokens = service.with_bos(await service.runtime.tokenize(item)) if isinstance(item, str) else item
    param = f"input[{index}]"
    if any(token >= facts.vocabulary for token in tokens):
        raise BackendError(Cause.INVALID_REQUEST, f"{param}: token ids are below {facts.vocabulary}.", param=param)
    if len(tokens) > facts.embedding_context:
        raise BackendError(
            Cause.CONTEXT_LENGTH,
            f"{param} has {len(tokens)} tokens; at most {facts.embedding_context} can be embedded.",
            param=param,
        )
    return tokens


def _encoded(request: EmbeddingRequest, vector: Sequence[float]) -> list[float] | str:
    if request.dimensions is not None:
        vector = _shortened(vector, request.dimensions)
    if request.encoding_format == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return list(vector)


def _shortened(vector: Sequence[float], dimensions: int) -> Sequence[float]:
    if dimensions > len(vector):
        raise BackendError(
            Cause.INVALID_REQUEST, f"dimensions: this model has {len(vector)} dimensions.", param="dimensions"
        )
    vector = vector[:dimensions]
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]
