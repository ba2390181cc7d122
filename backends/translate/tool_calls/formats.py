"""The families of tool calling: which one a model speaks, its parser, its forcing grammar and its instructions."""

import secrets
from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from backends.translate.tool_calls.deltas import Delta
from backends.translate.tool_calls.forced import Wrapping, forced
from backends.translate.tool_calls.instructions import with_instructions
from backends.translate.tool_calls.offered import Offered
from backends.translate.tool_calls.qwen3_coder import Qwen3CoderParser
from backends.translate.tool_calls.section import Marks, SectionParser

Family = Literal["hermes", "qwen3_coder", "llama3", "mistral", "json"]
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
    """One family. ``marks`` is None for the one that is not JSON."""

    name: Family
    wrapping: Wrapping
    marks: Marks | None
    how: str
    new_id: Callable[[], str] = call_id

    def parser(self, tools: Tools) -> StreamParser:
        """A reader for one answer to a request that offered ``tools``."""
        offered = Offered(tools)
        if self.marks is None:
            return Qwen3CoderParser(offered, self.new_id)
        return SectionParser(self.marks, offered, self.new_id)

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
        marks=_TAGS,
        how=_HERMES,
    ),
    "qwen3_coder": ToolFormat(
        name="qwen3_coder",
        wrapping=Wrapping(before="<tool_call>\n", after="\n</tool_call>", xml=True),
        marks=None,
        how=_XML,
    ),
    "llama3": ToolFormat(
        name="llama3",
        wrapping=Wrapping(arguments="parameters"),
        marks=Marks(opening=("<|python_tag|>",), bare=True),
        how='To call a function, answer only with {"name": <function name>, "parameters": <object of arguments>}.',
    ),
    "mistral": ToolFormat(
        name="mistral",
        wrapping=Wrapping(before="[TOOL_CALLS][", after="]"),
        marks=Marks(opening=("[TOOL_CALLS]",), named=True),
        how="To call functions, answer only with [TOOL_CALLS][" + _PLAIN + "].",
        new_id=short_id,
    ),
    "json": ToolFormat(
        name="json",
        wrapping=Wrapping(),
        marks=Marks(opening=("```json",), closing=("```",), bare=True),
        how="To call a function, answer only with a JSON object: " + _PLAIN,
    ),
}

_MISTRAL_NAMED = ToolFormat(
    name="mistral",
    wrapping=Wrapping(before="[TOOL_CALLS]", named=True),
    marks=FORMATS["mistral"].marks,
    how=FORMATS["mistral"].how,
    new_id=short_id,
)


def pick(template: str, configured: Literal["auto"] | Family) -> ToolFormat:
    """The family that a profile names, or the one whose marks the model's chat template writes."""
    family = _family(template) if configured == "auto" else configured
    return _MISTRAL_NAMED if family == "mistral" and "[ARGS]" in template else FORMATS[family]


def _family(template: str) -> Family:
    if "<function=" in template:
        return "qwen3_coder"
    if "<tool_call>" in template:
        return "hermes"
    if "[TOOL_CALLS]" in template:
        return "mistral"
    if "<|python_tag|>" in template or "ipython" in template:
        return "llama3"
    return "json"
