"""The families of tool calling: which one a model speaks, its parser, its forcing grammar and its instructions."""

import secrets
from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from backends.translate.tool_calls.deltas import Delta
from backends.translate.tool_calls.forced import Wrapping, forced
from backends.translate.tool_calls.instructions import with_instructions
from backends.translate.tool_calls.marked import DEEPSEEK, FUNCTIONARY, FUNCTIONARY_LINES, KIMI, MarkedParser, Spelling
from backends.translate.tool_calls.offered import Offered
from backends.translate.tool_calls.pythonic import PythonicParser
from backends.translate.tool_calls.section import Marks, SectionParser
from backends.translate.tool_calls.tagged import GLM, MINIMAX, QWEN3_CODER, TaggedParser, Tags

Family = Literal[
    "hermes", "qwen3_coder", "llama3", "mistral", "json",
    "glm", "minimax", "kimi", "deepseek", "functionary", "pythonic",
]  # fmt: skip
Tools = list[dict[str, object]]


class StreamParser(Protocol):
    """Reads one answer while it grows."""

    def feed(self, text: str) -> list[Delta]: ...

    def finish(self) -> list[Delta]: ...


def call_id() -> str:
    """An identity as OpenAI writes it."""
    return f"call_{secrets.token_hex(12)}"


def short_id() -> str:
    """Nine letters and digits: Mistral's templates refuse anything else."""
    return secrets.token_hex(5)[:9]


class ToolFormat(Struct, frozen=True, kw_only=True):
    """One family. ``style`` is how it is read: JSON in sections, parameters in tags, names between marks, Python."""

    name: Family
    wrapping: Wrapping
    style: Marks | Tags | Spelling | None
    how: str
    new_id: Callable[[], str] = call_id

    def parser(self, tools: Tools) -> StreamParser:
        """A reader for one answer to a request that offered ``tools``."""
        offered = Offered(tools)
        match self.style:
            case Marks():
                return SectionParser(self.style, offered, self.new_id)
            case Tags():
                return TaggedParser(self.style, offered, self.new_id)
            case Spelling():
                return MarkedParser(self.style, offered, self.new_id)
            case None:
                return PythonicParser(offered, self.new_id)

    def grammar(self, tools: Tools, name: str | None) -> str:
        """GBNF that forces one call of ``name``, or calls of any tool when it is None."""
        return forced(self.wrapping, Offered(tools), name)

    def render_tools_into_system(self, messages: Tools, tools: Tools) -> Tools:
        """The conversation with the tools in words, for templates without a place for them."""
        return with_instructions(messages, tools, self.how, self.wrapping)


_PLAIN = '{"name": <function name>, "arguments": <object of arguments>}'
_HERMES = "To call a function, answer with a JSON object in tags:\n<tool_call>\n" + _PLAIN + "\n</tool_call>"
_XML = (
    "To call a function, answer in this form:\n<tool_call>\n<function=name>\n<parameter=key>\nvalue\n</parameter>\n"
    "</function>\n</tool_call>"
)
_TAGS = Marks(opening=("<tool_call>",), closing=("</tool_call>",))

FORMATS: dict[Family, ToolFormat] = {
    "hermes": ToolFormat(
        name="hermes",
        wrapping=Wrapping(before="<tool_call>\n", after="\n</tool_call>"),
        style=_TAGS,
        how=_HERMES,
    ),
    "qwen3_coder": ToolFormat(
        name="qwen3_coder",
        wrapping=Wrapping(before="<tool_call>\n", after="\n</tool_call>", tags=QWEN3_CODER),
        style=QWEN3_CODER,
        how=_XML,
    ),
    "llama3": ToolFormat(
        name="llama3",
        wrapping=Wrapping(arguments="parameters"),
        style=Marks(opening=("<|python_tag|>",), bare=True),
        how='To call a function, answer only with {"name": <function name>, "parameters": <object of arguments>}.',
    ),
    "mistral": ToolFormat(
        name="mistral",
        wrapping=Wrapping(before="[TOOL_CALLS][", after="]"),
        style=Marks(opening=("[TOOL_CALLS]",), named=True),
        how="To call functions, answer only with [TOOL_CALLS][" + _PLAIN + "].",
        new_id=short_id,
    ),
    "json": ToolFormat(
        name="json",
        wrapping=Wrapping(),
        style=Marks(opening=("```json",), closing=("```",), bare=True),
        how="To call a function, answer only with a JSON object: " + _PLAIN,
    ),
    "glm": ToolFormat(
        name="glm",
        wrapping=Wrapping(tags=GLM),
        style=GLM,
        how="To call a function, answer in this form:\n<tool_call>name\n<arg_key>key</arg_key>\n"
        "<arg_value>value</arg_value>\n</tool_call>",
    ),
    "minimax": ToolFormat(
        name="minimax",
        wrapping=Wrapping(before="<minimax:tool_call>\n", after="\n</minimax:tool_call>", tags=MINIMAX),
        style=MINIMAX,
        how='To call a function, answer in this form:\n<minimax:tool_call>\n<invoke name="name">\n'
        '<parameter name="key">value</parameter>\n</invoke>\n</minimax:tool_call>',
    ),
    "kimi": ToolFormat(
        name="kimi",
        wrapping=Wrapping(
            before="<|tool_calls_section_begin|><|tool_call_begin|>",
            after="<|tool_call_end|><|tool_calls_section_end|>",
            named="functions.{name}:0<|tool_call_argument_begin|>",
        ),
        style=KIMI,
        how="To call a function, answer in this form:\n<|tool_calls_section_begin|><|tool_call_begin|>functions.name:0"
        "<|tool_call_argument_begin|>{arguments}<|tool_call_end|><|tool_calls_section_end|>",
    ),
    "deepseek": ToolFormat(
        name="deepseek",
        wrapping=Wrapping(
            before="<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
            after="<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            named="{name}<｜tool▁sep｜>",
        ),
        style=DEEPSEEK,
        how="To call a function, answer in this form:\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>name<｜tool▁sep｜>"
        "{arguments}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    ),
    "functionary": ToolFormat(
        name="functionary",
        wrapping=Wrapping(before="<function=", after="</function>", named="{name}>"),
        style=FUNCTIONARY,
        how="To call a function, answer in this form:\n<function=name>{arguments}</function>",
    ),
    "pythonic": ToolFormat(
        name="pythonic",
        wrapping=Wrapping(before="[", after="]", python=True),
        style=None,
        how='To call functions, answer only with a list of calls in Python: [name(key="value"), other()].',
    ),
}

_MISTRAL_NAMED = ToolFormat(
    name="mistral",
    wrapping=Wrapping(before="[TOOL_CALLS]", named="{name}[ARGS]"),
    style=FORMATS["mistral"].style,
    how=FORMATS["mistral"].how,
    new_id=short_id,
)


_FUNCTIONARY_LINES = ToolFormat(
    name="functionary",
    wrapping=Wrapping(named="{name}\n"),
    style=FUNCTIONARY_LINES,
    how="To call a function, answer with its name on a line of its own and then {arguments}.",
)


def pick(template: str, configured: Literal["auto"] | Family) -> ToolFormat:
    """The family that a profile names, or the one whose marks the model's chat template writes."""
    family = _family(template) if configured == "auto" else configured
    if family == "mistral" and "[ARGS]" in template:
        return _MISTRAL_NAMED
    if family == "functionary" and ">>>" in template:
        return _FUNCTIONARY_LINES
    return FORMATS[family]


_SIGNS: tuple[tuple[tuple[str, ...], Family], ...] = (
    (("<minimax:tool_call>",), "minimax"),
    (("<|tool_calls_section_begin|>",), "kimi"),
    (("<｜tool▁calls▁begin｜>",), "deepseek"),
    (("<arg_key>",), "glm"),
    (("<tool_call>", "<function="), "qwen3_coder"),
    (("<function=",), "functionary"),
    ((">>>all",), "functionary"),
    (("<tool_call>",), "hermes"),
    (("[TOOL_CALLS]",), "mistral"),
    (("<|python_tag|>",), "llama3"),
    (("ipython",), "llama3"),
)
"""What a template writes, and whose it is; the first of which all is found decides."""


def _family(template: str) -> Family:
    for signs, family in _SIGNS:
        if all(sign in template for sign in signs):
            return family
    return "json"
