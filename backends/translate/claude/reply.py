"""A whole Message as a chat completion. Pure."""

from msgspec import UNSET

from backends.errors import BackendError, Cause
from backends.translate.anthropic.output import arguments_of
from backends.translate.claude.answer import Answer, Counts, Piece, read
from backends.translate.claude.asked import FORMAT, Thought
from backends.translate.claude.completion import Message, ending, usage_of
from backends.translate.claude.failures import failure
from backends.translate.claude.request import Expected
from backends.translate.responses.names import ToolNames
from backends.wire.openai_chat_reply import ChatCompletion, Choice, FunctionText, MessageToolCall


def to_completion(body: bytes, expected: Expected, *, answer_id: str, created: int, model: str) -> ChatCompletion:
    """``answer_id``, ``created`` (Unix seconds) and ``model`` as the client gets them.

    Raises ``BackendError``: ``UPSTREAM_PROTOCOL`` where ``body`` is no message, else the failure that it tells of.
    """
    answer = read(body)
    if answer.type == "error":
        raise failure(answer.error)
    if answer.content is None:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer holds no message")
    explained = answer.stop_details.explanation if answer.stop_details else None
    ended = ending(answer.stop_reason, answer.stop_sequence, explained, legacy=expected.legacy)
    message = _message(answer, answer.content, expected, ended.explained)
    return ChatCompletion(
        id=answer_id,
        created=created,
        model=model,
        choices=[Choice(index=0, message=message, finish_reason=ended.finish, stop_reason=ended.matched)],
        usage=usage_of(answer.usage or Counts()),
    )


def _message(answer: Answer, content: list[Piece], expected: Expected, explained: str | None) -> Message:
    words = "".join(piece.text or "" for piece in content if piece.type == "text")
    thoughts = "".join(piece.thinking or "" for piece in content if piece.type == "thinking")
    details = [thought for piece in content if (thought := thought_of(piece)) is not None]
    calls = [_call(piece, expected.names) for piece in content if piece.type == "tool_use"]
    legacy = expected.legacy and bool(calls)
    return Message(
        content=words or (None if calls or explained else ""),
        refusal=explained,
        reasoning_content=thoughts or UNSET,
        reasoning_details=details or UNSET,
        function_call=calls[0].function if legacy else UNSET,
        tool_calls=calls if calls and not legacy else UNSET,
    )


def thought_of(piece: Piece) -> Thought | None:
    """What the server wants back in the next turn, as it was. None: it is no thought, or was not signed."""
    if piece.type == "redacted_thinking" and piece.data:
        return Thought(type="reasoning.encrypted", data=piece.data, format=FORMAT)
    if piece.type == "thinking" and piece.signature:
        return Thought(type="reasoning.text", text=piece.thinking, signature=piece.signature, format=FORMAT)
    return None


def _call(piece: Piece, names: ToolNames) -> MessageToolCall:
    name = names.target(piece.name or "").name
    return MessageToolCall(id=piece.id or "", function=FunctionText(name=name, arguments=arguments_of(piece.input)))
