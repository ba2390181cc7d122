"""Chat answers as they come in: only what another dialect is made of, tolerant of what backends leave out or add.

The shapes that this project's engines write are in ``backends.wire``; other backends send ``null`` where those are
strict, name the reasoning otherwise, and number their calls badly.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backends.errors import BackendError, Cause
from backends.wire.openai_chat_reply import TokenLogprob

MAX_CALLS = 1024


class Function(Struct, frozen=True, kw_only=True):
    name: str | None = None
    arguments: str | None = None


class Call(Struct, frozen=True, kw_only=True):
    """A call, or a piece of one; ``index`` tells in a stream which call it belongs to."""

    index: Annotated[int, Meta(ge=0, lt=MAX_CALLS)] | None = None
    id: str | None = None
    function: Function | None = None


class Said(Struct, frozen=True, kw_only=True):
    """A message or a delta. ``reasoning`` is another name of ``reasoning_content``."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None

    def thought(self) -> str:
        return self.reasoning_content or self.reasoning or ""

    def words(self) -> str:
        """What was said, and what was said instead."""
        return (self.content or "") + (self.refusal or "")


class Logprobs(Struct, frozen=True, kw_only=True):
    content: list[TokenLogprob] | None = None


class Choice(Struct, frozen=True, kw_only=True):
    index: int | None = None
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    stop_reason: object = None
    logprobs: Logprobs | None = None

    def matched(self) -> str | None:
        """The stop string that ended the answer. Backends name ends by the number of a token there, too."""
        return self.stop_reason if isinstance(self.stop_reason, str) else None


class PromptDetails(Struct, frozen=True, kw_only=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionDetails(Struct, frozen=True, kw_only=True):
    reasoning_tokens: int | None = None


class Usage(Struct, frozen=True, kw_only=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Trouble(Struct, frozen=True, kw_only=True):
    message: str | None = None
    code: str | int | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """A whole chat completion or one chunk of a stream."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Trouble | None = None

    def first(self) -> Choice | None:
        """The only choice another dialect is made of."""
        for choice in self.choices or ():
            if not choice.index:
                return choice
        return None


_decoder = msgspec.json.Decoder(Answer)


def read(data: bytes) -> Answer:
    """The answer or chunk in ``data``.

    Raises ``BackendError``: ``UPSTREAM_PROTOCOL`` where it is none, else the failure that it tells of.
    """
    try:
        answer = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        private = str(error)
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer is not readable", private=private) from None
    if answer.error is not None:
        raise _failure(answer.error)
    return answer


def _failure(trouble: Trouble) -> BackendError:
    private = trouble.message or ""
    if trouble.code == "context_length_exceeded":
        return BackendError(Cause.CONTEXT_LENGTH, private or "the conversation is longer than the context")
    return BackendError(Cause.UPSTREAM_ERROR, "the backend failed within its answer", private=private)
