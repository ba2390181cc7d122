"""The names a client may send, laid out so that an id or an alias is found by one dict lookup. Pure.

Says which profile a name belongs to; ``resolve`` adds selectors, pins and errors.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from gateway.catalog.profile import ModelProfile, Variant

Side = Literal["local", "cloud"]
Matched = Literal["id", "alias", "wildcard", "selector"]


class Resolution(Struct, frozen=True, kw_only=True):
    """What a name means. ``variant``: the name or a selector chose one; ``pinned_side``: the name said where."""

    profile: ModelProfile
    matched: Matched
    variant: Variant | None = None
    pinned_side: Side | None = None


class Pattern(Struct, frozen=True):
    """Text in which ``*`` stands for any text, also none, cut into its literal parts; ``low``: in lower case."""

    text: str
    parts: tuple[str, ...]
    low: tuple[str, ...]

    def matches(self, name: str, *, folded: bool = False) -> bool:
        """Linear in ``name`` however many stars there are: a client chooses the name, so no regular expression."""
        parts = self.low if folded else self.parts
        if len(parts) == 1:
            return name == parts[0]
        first, last = parts[0], parts[-1]
        end = len(name) - len(last)
        if len(first) > end or not name.startswith(first) or not name.endswith(last):
            return False
        at = len(first)
        for part in parts[1:-1]:
            found = name.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


class Wildcard(Struct, frozen=True):
    """An alias with ``*`` and what it means."""

    pattern: Pattern
    resolution: Resolution

    def matches(self, name: str, *, folded: bool = False) -> bool:
        """As ``Pattern.matches``."""
        return self.pattern.matches(name, folded=folded)


def compile_pattern(text: str) -> Pattern:
    """``text``, ready to match."""
    return Pattern(text, tuple(text.split("*")), tuple(text.lower().split("*")))


def compile_wildcard(pattern: str, resolution: Resolution) -> Wildcard:
    """``pattern`` with at least one ``*``, ready to match."""
    return Wildcard(compile_pattern(pattern), resolution)


class Names(Struct, frozen=True, kw_only=True):
    """``exact``: ids and plain aliases as written; ``folded``: in lower case; ``wildcards``: most specific first."""

    exact: Mapping[str, Resolution]
    folded: Mapping[str, Resolution]
    wildcards: tuple[Wildcard, ...]

    def whole(self, name: str) -> Resolution | None:
        """An id or a plain alias: as written first, then whatever the case."""
        return self.exact.get(name) or self.folded.get(name.lower())

    def wild(self, name: str) -> Resolution | None:
        """The most specific wildcard that matches: as written first, then whatever the case."""
        for wildcard in self.wildcards:
            if wildcard.matches(name):
                return wildcard.resolution
        low = name.lower()
        for wildcard in self.wildcards:
            if wildcard.matches(low, folded=True):
                return wildcard.resolution
        return None


def index(profiles: Iterable[ModelProfile]) -> Names:
    """Names of ``profiles``, in declaration order. Ids win over aliases; of two equal aliases the first one stays."""
    exact: dict[str, Resolution] = {}
    wildcards: list[Wildcard] = []
    listed = list(profiles)
    for profile in listed:
        exact[profile.id] = Resolution(profile=profile, matched="id")
    for profile in listed:
        for alias in profile.aliases:
            if "*" in alias:
                found = Resolution(profile=profile, matched="wildcard")
                wildcards.append(compile_wildcard(alias, found))
            else:
                exact.setdefault(alias, Resolution(profile=profile, matched="alias"))
    folded: dict[str, Resolution] = {}
    for name, resolution in exact.items():
        folded.setdefault(name.lower(), resolution)
    wildcards.sort(key=lambda w: (-len(w.pattern.parts[0]), -len(w.pattern.text)))
    return Names(exact=exact, folded=folded, wildcards=tuple(wildcards))
