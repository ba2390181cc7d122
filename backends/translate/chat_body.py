"""The chat request that a request of another dialect becomes: chat's shapes, silent about what nobody said.

Strict backends refuse ``null`` in fields they know, so that defaults are left out here.
"""

from msgspec import Struct

from backends.wire.openai_chat import ChatRequest, Function, Message, NamedSchema

RESULT_FOLLOWS = "The result follows in the next user message."
"""What a tool gave back where that was only pictures: chat has them in messages of users only."""


UNSEEN = "A picture was shown here. This model reads text only and cannot see it."
"""In the place of a picture that a tool gave back: who works by himself goes on without it, a refusal would end him."""


def shown_by(call_id: str) -> str:
    """What stands before the pictures of a call."""
    return f"Shown by {call_id}:"


class ChatMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A message without the fields it does not use."""


class ChatFunction(Function, frozen=True, kw_only=True, omit_defaults=True):
    """A function without the fields it does not use."""


class ChatSchema(NamedSchema, frozen=True, kw_only=True, omit_defaults=True):
    """A schema without the fields it does not use."""


class ChatBody(ChatRequest, frozen=True, kw_only=True, omit_defaults=True):
    """The body of ``POST /v1/chat/completions``; engines that do not know the last field pass over it."""

    verbosity: str | None = None


class Notes(Struct, frozen=True):
    """Sentences for the log about what a translation left out or changed."""

    lines: list[str]

    def add(self, place: str, what: str) -> None:
        self.lines.append(f"{place}: {what}")
