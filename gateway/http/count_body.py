"""A chat as an engine's ``/tokenize`` gets it, so that it counts the prompt that it would answer."""

import msgspec
from msgspec import Raw

from backends.external.args import ExternalArgs
from backends.translate.renamed_key import Renaming
from backends.vllm.args import VllmArgs
from backends.wire.envelope import Envelope
from gateway.http.engine_body import name_at, says
from gateway.routing.route import Candidate

_COUNTS = (
    "messages", "tools", "tool_choice", "response_format", "reasoning_effort", "continue_final_message",
    "add_generation_prompt",
)  # fmt: skip
"""All of a chat request that changes its prompt."""
_THOUGHTS = Renaming("reasoning_content", "reasoning")


def count_body(chat: Envelope, candidate: Candidate) -> bytes:
    """``chat`` is our own: a translated one, without spaces."""
    if not isinstance(candidate.variant.engine, VllmArgs | ExternalArgs):
        return chat.only(_COUNTS)
    # vLLM's takes the model's words for effort and thoughts, where its chats take OpenAI's.
    told: dict[str, Raw] = {"model": Raw(msgspec.json.encode(name_at(candidate)))}
    if (messages := chat.get("messages")) is not None:
        told["messages"] = Raw(_THOUGHTS.whole(bytes(messages)))
    if says(chat, "reasoning_effort"):
        effort = msgspec.json.decode(chat.get("reasoning_effort") or b'""', type=str)
        thinks = effort != "none"
        told["chat_template_kwargs"] = Raw(
            msgspec.json.encode({"enable_thinking": thinks, "thinking": thinks, "reasoning_effort": effort})
        )
    fields = {name: raw for name in _COUNTS if (raw := chat.get(name)) is not None}
    return msgspec.json.encode(fields | told)
