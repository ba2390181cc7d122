"""A chat completion as a Message. Pure."""

from backends.errors import BackendError, Cause
from backends.translate.anthropic.output import NOTHING_ASKED, SIGNATURE, Asked, ending, input_of, usage_of
from backends.translate.chat_answer import Answer
from backends.wire.anthropic_reply import Block, Message, Text, Thinking, ToolUse


def to_message(message_id: str, model: str, completion: Answer, asked: Asked = NOTHING_ASKED) -> Message:
    """Raises ``BackendError(UPSTREAM_PROTOCOL)`` where the backend answered without a message."""
    choice = completion.first()
    if choice is None or choice.message is None:
        raise BackendError(Cause.UPSTREAM_PROTOCOL, "the backend's answer holds no message")
    said = choice.message
    content: list[Block] = []
    if said.thought():
        content.append(Thinking(thinking=said.thought(), signature=SIGNATURE))
    if words := said.words():
        content.append(Text(text=words))
    for number, call in enumerate(said.tool_calls or ()):
        name = (call.function.name if call.function else None) or ""
        arguments = (call.function.arguments if call.function else None) or ""
        given = asked.call_id(call.id, f"{message_id}_{number}")
        content.append(ToolUse(id=given, name=name, input=input_of(arguments)))
    ended = ending(
        choice.finish_reason, choice.matched(), completion.usage, asked, called=bool(said.tool_calls)
    )  # fmt: skip
    return Message(
        id=message_id,
        model=model,
        content=content,
        stop_reason=ended.stop_reason,
        stop_sequence=ended.stop_sequence,
        usage=usage_of(completion.usage),
    )
