"""What a profile may say about an engine that we did not write."""

from typing import Literal

from msgspec import Struct

Dialect = Literal["anthropic"]


class ExternalArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="external"):
    """Exactly one of ``command``, ``url`` and ``urls``.

    ``command`` is started by us; ``{socket}`` and ``{weights}`` in an argument are replaced by paths of ours, never by
    anything from a request. ``url`` names a server that somebody else runs (the static placement), which knows
    the model as ``served_model`` (default: the profile's id); it is never started, stopped or counted against memory.
    ``urls`` are several of the same, that share its requests: to everybody but the catalog each is one ``url``.
    ``dialects`` it speaks besides OpenAI's: requests in one of them reach it as they came.
    ``thoughts`` is what its chats call them; clients read ``reasoning_content``, as SGLang says, where vLLM does not.
    An engine that can move to host RAM and back takes a POST on ``sleep_path`` and on ``wake_path``.
    """

    command: tuple[str, ...] = ()
    url: str | None = None
    urls: tuple[str, ...] = ()
    served_model: str | None = None
    slots: int = 1
    context_tokens: int | None = None
    health_path: str = "/health"
    sleep_path: str | None = None
    wake_path: str | None = None
    dialects: tuple[Dialect, ...] = ()
    thoughts: Literal["reasoning_content", "reasoning"] = "reasoning_content"

    @property
    def request_tokens(self) -> int | None:
        """What one request may have, answer included: how an engine shares its memory is its own affair."""
        return self.context_tokens
