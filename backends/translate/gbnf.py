"""Rules of a llama.cpp grammar: names, literals and the library of JSON's own rules. Pure; knows nothing of schemas."""

import re
from collections.abc import Mapping, Sequence

_LONGEST_KEY = 128
_NEEDS_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f]')
_CHAR = r'[^"\\\x7F\x00-\x1F] | "\\" ( ["\\bfnrt/] | "u" [0-9a-fA-F]{4} )'

LIBRARY: dict[str, tuple[str, tuple[str, ...]]] = {
    "space": (r'( " " | "\n" [ \t]{0,20} )?', ()),
    "char": (_CHAR, ()),
    "string": (r'"\"" char* "\""', ("char",)),
    "integer": (r'"-"? ( "0" | [1-9] [0-9]{0,15} )', ()),
    "number": (r'integer ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,3} )?', ("integer",)),
    "boolean": ('"true" | "false"', ()),
    "null": ('"null"', ()),
    "array": ('"[" space ( value ( "," space value )* )? space "]"', ("space", "value")),
    "object": ('"{" space ( member ( "," space member )* )? space "}"', ("space", "member")),
    "member": ('string space ":" space value', ("string", "space", "value")),
    "value": (
        "object | array | string | number | boolean | null",
        ("object", "array", "string", "number", "boolean", "null"),
    ),
    "date": (r'"\"" date-text "\""', ("date-text",)),
    "time": (r'"\"" time-text "\""', ("time-text",)),
    "date-time": (r'"\"" date-text "T" time-text "\""', ("date-text", "time-text")),
    "date-text": ('[0-9]{4} "-" ( "0" [1-9] | "1" [0-2] ) "-" ( "0" [1-9] | [12] [0-9] | "3" [01] )', ()),
    "time-text": (
        (
            '( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] ":" [0-5] [0-9] ( "." [0-9]{1,6} )? '
            '( "Z" | [-+] ( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] )'
        ),
        (),
    ),
    "uuid": (r'"\"" [0-9a-fA-F]{8} ( "-" [0-9a-fA-F]{4} ){3} "-" [0-9a-fA-F]{12} "\""', ()),
}
"""Name: body and the rules that it uses. Numbers are bounded so that a model cannot write digits without end."""


def literal(text: str) -> str:
    """``text`` as a GBNF literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


class Rules:
    """The rules of one grammar, in the order in which they came."""

    def __init__(self, library: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
        self._library = library
        self._bodies: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._bodies)

    def define(self, name: str, body: str) -> str:
        """Define ``name``; returns it."""
        self._bodies[name] = body
        return name

    def fresh(self, prefix: str) -> str:
        """A name that no rule has yet."""
        self._count += 1
        return f"{prefix}-{self._count}"

    def named(self, prefix: str, body: str) -> str:
        """A rule for ``body``; the same body gives the same rule. Simple bodies stay as they are."""
        if not body or body in self._bodies:
            return body
        if body not in self._names:
            self._names[body] = self.define(self.fresh(prefix), body)
        return self._names[body]

    def use(self, name: str) -> str:
        """A rule of the library, with all that it needs."""
        if name not in self._bodies:
            body, needs = self._library[name]
            self._bodies[name] = body
            for need in needs:
                self.use(need)
        return name

    def other_key(self, names: Sequence[str]) -> str:
        """A JSON string that is none of ``names``, as far as they are written without escapes and not too long."""
        self.use("string")
        plain = {name for name in names if len(name) <= _LONGEST_KEY and not _NEEDS_ESCAPE.search(name)}
        if not plain:
            return "string"
        return self.named("key", f'"\\"" {self._other(plain)} "\\""')

    def _other(self, names: set[str]) -> str:
        """The rest of a string that is none of ``names``: at each letter the ways to leave them all."""
        letters = sorted({name[0] for name in names if name})
        options = [
            f"{literal(letter)} {self._other({name[1:] for name in names if name[:1] == letter})}" for letter in letters
        ]
        options.append(f"[^{''.join(in_class(letter) for letter in letters)}" + r'"\\\x7F\x00-\x1F] char*')
        whole = f"( {' | '.join(options)} )"
        return whole if "" in names else whole + "?"

    def text(self) -> str:
        """All rules, one a line, ``root`` wherever it was set."""
        return "".join(f"{name} ::= {body}\n" for name, body in self._bodies.items())


def in_class(letter: str) -> str:
    """``letter`` inside the brackets of a class. ``\\^`` and ``\\-`` are unknown to llama.cpp's parser."""
    return f"\\x{ord(letter):02X}" if letter in "^-" else "\\" + letter if letter in '\\]["' else letter
