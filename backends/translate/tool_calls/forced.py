"""Grammars that leave a model no choice but to call a tool, by family. Pure."""

from collections.abc import Mapping
from typing import cast

from msgspec import Struct

from backends.translate.json_schema_grammar import Grammar, literal
from backends.translate.schema_place import Place
from backends.translate.tool_calls.offered import Offered, Schema

MAX_CALLS = 8
_JSON_CALL = '"{" space "\\"name\\":" space %s "," space %s space %s space "}"'


class Wrapping(Struct, frozen=True, kw_only=True):
    """Literals around one call, and between two of them; ``arguments`` is the key of the arguments."""

    before: str = ""
    after: str = ""
    arguments: str = "arguments"
    named: bool = False
    xml: bool = False


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
    if wrapping.xml:
        grammar.add(rule, _xml(grammar, name, schema, where))
    elif wrapping.named:
        grammar.add(rule, f'{literal(name)} "[ARGS]" {grammar.schema(schema, where)}')
    else:
        quoted, key = literal(f'"{name}"'), literal(f'"{wrapping.arguments}":')
        grammar.add(rule, _JSON_CALL % (quoted, key, grammar.schema(schema, where)))
    return rule


def _xml(grammar: Grammar, name: str, schema: Schema, where: str) -> str:
    place = Place(where, schema)
    properties = place.mapping(schema.get("properties"), "properties")
    required = place.sequence(schema.get("required") or [], "required")
    parts = [literal(f"<function={name}>\n")]
    for key, value in properties.items():
        rule = _xml_text(grammar) if _plain_text(value) else grammar.schema(value, f"{where}.properties.{key}", schema)
        part = f"{literal(f'<parameter={key}>')} {_NEWLINE} {rule} {literal(f'{_END}')}"
        parts.append(part if key in required else f"( {part} )?")
    return " ".join([*parts, literal("</function>")])


_NEWLINE = literal("\n")
_END = "\n</parameter>\n"


def _plain_text(schema: object) -> bool:
    if not isinstance(schema, Mapping):
        return False
    keywords = cast("Schema", schema)
    return keywords.get("type") == "string" and not {"enum", "const", "pattern"} & keywords.keys()


def _xml_text(grammar: Grammar) -> str:
    """Text in which no closing tag can begin."""
    grammar.add("xml-text", '( [^<] | "<" [^/<] )*')
    return "xml-text"
