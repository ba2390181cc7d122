"""An overflow is told in the words that Anthropic's clients look for, whichever engine said it."""

import pytest

from backends.errors import BackendError, Cause
from gateway.http.messages_dialect import worded

OURS = "This model's maximum context length is 8192 tokens, but the request needs 9001: shorten it"
VLLM = (
    "This model's maximum context length is 1024 tokens. However, your prompt contains {} input tokens, which exceeds"
)
LONG = "This model's maximum context length is 1024 tokens. However, your prompt contains 540050 characters (more than"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (OURS, "prompt is too long: 9001 tokens > 8192 maximum"),
        (VLLM.format("at least 1025"), "prompt is too long: 1025 tokens > 1024 maximum"),
        (VLLM.format(1100), "prompt is too long: 1100 tokens > 1024 maximum"),
        (LONG, "prompt is too long: 1025 tokens > 1024 maximum"),
        ("too much", "too much"),
    ],
)
def test_an_overflow(said, told):
    assert worded(BackendError(Cause.CONTEXT_LENGTH, said)) == told
    assert worded(BackendError(Cause.INVALID_REQUEST, said)) == said
