"""What Anthropic's Models API answers: entries with what they can do, and pages of them. Shapes only."""

from typing import Literal

from msgspec import Struct

Stage = Literal["active", "deprecated", "retired"]


class Support(Struct, frozen=True):
    supported: bool = False


class ContextManagement(Struct, frozen=True, kw_only=True):
    """By strategy."""

    supported: bool = False
    clear_thinking_20251015: Support = Support()
    clear_tool_uses_20250919: Support = Support()
    compact_20260112: Support = Support()


class Effort(Struct, frozen=True, kw_only=True):
    """By level."""

    supported: bool
    low: Support
    medium: Support
    high: Support
    xhigh: Support
    max: Support


class ThinkingTypes(Struct, frozen=True, kw_only=True):
    """``disabled`` and ``between_tools`` say that they are not refused."""

    enabled: Support
    adaptive: Support
    disabled: Support = Support(supported=True)
    between_tools: Support = Support(supported=True)


class Thinking(Struct, frozen=True, kw_only=True):
    supported: bool
    types: ThinkingTypes


class ServerTools(Struct, frozen=True, kw_only=True):
    supported: bool = False
    code_execution: Support = Support()
    web_search: Support = Support()


class Capabilities(Struct, frozen=True, kw_only=True):
    """All keys are always there."""

    effort: Effort
    structured_outputs: Support
    thinking: Thinking
    batch: Support = Support()
    citations: Support = Support()
    code_execution: Support = Support()
    context_management: ContextManagement = ContextManagement()
    image_input: Support = Support()
    pdf_input: Support = Support()
    server_tools: ServerTools = ServerTools()


class Model(Struct, frozen=True, kw_only=True):
    """Tokens; ``created_at`` in RFC 3339."""

    id: str
    display_name: str
    created_at: str
    max_input_tokens: int | None
    max_tokens: int | None
    capabilities: Capabilities
    lifecycle: Stage
    deprecated_at: str | None = None
    retires_at: str | None = None
    line: str | None = None
    type: str = "model"


class ModelPage(Struct, frozen=True, kw_only=True):
    """``has_more``: in the direction that was asked for."""

    data: list[Model]
    first_id: str | None
    last_id: str | None
    has_more: bool
