"""A limit of tokens above a backend's context is asked for again as much as fits, once; a long prompt is none."""

import json

import pytest

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http.relay import HttpBackend
from backends.http.room import fitting
from tests.fakes.upstream import Peer, plain, upstream
from tests.unit.backends.http.calls import answers, read

VLLM = "max_tokens=32000 cannot be greater than max_model_len=1024. Please request fewer output tokens. (parameter=…)"
BEFORE = (
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 8192 tokens \
and your request has 10 input tokens (32000 > 8192 - 10)."
)
FIRST = "This model's maximum context length is 8192 tokens. However, you requested 32010 tokens (10 in the messages, \
32000 in the completion). Please reduce the length of the messages or completion."
SGLANG = "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of \
32010 tokens: 10 tokens from the input messages and 32000 tokens for the completion."
LONG = "This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 input tokens, \
which exceeds this limit even without any output tokens."


def asked(**fields: object) -> Call:
    return Call(path="/v1/chat/completions", body=json.dumps({"model": "m", **fields}).encode())


def refused(detail: str, cause: Cause = Cause.INVALID_REQUEST, status: int = 400) -> BackendError:
    return BackendError(cause, detail, upstream_status=status)


@pytest.mark.parametrize(("words", "room"), [(VLLM, 1024), (BEFORE, 8182), (FIRST, 8182), (SGLANG, 8182)])
@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("cause", [Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH])
def test_the_limit_is_what_the_words_leave(words, room, field, cause):
    again = fitting(asked(**{field: 32000, "stop": ["a"]}), refused(words, cause))
    assert again is not None
    assert json.loads(again.body) == {"model": "m", field: room, "stop": ["a"]}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (asked(max_tokens=5), refused(LONG, Cause.CONTEXT_LENGTH)),
        (asked(), refused(VLLM)),
        (asked(max_tokens=1024), refused(VLLM)),
        (asked(max_tokens=32000), refused(VLLM, status=500)),
        (asked(max_tokens=32000), refused(VLLM, Cause.UPSTREAM_ERROR)),
        (asked(max_tokens=32000), refused(FIRST.replace("(10 ", "(8192 "))),
        (asked(max_tokens=32000), refused("something else")),
    ],
)
def test_everything_else_stays_a_refusal(call, error):
    assert fitting(call, error) is None


def said(words: str) -> bytes:
    error = {"error": {"message": words, "type": "BadRequestError", "param": "max_tokens", "code": 400}}
    return plain(json.dumps(error).encode(), "400 Bad Request")


async def test_a_backend_is_asked_again_once():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(said(VLLM))
        await peer.request()
        await peer.send(plain())

    async with upstream(script) as running:
        backend = HttpBackend("fake", running.path)
        assert await read(await backend.open(asked(max_tokens=32000))) == b'{"ok":true}'
        first, second = (json.loads(request.partition(b"\r\n\r\n")[2])["max_tokens"] for request in running.requests)
        assert (first, second) == (32000, 1024)
        await backend.aclose()


async def test_who_refuses_again_has_refused():
    async with upstream(answers(said(VLLM), times=5)) as running:
        backend = HttpBackend("fake", running.path)
        with pytest.raises(BackendError, match="max_model_len"):
            await backend.open(asked(max_tokens=32000))
        assert len(running.requests) == 2
        await backend.aclose()
