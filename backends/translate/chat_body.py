"""The chat request that a request of another dialect becomes: chat's shapes, silent about what nobody said.

Strict backends refuse ``null`` in fields they know, so that defaults are left out here.
"""

from msgspec import Struct

from backends.wire.openai_chat import ChatRequest, Function, Message, NamedSchema


class ChatMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A message without the fields it does not use."""


class ChatFunction(Function, frozen=True, kw_only=True, omit_defaults=True):
    """A function without the fields it does not use."""


class ChatSchema(NamedSchema, frozen=True, kw_only=True, omit_defaults=True):
    """A schema without the fields it does not use."""


class ChatBody(ChatRequest, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``POST /v1/chat/completions``; engines that do not know the last two fields pass over them."""

    reasoning_effort: str | None = None
    verbosity: str | None = None


class Notes(Struct, frozen=True):
    """Sentences for the log about what a translation left out or changed."""

    lines: list[str]

    def add(self, place: str, what: str) -> None:
        self.lines.append(f"{place}: {what}")
