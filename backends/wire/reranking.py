"""Reranking, as Cohere and Jina have it and vLLM serves it: the request with its rules. Answers pass as they come."""

from typing import Annotated

from msgspec import Meta, Struct

from backends.wire.openai_sampling import refuse

MAX_DOCUMENTS = 2048


class RerankRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/rerank``: how well each of ``documents`` answers ``query``, the best ``top_n`` first."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    query: Annotated[str, Meta(min_length=1)]
    documents: Annotated[list[str], Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: Annotated[int, Meta(ge=0)] | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: Annotated[int, Meta(ge=0, le=1 << 31)] | None = None
    instruction: str | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None


def validate(request: RerankRequest) -> None:
    """Check the rules that no single field can express. Raises ``BackendError(INVALID_REQUEST)`` with ``param``."""
    for index, document in enumerate(request.documents):
        if not document:
            raise refuse(f"documents[{index}]", "must not be empty")
