"""Text completions: the request with its rules, the answer and the stream chunk (one shape for both)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from backends.wire.openai_sampling import Count, Sampling, refuse, validate_sampling
from backends.wire.openai_usage import Usage

MAX_PROMPTS = 128
Tokens = list[Annotated[int, Meta(ge=0, le=1 << 31)]]


class CompletionRequest(Sampling, frozen=True, kw_only=True):
    """The body of ``POST /v1/completions``. A list of prompts is all text, all token ids or all lists of token ids."""

    prompt: str | Annotated[list[str | int | Tokens], Meta(min_length=1)]
    best_of: Count | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None

    def prompts(self) -> list[str | list[int]]:
        """``prompt`` as a list of texts or token lists. Call ``validate`` first."""
        return prompt_list(self.prompt)


class CompletionLogprobs(Struct, frozen=True, kw_only=True):
    """Four lists of equal length, an entry a token; ``text_offset`` counts characters from the start of the text."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class CompletionChoice(Struct, frozen=True, kw_only=True):
    index: int
    text: str
    finish_reason: Literal["stop", "length", "content_filter"] | None
    logprobs: CompletionLogprobs | None = None


class Completion(Struct, frozen=True, kw_only=True):
    """A plain answer (with usage) or one event of a stream. ``created`` is in Unix seconds."""

    id: str
    created: int
    model: str
    choices: list[CompletionChoice]
    object: Literal["text_completion"] = "text_completion"
    system_fingerprint: str | None = None
    usage: Usage | UnsetType | None = UNSET


def validate(request: CompletionRequest) -> None:
    """Check the rules that no single field can express. Raises ``BackendError(INVALID_REQUEST)`` with ``param``."""
    validate_sampling(request)
    check_homogeneous("prompt", request.prompt)
    if len(request.prompts()) > MAX_PROMPTS:
        raise refuse("prompt", f"at most {MAX_PROMPTS} prompts in one request")
    if request.suffix:
        raise refuse("suffix", "insertion is not supported")
    if request.best_of is not None and request.best_of != (request.n or 1):
        raise refuse("best_of", "choosing among more candidates than n is not supported")


def check_homogeneous(param: str, prompt: str | list[str | int | list[int]]) -> None:
    """Refuse a list that mixes text, token ids and lists of token ids, and empty token lists."""
    if isinstance(prompt, str):
        return
    if len({type(item) for item in prompt}) > 1:
        raise refuse(param, "a list holds texts, or token ids, or lists of token ids, not a mixture")
    for index, item in enumerate(prompt):
        if item == []:
            raise refuse(f"{param}[{index}]", "an empty list of tokens")
        if isinstance(item, int) and not 0 <= item <= 1 << 31:
            raise refuse(f"{param}[{index}]", "not a token id")


def prompt_list(prompt: str | list[str | int | list[int]]) -> list[str | list[int]]:
    """Any form of prompt as a list of texts or token lists. The list must be homogeneous."""
    if isinstance(prompt, str):
        return [prompt]
    tokens = [item for item in prompt if isinstance(item, int)]
    return [tokens] if tokens else [item for item in prompt if not isinstance(item, int)]
