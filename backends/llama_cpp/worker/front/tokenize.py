"""``POST /tokenize``: how many tokens a prompt or a conversation would take, without generating."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.json import encode

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.front.exchange import Exchange
from backends.llama_cpp.worker.front.service import Service
from backends.wire.decode import decode
from backends.wire.openai_chat import MAX_MESSAGES, MAX_TOOLS, ChatRequest, Message, ResponseFormat, Tool, ToolChoice


class TokenizeRequest(Struct, frozen=True, kw_only=True):
    """Either ``prompt``, or ``messages`` with what else of a chat request changes its prompt."""

    prompt: str | None = None
    messages: Annotated[list[Message], Meta(min_length=1, max_length=MAX_MESSAGES)] | None = None
    tools: Annotated[list[Tool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    continue_final_message: bool | None = None


class TokenizeReply(Struct, frozen=True):
    """``count`` is what a generation would report as prompt tokens."""

    count: int
    tokens: list[int]


async def tokenize(service: Service, exchange: Exchange, body: bytes) -> None:
    """Answer one request."""
    request = decode(body, TokenizeRequest)
    if request.messages is not None:
        chat = ChatRequest(
            model=service.model,
            messages=request.messages,
            tools=request.tools,
            tool_choice=request.tool_choice,
            response_format=request.response_format,
            reasoning_effort=request.reasoning_effort,
            continue_final_message=request.continue_final_message,
        )
        text = service.conversation.turn(chat).text
    elif request.prompt is not None:
        text = request.prompt
    else:
        raise BackendError(Cause.INVALID_REQUEST, "Either prompt or messages is required.", param="prompt")
    tokens = service.with_bos(await service.runtime.tokenize(text))
    await exchange.reply(200, encode(TokenizeReply(len(tokens), tokens)))
