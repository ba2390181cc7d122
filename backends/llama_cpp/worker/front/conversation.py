"""From a conversation to the text of a prompt, and to the grammar and the parsers that its answer needs.

Owns the choice of template, tool format and reasoning for one loaded model. Rendering happens in Jinja's sandbox
(``backends.translate.chat_template``); nothing in a request chooses or changes a template.
"""

from typing import Literal

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.worker.front.answer import Answer
from backends.llama_cpp.worker.runtime import ModelFacts, Runtime
from backends.translate.chat_template import CHATML, ChatTemplate
from backends.translate.json_schema_grammar import to_gbnf
from backends.translate.reasoning import ReasoningSplitter
from backends.translate.tool_calls import formats
from backends.wire.openai_chat import (
    ChatRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    NamedChoice,
    RefusalPart,
    TextPart,
    continues,
)

_OPEN, _CLOSE = "<think>", "</think>"
_MARKERS = (
    *(_OPEN, _CLOSE),
    *("<tool_call>", "</tool_call>", "<function=", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>"),
)
_ANY_OBJECT: dict[str, object] = {"type": "object"}


class TemplateReport(msgspec.Struct, frozen=True, kw_only=True):
    """``source`` is ``gguf`` or ``chatml`` (the fallback for files without a template)."""

    source: str
    tool_format: str
    tools: bool


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as text with what its answer must obey (``grammar``) and how it is read."""

    text: str
    grammar: str
    tools: tuple[dict[str, object], ...]
    tool_format: formats.ToolFormat
    reasoning: Literal["none", "closed", "open"]

    def answer(self, request: ChatRequest) -> Answer:
        """A fresh reader for one choice."""
        splitter = None
        if self.reasoning != "none":
            splitter = ReasoningSplitter(_OPEN, _CLOSE, starts_open=self.reasoning == "open")
        parser = self.tool_format.parser(list(self.tools)) if self.tools else None
        return Answer(request.stop_strings(), splitter, parser, one_call=request.parallel_tool_calls is False)


class Conversation:
    """The template and the formats of one model. ``shown`` are control tokens that parsers need to see."""

    def __init__(self, facts: ModelFacts, args: LlamaCppArgs, shown: frozenset[int]) -> None:
        self.shown = shown
        self._from_file = bool(facts.chat_template)
        source = facts.chat_template or CHATML
        self._template = ChatTemplate(source, facts.bos_text, facts.eos_text)
        self._format = formats.pick(source, args.tool_format)
        self._renders_tools = "tools" in source
        self._format_name = args.tool_format
        self._thinks = args.reasoning == "think" or (args.reasoning == "auto" and _OPEN in source)

    @classmethod
    async def load(cls, runtime: Runtime, args: LlamaCppArgs) -> "Conversation":
        """Learn which markers are single tokens. Raises ``BackendError(LOAD_FAILED)`` for a template that is broken."""
        found = [await runtime.tokenize(marker) for marker in _MARKERS]
        return cls(runtime.facts, args, frozenset(tokens[0] for tokens in found if len(tokens) == 1))

    @property
    def report(self) -> TemplateReport:
        source = "gguf" if self._from_file else "chatml"
        return TemplateReport(source=source, tool_format=self._format.name, tools=self._renders_tools)

    def turn(self, request: ChatRequest) -> Turn:
        """Render the conversation. Raises ``BackendError(INVALID_REQUEST)``: media and bad schemas."""
        messages = [_plain(index, message) for index, message in enumerate(request.messages)]
        tools: list[dict[str, object]] = []
        if request.tool_choice != "none":
            tools = [_builtins(tool) for tool in request.tools or ()]
        if not self._renders_tools:
            messages = self._format.render_tools_into_system(messages, tools)
        told = tools if tools and self._renders_tools else None
        if continues(request):
            text = self._template.begun(messages, told, request.reasoning_effort)
        else:
            text = self._template.render(messages, told, effort=request.reasoning_effort)
        grammar = self._grammar(request, tools)
        opened = text.rstrip().endswith(_OPEN)
        if grammar and opened:
            text = text.rstrip() + f"\n\n{_CLOSE}\n\n"
        thinks = self._thinks and not grammar
        return Turn(
            text=text,
            grammar=grammar,
            tools=tuple(tools),
            tool_format=self._format,
            reasoning="none" if not thinks else "open" if opened else "closed",
        )

    def _grammar(self, request: ChatRequest, tools: list[dict[str, object]]) -> str:
        choice = request.tool_choice
        if isinstance(choice, NamedChoice):
            return self._format.grammar(tools, choice.function.name)
        if choice == "required":
            return self._format.grammar(tools, None)
        if isinstance(request.response_format, JsonSchemaFormat):
            return to_gbnf(request.response_format.json_schema.schema)
        if isinstance(request.response_format, JsonObjectFormat):
            return to_gbnf(_ANY_OBJECT)
        return ""


def _plain(index: int, message: Message) -> dict[str, object]:
    """A message as templates know it: text only, no nulls, no ``developer``."""
    if isinstance(message.content, list):
        for place, part in enumerate(message.content):
            if not isinstance(part, TextPart | RefusalPart):
                param = f"messages[{index}].content[{place}]"
                raise BackendError(Cause.INVALID_REQUEST, f"{param}: this model reads text only.", param=param)
    plain = {key: value for key, value in _builtins(message).items() if value is not None}
    plain["content"] = message.text()
    if message.role == "developer":
        plain["role"] = "system"
    return plain


def _builtins(value: msgspec.Struct) -> dict[str, object]:
    return msgspec.to_builtins(value)
