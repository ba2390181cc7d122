"""A provider that speaks OpenAI: what it is sent, and that every fault has one documented outcome before the commit."""

import json
from collections.abc import AsyncIterator

import pytest

from backends.cloud.client import CloudClient
from backends.cloud.openai import OpenAIProvider
from backends.cloud.provider import Auth, Quirks
from backends.contract import Call, Reply
from backends.errors import BackendError, Cause
from tests.fakes.cloud import RESET, SILENCE, USAGE, FakeCloud, Script, answer, chunk, completion, events

ASKED = {"model": "there", "messages": [{"role": "user", "content": "Hi"}]}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"


@pytest.fixture
async def client() -> AsyncIterator[CloudClient]:
    made = CloudClient({"FAKE_KEY": "s3cret"}.get)
    yield made
    await made.aclose()


def call(*, stream: bool = False, seconds: float = 5.0, **fields: object) -> Call:
    body = json.dumps(ASKED | ({"stream": True} if stream else {}) | fields).encode()
    return Call(
        path="/v1/chat/completions", body=body, stream=stream, answer_timeout=seconds, first_event_timeout=seconds,
        idle_timeout=seconds,
    )  # fmt: skip


async def told(reply: Reply) -> bytes:
    return reply.first + b"".join([piece async for piece in reply])


async def test_a_whole_answer_comes_as_it_is_and_the_key_goes_along(client: CloudClient) -> None:
    async with FakeCloud.running(answer(completion())) as cloud:
        reply = await OpenAIProvider(cloud.provider(), "there", client).open(call(user="ada", metadata={"a": "b"}))
        assert reply.complete
        assert json.loads(reply.first) == completion()
    (sent,) = cloud.sent
    assert (sent.method, sent.path, sent.headers["authorization"]) == (
        "POST", "/v1/chat/completions", "Bearer s3cret",
    )  # fmt: skip
    assert sent.fields == ASKED, "who asks stays here"
    assert not {"cookie", "x-request-id", "x-forwarded-for"} & sent.headers.keys()


async def test_who_asks_stays_here_whatever_is_asked_for(client: CloudClient) -> None:
    body = json.dumps({"model": "there", "input": "Hi", "user": "ada"}).encode()
    async with FakeCloud.running(answer({"data": []})) as cloud:
        await OpenAIProvider(cloud.provider(), "there", client).open(Call(path="/v1/embeddings", body=body))
    assert (cloud.sent[0].path, cloud.sent[0].fields) == ("/v1/embeddings", {"model": "there", "input": "Hi"})


async def test_a_stream_is_asked_for_its_usage_and_a_client_that_did_not_ask_does_not_see_it(
    client: CloudClient,
) -> None:
    async with FakeCloud.running(events(chunk("Hel"), chunk("lo", "stop"), USAGE)) as cloud:
        backend = OpenAIProvider(cloud.provider(), "there", client)
        plain = await backend.open(call(stream=True))
        said = await told(plain)
        asked = await backend.open(call(stream=True, stream_options={"include_usage": True}))
        whole = await told(asked)
    assert [each.fields["stream_options"] for each in cloud.sent] == [{"include_usage": True}] * 2
    assert said.count(b"data: ") == 3
    assert b'"choices": []' not in said
    assert said.endswith(b"data: [DONE]\n\n")
    assert b'"prompt_tokens": 5' in plain.usage_tail, "it is counted all the same"
    assert whole.count(b"data: ") == 4


async def test_quirks_rename_and_drop(client: CloudClient) -> None:
    quirks = Quirks(drop=("seed",), rename={"max_tokens": "max_completion_tokens"}, stream_usage="never")
    async with FakeCloud.running(events(chunk("x", "stop"))) as cloud:
        backend = OpenAIProvider(cloud.provider(quirks=quirks), "there", client)
        await told(await backend.open(call(stream=True, seed=1, max_tokens=9, stream_options={"include_usage": True})))
    assert cloud.sent[0].fields == ASKED | {"stream": True, "max_completion_tokens": 9}


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (answer({"error": {"message": "slow down"}}, 429, retry_after="7"), Cause.UPSTREAM_RATE_LIMITED),
        (answer({"error": {"message": "quota", "code": "insufficient_quota"}}, 429), Cause.PROVIDER_ACCOUNT),
        (answer({"error": {"message": "no"}}, 401), Cause.PROVIDER_ACCOUNT),
        (answer({"error": {"message": "pay"}}, 402), Cause.PROVIDER_ACCOUNT),
        (answer({"error": {"message": "gone"}}, 404), Cause.UPSTREAM_ERROR),
        (answer({"error": {"message": "what?", "param": "top_p"}}, 400), Cause.INVALID_REQUEST),
        (answer({"error": {"message": "maximum context length is 8192 tokens"}}, 400), Cause.CONTEXT_LENGTH),
        (answer({"error": {"message": "no", "code": "content_policy_violation"}}, 400), Cause.CONTENT_REFUSED),
        (answer({"error": {"message": "oops"}}, 500), Cause.UPSTREAM_ERROR),
        (answer(b"<html>busy</html>", 503, "text/html"), Cause.UPSTREAM_ERROR),
        (answer({"error": {"message": "overloaded"}}, 529), Cause.UPSTREAM_ERROR),
        (answer(b"<html>login</html>", 200, "text/html"), Cause.UPSTREAM_PROTOCOL),
        (answer(b"", 302, location="https://elsewhere.example/"), Cause.UPSTREAM_PROTOCOL),
        (answer({"error": {"message": "inside", "code": 429}}), Cause.UPSTREAM_RATE_LIMITED),
        (answer({"error": {"message": "inside"}}), Cause.UPSTREAM_ERROR),
        ((RESET,), Cause.UPSTREAM_ERROR),
        ((b"",), Cause.UPSTREAM_TIMEOUT),
        ((SILENCE,), Cause.UPSTREAM_TIMEOUT),
        ((HEAD, b'{"id"', SILENCE), Cause.UPSTREAM_TIMEOUT),
        ((HEAD, b'{"id"', RESET), Cause.STREAM_BROKEN),
        ((b"HTTP/9 what\r\n\r\n",), Cause.UPSTREAM_ERROR),
    ],
)
async def test_every_fault_of_a_whole_answer_has_one_outcome(client: CloudClient, script: Script, cause: Cause) -> None:
    async with FakeCloud.running(script) as cloud:
        with pytest.raises(BackendError) as caught:
            await OpenAIProvider(cloud.provider(), "there", client).open(call(seconds=0.3))
        assert caught.value.cause is cause
        assert len(cloud.sent) == 1, "nothing is tried twice in here"
        assert "s3cret" not in repr(caught.value) + caught.value.private


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (answer({"error": {"message": "slow down"}}, 429), Cause.UPSTREAM_RATE_LIMITED),
        (events({"error": {"message": "inside", "code": 503}}), Cause.UPSTREAM_ERROR),
        (events(b": wait\n\n", end=SILENCE, done=False), Cause.UPSTREAM_TIMEOUT),
        (events(b": wait\n\n", done=False), Cause.STREAM_BROKEN),
        (events(end=RESET, done=False), Cause.STREAM_BROKEN),
        (answer(completion()), Cause.UPSTREAM_PROTOCOL),
    ],
)
async def test_every_fault_before_the_first_event_of_a_stream_raises(
    client: CloudClient, script: Script, cause: Cause
) -> None:
    async with FakeCloud.running(script) as cloud:
        with pytest.raises(BackendError) as caught:
            await OpenAIProvider(cloud.provider(), "there", client).open(call(stream=True, seconds=0.3))
    assert caught.value.cause is cause


@pytest.mark.parametrize(
    ("end", "done", "cause"),
    [(RESET, False, Cause.STREAM_BROKEN), (SILENCE, False, Cause.UPSTREAM_TIMEOUT), (None, False, Cause.STREAM_BROKEN)],
)
async def test_a_cut_stream_is_never_whole(client: CloudClient, end: object, done: bool, cause: Cause) -> None:
    script = events(chunk("Hel"), done=done, end=end)
    async with FakeCloud.running(script) as cloud:
        reply = await OpenAIProvider(cloud.provider(), "there", client).open(call(stream=True, seconds=0.3))
        assert b"Hel" in reply.first
        with pytest.raises(BackendError) as caught:
            await told(reply)
    assert caught.value.cause is cause


async def test_an_error_in_the_middle_is_an_end_whatever_follows(client: CloudClient) -> None:
    script = events(chunk("Hel"), {"error": {"message": "lost", "code": 502}}, chunk("lo", "stop"))
    async with FakeCloud.running(script) as cloud:
        reply = await OpenAIProvider(cloud.provider(), "there", client).open(call(stream=True))
        with pytest.raises(BackendError) as caught:
            await told(reply)
    assert caught.value.cause is Cause.STREAM_BROKEN


async def test_who_leaves_ends_the_work_there(client: CloudClient) -> None:
    async with FakeCloud.running(events(chunk("Hel"), done=False, end=SILENCE)) as cloud:
        reply = await OpenAIProvider(cloud.provider(), "there", client).open(call(stream=True))
        reply.aclose()
        await cloud.left.wait()


async def test_nobody_there_and_no_key(client: CloudClient) -> None:
    async with FakeCloud.running(answer({})) as cloud:
        gone = cloud.provider()
        other = cloud.provider(auth=Auth(secret="OTHER_KEY"))
        with pytest.raises(BackendError) as caught:
            await OpenAIProvider(other, "there", client).open(call())
        assert (caught.value.cause, cloud.sent) == (Cause.PROVIDER_ACCOUNT, [])
    with pytest.raises(BackendError) as caught:
        await OpenAIProvider(gone, "there", client).open(call())
    assert caught.value.cause is Cause.UPSTREAM_CONNECT


async def test_a_key_never_goes_over_plain_http_to_another_machine(client: CloudClient) -> None:
    async with FakeCloud.running(answer({})) as cloud:
        provider = cloud.provider(base_url="http://203.0.113.9/v1")
        with pytest.raises(BackendError, match="not https"):
            await OpenAIProvider(provider, "there", client).open(call())
