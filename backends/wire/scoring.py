"""Scores of pairs of texts, as vLLM has them: the request with its rules. Answers pass as they come."""

from typing import Annotated

from msgspec import Meta, Struct

from backends.wire.openai_sampling import refuse

MAX_TEXTS = 2048
Texts = Annotated[str, Meta(min_length=1)] | Annotated[list[str], Meta(min_length=1, max_length=MAX_TEXTS)]
_PAIRS = (("text_1", "text_2"), ("queries", "documents"), ("queries", "items"), ("data_1", "data_2"))


class ScoreRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/score``: a text with each of several, or as many with as many; one pair of names."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    text_1: Texts | None = None
    text_2: Texts | None = None
    queries: Texts | None = None
    documents: Texts | None = None
    items: Texts | None = None
    data_1: Texts | None = None
    data_2: Texts | None = None
    instruction: str | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None


def validate(request: ScoreRequest) -> None:
    """Check the rules that no single field can express. Raises ``BackendError(INVALID_REQUEST)`` with ``param``."""
    said = [name for name in dict.fromkeys(sum(_PAIRS, ())) if getattr(request, name) is not None]
    if tuple(said) not in _PAIRS:
        raise refuse(said[0] if said else "text_1", "needs text_1 and text_2, or queries and documents")
    one, other = (getattr(request, name) for name in said)
    count = 1 if isinstance(one, str) else len(one)
    if count != 1 and count != (1 if isinstance(other, str) else len(other)):
        raise refuse(said[1], f"as many texts as {said[0]}, which are not one")
