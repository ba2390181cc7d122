"""The chat completions request: its shape, its bounds and the rules across fields.

Tolerant of unknown top-level fields, which are dropped. It never renders, never samples and never answers: the shapes
of answers are in ``openai_chat_reply``.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from backends.wire.openai_sampling import Sampling, TokenCount, refuse, validate_sampling

MAX_MESSAGES = 2048
MAX_TOOLS = 128
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
ToolName = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:/-]+$")]


class TextPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    text: str


class RefusalPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="refusal"):
    refusal: str


class ImageUrl(Struct, frozen=True, kw_only=True):
    """``url`` is an address or a ``data:`` URL."""

    url: str
    detail: str | None = None


class Media(Struct, frozen=True, kw_only=True, tag_field="type"):
    """``uuid`` is what vLLM keeps a picture under: to show another's by its name, or one's own to others."""

    uuid: object = UNSET


class ImagePart(Media, frozen=True, kw_only=True, tag="image_url"):
    image_url: ImageUrl


class VideoPart(Media, frozen=True, kw_only=True, tag="video_url"):
    video_url: ImageUrl


class InputAudio(Struct, frozen=True, kw_only=True):
    """``data`` is base64."""

    data: str
    format: str


class AudioPart(Media, frozen=True, kw_only=True, tag="input_audio"):
    input_audio: InputAudio


class FilePart(Struct, frozen=True, kw_only=True, tag_field="type", tag="file"):
    file: dict[str, str]


Part = TextPart | RefusalPart | ImagePart | VideoPart | AudioPart | FilePart


class FunctionCall(Struct, frozen=True, kw_only=True):
    """``arguments`` is JSON text as the model wrote it."""

    name: str
    arguments: str = "{}"


class ToolCall(Struct, frozen=True, kw_only=True):
    function: FunctionCall
    id: str | None = None
    type: Literal["function"] | None = "function"


class Message(Struct, frozen=True, kw_only=True):
    """One message of the conversation; which fields must be there depends on ``role``: see ``validate``."""

    role: Role
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: Annotated[list[ToolCall], Meta(max_length=MAX_TOOLS)] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None

    def text(self) -> str:
        """The text of the content, parts joined by newlines; a refusal is what was said, too."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        texts: list[str] = []
        for part in self.content:
            if isinstance(part, TextPart):
                texts.append(part.text)
            elif isinstance(part, RefusalPart):
                texts.append(part.refusal)
        return "\n".join(texts)


class Function(Struct, frozen=True, kw_only=True):
    """``parameters`` is a JSON Schema; none means no parameters."""

    name: ToolName
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class Tool(Struct, frozen=True, kw_only=True):
    function: Function
    type: Literal["function"] = "function"


class NamedFunction(Struct, frozen=True, kw_only=True):
    name: ToolName


class NamedChoice(Struct, frozen=True, kw_only=True):
    function: NamedFunction
    type: Literal["function"] = "function"


class TextFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    pass


class JsonObjectFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    pass


class NamedSchema(Struct, frozen=True, kw_only=True):
    schema: dict[str, object]
    name: str = ""
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    json_schema: NamedSchema


Effort = Annotated[str, Meta(max_length=16)]
"""``none``, ``minimal``, ``low``, ``medium``, ``high`` and what comes: templates know some of them, or none."""
ToolChoice = Literal["none", "auto", "required"] | NamedChoice
ResponseFormat = TextFormat | JsonObjectFormat | JsonSchemaFormat


class ChatRequest(Sampling, frozen=True, kw_only=True):
    """The body of ``POST /v1/chat/completions``.

    ``continue_final_message``, as vLLM has it: the answer goes on where the last message, the assistant's, ends; then
    ``add_generation_prompt`` is false.
    """

    messages: Annotated[list[Message], Meta(min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: Annotated[list[Tool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    continue_final_message: bool | None = None
    add_generation_prompt: bool | None = None

    def token_limit(self) -> int | None:
        """The client's limit on generated tokens; the newer field wins."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens


def continues(request: ChatRequest) -> bool:
    """Whether the answer goes on with the last message."""
    last = request.messages[-1]
    return bool(request.continue_final_message) and last.role == "assistant" and not last.tool_calls


def validate(request: ChatRequest) -> None:
    """Check the rules that no single field can express. Raises ``BackendError(INVALID_REQUEST)`` with ``param``."""
    validate_sampling(request)
    if request.top_logprobs and not request.logprobs:
        raise refuse("top_logprobs", "needs logprobs to be true")
    for index, message in enumerate(request.messages):
        _validate_message(index, message)
    if request.tools is not None or request.tool_choice is not None:
        _validate_tools(request)


def _validate_message(index: int, message: Message) -> None:
    if message.content is None and message.role != "assistant":
        raise refuse(f"messages[{index}].content", f"a {message.role} message needs content")
    if message.role == "tool" and not message.tool_call_id:
        raise refuse(f"messages[{index}].tool_call_id", "a tool message names the call that it answers")
    if message.content is not None and not isinstance(message.content, str):
        for at, part in enumerate(message.content):
            if isinstance(part, Media) and part.uuid is not UNSET and part.uuid is not None:
                raise refuse(f"messages[{index}].content[{at}].uuid", "not accepted from clients")
    if message.tool_calls and message.role != "assistant":
        raise refuse(f"messages[{index}].tool_calls", "only assistant messages call tools")


def _validate_tools(request: ChatRequest) -> None:
    names: set[str] = set()
    for index, tool in enumerate(request.tools or ()):
        if tool.function.name in names:
            raise refuse(f"tools[{index}].function.name", f"{tool.function.name!r} is declared twice")
        names.add(tool.function.name)
    if isinstance(request.tool_choice, NamedChoice):
        if request.tool_choice.function.name not in names:
            raise refuse("tool_choice", f"there is no tool named {request.tool_choice.function.name!r}")
    elif request.tool_choice == "required" and not names:
        raise refuse("tool_choice", "'required' needs at least one tool")
    forced = request.tool_choice == "required" or isinstance(request.tool_choice, NamedChoice)
    if forced and isinstance(request.response_format, JsonObjectFormat | JsonSchemaFormat):
        raise refuse("response_format", "a forced tool call and a response format exclude each other")
