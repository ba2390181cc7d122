"""A provider that speaks Messages: a chat client and a Messages client both get their own answer from it."""

import json
from collections.abc import AsyncIterator

import pytest

from backends.cloud.anthropic import AnthropicProvider
from backends.cloud.client import CloudClient
from backends.cloud.provider import Auth
from backends.contract import Call, Reply
from backends.errors import BackendError, Cause
from backends.translate.claude.terms import Terms
from gateway.routing.usage import from_tail
from tests.fakes.cloud import RESET, FakeCloud, answer, events

USAGE = {"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 0}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Hello"}], "usage": USAGE,
}  # fmt: skip
STREAM = [
    {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
    {"type": "message_stop"},
]
NATIVE = [b"event: %s\ndata: %s\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in STREAM]  # type: ignore[attr-defined]


@pytest.fixture
async def client() -> AsyncIterator[CloudClient]:
    made = CloudClient({"FAKE_KEY": "s3cret"}.get)
    yield made
    await made.aclose()


def backend(cloud: FakeCloud, client: CloudClient) -> AnthropicProvider:
    auth = Auth(secret="FAKE_KEY", header="x-api-key", format="{key}")
    provider = cloud.provider("anthropic", auth=auth, headers={"anthropic-version": "2023-06-01"})
    return AnthropicProvider(provider, "claude", client, Terms(max_tokens=512))


def chat(**fields: object) -> Call:
    body = {"model": "ours", "messages": [{"role": "user", "content": "Hi"}]} | fields
    return Call(path="/v1/chat/completions", body=json.dumps(body).encode(), stream=bool(fields.get("stream")))


async def told(reply: Reply) -> bytes:
    return reply.first + b"".join([piece async for piece in reply])


async def test_a_chat_client_gets_a_completion(client: CloudClient) -> None:
    async with FakeCloud.running(answer(MESSAGE)) as cloud:
        reply = await backend(cloud, client).open(chat(user="ada"))
    said = json.loads(reply.first)
    assert (said["choices"][0]["message"]["content"], said["choices"][0]["finish_reason"]) == ("Hello", "stop")
    tokens = from_tail(reply.usage_tail)
    assert (tokens.input, tokens.output, tokens.cached) == (9, 3, 2)
    (sent,) = cloud.sent
    assert (sent.path, sent.headers["x-api-key"]) == ("/v1/messages", "s3cret")
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert (sent.fields["model"], sent.fields["max_tokens"]) == ("claude", 512)
    assert b"ada" not in sent.body
    assert "authorization" not in sent.headers


@pytest.mark.parametrize("asked", [False, True])
async def test_a_streamed_one_is_counted_whether_or_not_the_client_asked(client: CloudClient, asked: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    async with FakeCloud.running(events(*NATIVE, done=False)) as cloud:
        reply = await backend(cloud, client).open(chat(stream=True, **options))
        said = await told(reply)
    assert said.endswith(b"data: [DONE]\n\n")
    assert b'"content":"Hello"' in said
    assert (b'"usage":{' in said) is asked
    assert (from_tail(reply.usage_tail).input, from_tail(reply.usage_tail).output) == (9, 3)


async def test_what_was_read_is_counted_though_only_the_beginning_tells_it(client: CloudClient) -> None:
    ended = STREAM[4] | {"usage": {"output_tokens": 3}}
    frames = [*NATIVE[:4], b"event: message_delta\ndata: " + json.dumps(ended).encode() + b"\n\n", NATIVE[5]]
    async with FakeCloud.running(events(*frames, done=False)) as cloud:
        reply = await backend(cloud, client).open(chat(stream=True))
        await told(reply)
    assert (from_tail(reply.usage_tail).input, from_tail(reply.usage_tail).output) == (9, 3)


async def test_a_messages_client_gets_every_byte_as_it_came(client: CloudClient) -> None:
    body = json.dumps({"model": "claude", "stream": True}).encode()
    call = Call(path="/v1/messages", body=body, stream=True, terminator=b"message_stop")
    async with FakeCloud.running(events(*NATIVE, done=False)) as cloud:
        assert await told(await backend(cloud, client).open(call)) == b"".join(NATIVE)
    assert cloud.sent[0].body == body


@pytest.mark.parametrize(
    ("status", "kind", "message", "cause"),
    [
        (529, "overloaded_error", "Overloaded", Cause.NO_CAPACITY),
        (429, "rate_limit_error", "slow", Cause.UPSTREAM_RATE_LIMITED),
        (401, "authentication_error", "invalid x-api-key", Cause.PROVIDER_ACCOUNT),
        (400, "invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum", Cause.CONTEXT_LENGTH),
        (400, "invalid_request_error", "temperature: range", Cause.INVALID_REQUEST),
        (404, "not_found_error", "model: claude-opus-4", Cause.UPSTREAM_ERROR),
    ],
)
async def test_its_errors_are_causes(client: CloudClient, status: int, kind: str, message: str, cause: Cause) -> None:
    said = {"type": "error", "error": {"type": kind, "message": message}}
    async with FakeCloud.running(answer(said, status)) as cloud:
        with pytest.raises(BackendError) as caught:
            await backend(cloud, client).open(chat())
    assert (caught.value.cause, caught.value.upstream_status) == (cause, status)


async def test_an_error_instead_of_the_first_event_and_a_cut_after_it(client: CloudClient) -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    async with FakeCloud.running(events(error, done=False), events(*NATIVE[:3], done=False, end=RESET)) as cloud:
        with pytest.raises(BackendError) as caught:
            await backend(cloud, client).open(chat(stream=True))
        assert caught.value.cause is Cause.NO_CAPACITY
        reply = await backend(cloud, client).open(chat(stream=True))
        with pytest.raises(BackendError) as caught:
            await told(reply)
        assert caught.value.cause is Cause.STREAM_BROKEN
