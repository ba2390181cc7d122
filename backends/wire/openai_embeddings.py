"""Embeddings: the request with its rules and the answer."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from backends.wire.openai_completions import Tokens, check_homogeneous, prompt_list
from backends.wire.openai_sampling import refuse

MAX_INPUTS = 2048


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/embeddings``. ``dimensions`` cuts and normalises again."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: str | Annotated[list[str | int | Tokens], Meta(min_length=1)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=65536)] | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None

    def inputs(self) -> list[str | list[int]]:
        """``input`` as a list of texts or token lists. Call ``validate`` first."""
        return prompt_list(self.input)


class Embedding(Struct, frozen=True, kw_only=True):
    """``embedding`` is a list of floats, or base64 of little-endian float32."""

    index: int
    embedding: list[float] | str
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(Struct, frozen=True, kw_only=True):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Struct, frozen=True, kw_only=True):
    """The body of the answer, in the order of the inputs."""

    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    object: Literal["list"] = "list"


def validate(request: EmbeddingRequest) -> None:
    """Check the rules that no single field can express. Raises ``BackendError(INVALID_REQUEST)`` with ``param``."""
    check_homogeneous("input", request.input)
    inputs = request.inputs()
    if len(inputs) > MAX_INPUTS:
        raise refuse("input", f"at most {MAX_INPUTS} inputs in one request")
    for index, item in enumerate(inputs):
        if not item:
            raise refuse("input" if isinstance(request.input, str) else f"input[{index}]", "must not be empty")
