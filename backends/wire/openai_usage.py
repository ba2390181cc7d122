"""Token counts as OpenAI reports them. ``prompt_tokens`` includes the cached ones."""

from msgspec import Struct


class PromptDetails(Struct, frozen=True, kw_only=True):
    """``cached_tokens`` of the prompt were not computed again."""

    cached_tokens: int = 0


class CompletionDetails(Struct, frozen=True, kw_only=True):
    """``reasoning_tokens`` of the completion went to ``reasoning_content``."""

    reasoning_tokens: int = 0


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one request cost, in tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
