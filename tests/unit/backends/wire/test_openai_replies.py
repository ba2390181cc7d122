"""Answers of the OpenAI dialect encode to the fields that clients require: null where null, absent where absent."""

import json

import msgspec

from backends.wire.openai_chat_reply import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    Delta,
    FunctionDelta,
    ReplyMessage,
    ToolCallDelta,
)
from backends.wire.openai_usage import PromptDetails, Usage

USAGE = Usage(
    prompt_tokens=5, completion_tokens=2, total_tokens=7, prompt_tokens_details=PromptDetails(cached_tokens=3)
)


def test_a_whole_answer_says_null_where_openai_does() -> None:
    choice = Choice(index=0, message=ReplyMessage(content=None), finish_reason="stop")
    answer = json.loads(
        msgspec.json.encode(ChatCompletion(id="c", created=1, model="m", choices=[choice], usage=USAGE))
    )
    assert answer["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": None, "refusal": None},
        "finish_reason": "stop",
        "logprobs": None,
    }
    assert answer["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 3},
    }


def test_a_chunk_leaves_out_what_it_does_not_say() -> None:
    call = ToolCallDelta(index=1, function=FunctionDelta(arguments="{"))
    chunk = ChatCompletionChunk(
        id="c", created=1, model="m", choices=[ChunkChoice(index=0, delta=Delta(tool_calls=[call]))]
    )
    body = json.loads(msgspec.json.encode(chunk))
    assert "usage" not in body
    assert body["choices"][0]["delta"] == {"tool_calls": [{"index": 1, "function": {"arguments": "{"}}]}
    assert body["choices"][0]["finish_reason"] is None
