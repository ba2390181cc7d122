"""What an engine is asked to count is the prompt that it would answer, in the words of its own ``/tokenize``."""

import json
from typing import Any

import pytest

from backends.wire.envelope import Envelope
from gateway.http.count_body import count_body
from tests.unit.gateway.http.test_engine_body import LLAMA, OTHER, VLLM, candidate

SAID = [{"role": "assistant", "content": '"reasoning_content":', "reasoning_content": "hm"}]
CHAT = {"model": "asked", "messages": SAID, "tools": [{"type": "function"}], "max_tokens": 5, "stream": True}


def counted(engine: Any, **fields: object) -> dict:
    chat = Envelope.parse(json.dumps(CHAT | fields, separators=(",", ":")).encode())
    return json.loads(count_body(chat, candidate(engine)))


def test_our_own_gets_the_fields_as_they_are():
    assert counted(LLAMA, reasoning_effort="low") == {
        "messages": SAID, "tools": CHAT["tools"], "reasoning_effort": "low",
    }  # fmt: skip


@pytest.mark.parametrize(("engine", "name"), [(VLLM, "m"), (OTHER, "theirs")])
@pytest.mark.parametrize(("effort", "thinks"), [("none", False), ("high", True)])
def test_vllm_gets_thoughts_and_effort_by_its_own_names(engine, name, effort, thinks):
    told = counted(engine, reasoning_effort=effort)
    assert told["model"] == name
    assert told["messages"] == [{"role": "assistant", "content": '"reasoning_content":', "reasoning": "hm"}]
    assert told["chat_template_kwargs"] == {"enable_thinking": thinks, "thinking": thinks, "reasoning_effort": effort}
    assert told["tools"] == CHAT["tools"]
    assert not {"max_tokens", "stream"} & set(told)


@pytest.mark.parametrize("effort", [{}, {"reasoning_effort": None}])
def test_effort_that_nobody_said_is_left_to_the_template(effort):
    assert "chat_template_kwargs" not in counted(VLLM, **effort)
