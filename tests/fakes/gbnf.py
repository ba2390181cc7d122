"""A small matcher for llama.cpp's grammar notation: tells whether a grammar accepts a whole text. For tests only."""

import re
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:("(?:\\.|[^"\\])*")|(\[(?:\\.|[^\]\\])*\])|([A-Za-z][\w-]*)|(\{\d+(?:,\d*)?\})|([()|*+?]))', re.DOTALL
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class Matcher:
    """Raises ``ValueError`` for a grammar that does not parse or names a rule that is not there."""

    def __init__(self, grammar: str) -> None:
        self.rules: dict[str, Any] = {}
        for line in grammar.splitlines():
            name, _, body = line.partition(" ::= ")
            tokens = _tokens(body)
            self.rules[name] = _alternatives(tokens)
            if tokens:
                raise ValueError(f"{name}: rest {tokens}")
        for name, node in self.rules.items():
            for used in _names(node):
                if used not in self.rules:
                    raise ValueError(f"{name} uses {used}")

    def accepts(self, text: str) -> bool:
        """Whether ``root`` matches all of ``text``."""
        self._text, self._memo = text, {}
        return len(text) in self._ends(("rule", "root"), 0)

    def _ends(self, node: Any, at: int) -> frozenset[int]:
        key = (id(node) if node[0] != "rule" else node[1], at)
        if key not in self._memo:
            self._memo[key] = frozenset()
            self._memo[key] = frozenset(self._compute(node, at))
        return self._memo[key]

    def _compute(self, node: Any, at: int) -> set[int]:
        kind = node[0]
        if kind == "literal":
            return {at + len(node[1])} if self._text.startswith(node[1], at) else set()
        if kind == "class":
            return {at + 1} if at < len(self._text) and node[1](self._text[at]) else set()
        if kind == "rule":
            return set(self._ends(self.rules[node[1]], at))
        if kind == "any":
            return {end for option in node[1] for end in self._ends(option, at)}
        if kind == "sequence":
            ends = {at}
            for part in node[1]:
                ends = {end for begin in ends for end in self._ends(part, begin)}
            return ends
        _, part, least, most = node
        ends, found, count = {at}, {at} if least == 0 else set(), 0
        while ends and (most is None or count < most):
            ends = {end for begin in ends for end in self._ends(part, begin)} - (found if count >= least else set())
            count += 1
            if count >= least:
                found |= ends
        return found


def _tokens(body: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    kinds = ("literal", "class", "name", "repeat", "sign")
    while at < len(body.rstrip()):
        found = _TOKEN.match(body, at)
        if not found:
            raise ValueError(f"cannot read {body[at : at + 40]!r}")
        tokens.append((kinds[found.lastindex - 1], found.group(found.lastindex)))
        at = found.end()
    return tokens


def _alternatives(tokens: list[tuple[str, str]]) -> Any:
    options = [_sequence(tokens)]
    while tokens and tokens[0] == ("sign", "|"):
        tokens.pop(0)
        options.append(_sequence(tokens))
    return ("any", options)


def _sequence(tokens: list[tuple[str, str]]) -> Any:
    parts = []
    while tokens and tokens[0] not in (("sign", "|"), ("sign", ")")):
        parts.append(_repeated(_atom(tokens), tokens))
    return ("sequence", parts)


def _atom(tokens: list[tuple[str, str]]) -> Any:
    kind, text = tokens.pop(0)
    if kind == "literal":
        return ("literal", _unescaped(text[1:-1]))
    if kind == "class":
        return ("class", _class(text[1:-1]))
    if kind == "name":
        return ("rule", text)
    if text != "(":
        raise ValueError(f"unexpected {text}")
    body = _alternatives(tokens)
    if not tokens or tokens.pop(0)[1] != ")":
        raise ValueError("a parenthesis stays open")
    return body


def _repeated(node: Any, tokens: list[tuple[str, str]]) -> Any:
    if not tokens or (tokens[0][0] != "repeat" and tokens[0][1] not in ("*", "+", "?")):
        return node
    text = tokens.pop(0)[1]
    if text in "*+?":
        return ("repeat", node, {"*": 0, "+": 1, "?": 0}[text], {"*": None, "+": None, "?": 1}[text])
    least, comma, most = text[1:-1].partition(",")
    return ("repeat", node, int(least), int(most) if most else None if comma else int(least))


def _unescaped(text: str) -> str:
    unknown = re.search(r'\\([^xtrn\\"\[\]])', re.sub(r"\\\\", "", text))
    if unknown:
        raise ValueError(f"llama.cpp does not know the escape {unknown.group()}")
    return re.sub(
        r"\\(x[0-9A-Fa-f]{2}|.)",
        lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" and len(m[1]) == 3 else _ESCAPES.get(m[1], m[1]),
        text,
        flags=re.DOTALL,
    )


def _class(body: str) -> Any:
    negated = body.startswith("^")
    parts = re.findall(r"\\x[0-9A-Fa-f]{2}|\\.|.", body[1:] if negated else body, flags=re.DOTALL)
    ranges, at = [], 0
    while at < len(parts):
        first = _unescaped(parts[at])
        if at + 2 < len(parts) and parts[at + 1] == "-":
            ranges.append((first, _unescaped(parts[at + 2])))
            at += 3
        else:
            ranges.append((first, first))
            at += 1
    return lambda char: any(low <= char <= high for low, high in ranges) != negated


def _names(node: Any) -> set[str]:
    if node[0] == "rule":
        return {node[1]}
    if node[0] in ("any", "sequence"):
        return set().union(*(_names(part) for part in node[1])) if node[1] else set()
    return _names(node[1]) if node[0] == "repeat" else set()
