"""Names of tools: flat ones for chat, and the way back to what the client declared.

Chat knows one flat list of functions; Responses has groups (``namespace``) and tools that take free text. A call must
come back under the name and group it was declared with, else the client does not know it.
"""

import re
from hashlib import blake2s
from typing import Literal

from msgspec import Struct

MOST_CHARACTERS = 64
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
Kind = Literal["function", "custom"]


class Target(Struct, frozen=True, kw_only=True):
    """The tool a client declared; ``namespace`` none means it stood alone."""

    name: str
    namespace: str | None = None
    kind: Kind = "function"


def flatten(target: Target) -> str:
    """One name for a tool and its group, in the letters and the length that chat allows."""
    whole = f"{target.namespace}__{target.name}" if target.namespace else target.name
    name = _FOREIGN.sub("_", whole)
    if name == whole and len(name) <= MOST_CHARACTERS:
        return name
    mark = blake2s(whole.encode(), digest_size=4).hexdigest()
    return f"{name[: MOST_CHARACTERS - len(mark) - 1]}_{mark}"


class ToolNames:
    """Both directions. Declaring tools in the same order gives the same names: the prompt's prefix stays."""

    __slots__ = ("_flat", "_target")

    def __init__(self, targets: list[Target]) -> None:
        self._flat: dict[tuple[str | None, str], str] = {}
        self._target: dict[str, Target] = {}
        for target in sorted(targets, key=lambda each: each.namespace is not None):
            self._declare(target)

    def _declare(self, target: Target) -> None:
        place = (target.namespace, target.name)
        if place in self._flat:
            return
        wanted = name = flatten(target)
        count = 2
        while name in self._target:
            ending = f"_{count}"
            name, count = wanted[: MOST_CHARACTERS - len(ending)] + ending, count + 1
        self._flat[place] = name
        self._target[name] = target

    def flat(self, name: str, namespace: str | None = None) -> str:
        """The name in chat, also of a tool that is no longer offered: histories name such tools."""
        known = self._flat.get((namespace, name))
        return known or flatten(Target(name=name, namespace=namespace))

    def find(self, name: str) -> str | None:
        """The flat name of what a client calls ``name`` without its group, where only one tool can be meant."""
        if (None, name) in self._flat:
            return self._flat[None, name]
        grouped = [flat for (_, short), flat in self._flat.items() if short == name]
        return grouped[0] if len(grouped) == 1 else None

    def target(self, flat: str) -> Target:
        """What the client declared; a model that leaves the group out is understood where one tool can be meant."""
        known = self._target.get(flat) or self._target.get(self.find(flat) or "")
        return known or Target(name=flat)

    def offers(self, flat: str) -> bool:
        """Whether a tool of this flat name was declared."""
        return flat in self._target
