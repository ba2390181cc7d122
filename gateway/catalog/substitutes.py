"""The operator's own table of names: what clients ask for by default, and what is served instead. Pure.

``claude-*=qwen3-coder-next,gpt-*=auto:chat``. Ids and plain aliases of models that run here come before it, all else
after it: also models that only a cloud serves, which ``cloud/NAME`` still reaches.
"""

from msgspec import Struct

from gateway.catalog.names import Pattern, compile_pattern


class Substitutes(Struct, frozen=True, kw_only=True):
    """``table``: patterns (``*`` stands for any text) and names, first match wins; ``default`` for unknown names."""

    table: tuple[tuple[Pattern, str], ...] = ()
    default: str | None = None

    def of(self, name: str) -> str | None:
        """What is served for ``name``, if the operator says."""
        low = name.lower()
        return next((target for pattern, target in self.table if pattern.matches(low, folded=True)), None)


def parse_substitutes(entries: tuple[str, ...], default: str | None) -> Substitutes:
    """From ``PATTERN=NAME``. Raises ``ValueError`` in a sentence."""
    table: list[tuple[Pattern, str]] = []
    for entry in entries:
        pattern, found, target = (part.strip() for part in entry.partition("="))
        if not (found and pattern and target):
            raise ValueError(f"write model aliases as PATTERN=MODEL: {entry!r} is not")
        table.append((compile_pattern(pattern), target))
    return Substitutes(table=tuple(table), default=default)
