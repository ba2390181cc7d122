"""The agents that are known here, and how much context each needs before it is of any use. Pure.

Figures are of their first request, recorded of Claude Code 2.1.330, Codex 0.169.0 and opencode 1.18.33, at four bytes
a token.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.commands.agents import claude, codex, opencode
from gateway.commands.agents.served import SHARE, Served
from gateway.commands.agents.setup import Setup

ROOM = 3000
"""Tokens to work with: a file that is read and what is said of it."""


class Agent(Struct, frozen=True, kw_only=True):
    """Tokens: ``prompt`` is its own part of a request, ``reserve`` what it keeps free beside the room for an answer."""

    title: str
    prompt: int
    reserve: int = 0
    setup: Callable[[Served, Path], Setup]

    @property
    def least(self) -> int:
        """The smallest context with some room for work; an answer has its share of it too."""
        return (self.prompt + self.reserve + ROOM) * SHARE // (SHARE - 1)

    def check(self, served: Served) -> None:
        """Raises ``BackendError(INVALID_REQUEST)`` for a context in which it would compact again and again."""
        if served.context < self.least:
            raise BackendError(
                Cause.INVALID_REQUEST,
                f"{served.model} is served with {served.context} tokens of context, and {self.title} needs "
                f"{self.least}: its own part of a request is about {self.prompt} (--force: go on)",
            )


AGENTS = {
    # 49,840 bytes; it compacts 13,000 tokens before the end of what the answer leaves
    "claude": Agent(title="Claude Code", prompt=12_500, reserve=13_000, setup=claude.setup),
    # 39,598 bytes; with less it compacts for ever: 422 requests in 40 seconds
    "codex": Agent(title="Codex", prompt=10_000, setup=codex.setup),
    # 30,700 bytes
    "opencode": Agent(title="opencode", prompt=7_700, setup=opencode.setup),
}
