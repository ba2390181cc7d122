"""Grammars that leave a model no choice but to call a tool, by family. Pure."""

from collections.abc import Mapping
from typing import cast

from msgspec import Struct

from backends.translate.json_schema_grammar import Grammar, literal
from backends.translate.schema_place import Place
from backends.translate.tool_calls.offered import Offered, Schema
from backends.translate.tool_calls.tagged import Tags

MAX_CALLS = 8
_JSON_CALL = '"{" space "\\"name\\":" space %s "," space %s space %s space "}"'


class Wrapping(Struct, frozen=True, kw_only=True):
    """Literals around one call, and between two of them; ``arguments`` is the key of the arguments.

    ``named``: what stands before the object of a call, with ``{name}`` in it. ``tags``: parameters stand between tags.
    ``python``: a call is written as Python.
    """

    before: str = ""
    after: str = ""
    arguments: str = "arguments"
    named: str = ""
    tags: Tags | None = None
    python: bool = False


def forced(wrapping: Wrapping, offered: Offered, name: str | None) -> str:
    """GBNF for exactly one call of ``name``, or for one to ``MAX_CALLS`` calls of any tool when it is None.

    Raises ``BackendError(INVALID_REQUEST)`` for a parameter schema that cannot be enforced.
    """
    grammar = Grammar()
    names = [name] if name is not None else list(offered.parameters)
    calls = " | ".join(_call(grammar, wrapping, offered, each, index) for index, each in enumerate(names))
    grammar.add("call", f"{literal(wrapping.before)} ( {calls} ) {literal(wrapping.after)}")
    repeats = name is None and bool(wrapping.before)
    grammar.add("root", f'call ( "\\n" call ){{0,{MAX_CALLS - 1}}}' if repeats else "call")
    return grammar.text()


def _call(grammar: Grammar, wrapping: Wrapping, offered: Offered, name: str, index: int) -> str:
    schema = {"type": "object", **offered.parameters[name]}
    where = f"tools[{index}].function.parameters"
    rule = f"call-{index}"
    if wrapping.tags is not None:
        grammar.add(rule, _tagged(grammar, wrapping.tags, name, schema, where))
    elif wrapping.python:
        grammar.add(rule, _python(grammar, name, schema, where))
    elif wrapping.named:
        grammar.add(rule, f"{literal(wrapping.named.format(name=name))} {grammar.schema(schema, where)}")
    else:
        quoted, key = literal(f'"{name}"'), literal(f'"{wrapping.arguments}":')
        grammar.add(rule, _JSON_CALL % (quoted, key, grammar.schema(schema, where)))
    return rule


def _tagged(grammar: Grammar, tags: Tags, name: str, schema: Schema, where: str) -> str:
    head = f"{tags.function}{name}{tags.name_end}"
    parts = [literal(head if head.endswith("\n") else f"{head}\n")]
    line = "\n" if tags.lines else ""
    for key, value, needed in _properties(schema, where):
        plain = _plain_text(value)
        rule = _tag_text(grammar) if plain else grammar.schema(value, f"{where}.properties.{key}", schema)
        opening = f"{tags.parameter}{key}{tags.key_end}" + (f"\n{tags.value}" if tags.value else line)
        part = f"{literal(opening)} {rule} {literal(f'{line}{tags.value_end}' + _NEWLINE)}"
        parts.append(part if needed else f"( {part} )?")
    return " ".join([*parts, literal(tags.function_end)])


def _python(grammar: Grammar, name: str, schema: Schema, where: str) -> str:
    """``name(key=value, …)`` with JSON's literals, of which the parser knows those that Python spells otherwise."""
    parts: list[str] = []
    for key, value, needed in _properties(schema, where):
        rule = grammar.schema(value, f"{where}.properties.{key}", schema)
        part = f'{literal(f"{key}=")} {rule} ", "?'
        parts.append(part if needed else f"( {part} )?")
    return " ".join([literal(f"{name}("), *parts, literal(")")])


def _properties(schema: Schema, where: str) -> list[tuple[str, object, bool]]:
    """Names, schemas, and whether they must be there."""
    place = Place(where, schema)
    properties = place.mapping(schema.get("properties"), "properties")
    required = place.sequence(schema.get("required") or [], "required")
    return [(key, value, key in required) for key, value in properties.items()]


_NEWLINE = "\n"


def _plain_text(schema: object) -> bool:
    if not isinstance(schema, Mapping):
        return False
    keywords = cast("Schema", schema)
    return keywords.get("type") == "string" and not {"enum", "const", "pattern"} & keywords.keys()


def _tag_text(grammar: Grammar) -> str:
    """Text in which no closing tag can begin."""
    grammar.add("xml-text", '( [^<] | "<" [^/<] )*')
    return "xml-text"
