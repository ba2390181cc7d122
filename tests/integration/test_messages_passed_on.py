"""Anthropic's Messages over a server that speaks them: every byte as it came, and nothing that it must not fetch."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.upstream import STREAM_HEAD, Peer, Upstream, chunked, plain, upstream

PROFILE = """\
id: m
name: m
modality: llm
tasks: [chat]
licence: MIT
open_weights: true
context_tokens: 8192
limits: {{max_output_tokens: 50}}
variants:
  - name: there
    engine: {{kind: external, url: "{url}", served_model: "org/own", dialects: [anthropic]}}
    footprint: {{weights_bytes: 0}}
"""
FRAMES = [
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":7,"own":1}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start",  "index":0}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","usage":%b}\n\n'
    % b'{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5}',
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
ASKED = {"model": "m", "max_tokens": 5000, "messages": [{"role": "user", "content": "hi"}], "unknown": {"kept": [1, 2]}}


def saying(*answers: bytes):
    async def script(peer: Peer) -> None:
        for answer in answers:
            if not await peer.request():
                return
            await peer.send(answer)
        await peer.left()

    return script


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[tuple[RunningGateway, Upstream]]:
    async with upstream(saying(*answers), tcp=True) as server:
        address = str(server.target).removesuffix("/v1")
        async with running_gateway({"m": PROFILE.format(url=address)}) as gateway:
            yield gateway, server


async def posted(gateway: RunningGateway, path: str = "", **fields: object) -> httpx.Response:
    return await gateway.client.post(f"/v1/messages{path}?beta=true", json=ASKED | fields)


def received(server: Upstream, path: bytes) -> list[dict]:
    heads = [request.split(b"\r\n\r\n", 1) for request in server.requests]
    return [json.loads(body) for head, body in heads if head.startswith(b"POST %b HTTP" % path)]


async def test_a_stream_passes_byte_for_byte() -> None:
    async with serving(STREAM_HEAD + chunked(*FRAMES)) as (gateway, server):
        answer = await posted(gateway, stream=True)
        assert answer.content == b"".join(FRAMES)
        (sent,) = received(server, b"/v1/messages")
        assert sent == ASKED | {"stream": True, "model": "org/own", "max_tokens": 50}
        metrics = (await gateway.client.get("/metrics")).text
        assert 'type="input"} 7.0' in metrics
        assert 'type="cached"} 4.0' in metrics


async def test_a_plain_answer_too() -> None:
    body = b'{"type":"message",  "content":[], "usage":{"input_tokens":1,"output_tokens":2}}'
    async with serving(plain(body)) as (gateway, _):
        answer = await posted(gateway)
        assert answer.content == body
        assert answer.headers["request-id"]


async def test_one_that_ends_early_is_told_in_the_dialect() -> None:
    async with serving(STREAM_HEAD + chunked(*FRAMES[:2])) as (gateway, _):
        answer = await posted(gateway, stream=True)
        assert answer.content.startswith(b"".join(FRAMES[:2]))
        assert answer.text.removeprefix(b"".join(FRAMES[:2]).decode()).startswith("event: error\n")


async def test_it_counts_itself() -> None:
    async with serving(plain(b'{"input_tokens": 42}')) as (gateway, server):
        assert (await posted(gateway, "/count_tokens")).json() == {"input_tokens": 42}
        (sent,) = received(server, b"/v1/messages/count_tokens")
        assert sent == ASKED | {"model": "org/own"}


async def test_what_has_to_be_fetched_never_reaches_it() -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "http://127.0.0.1/x.png"}}
    async with serving(plain(b"{}")) as (gateway, server):
        for path in ("", "/count_tokens"):
            answer = await posted(gateway, path, messages=[{"role": "user", "content": [picture]}])
            assert answer.status_code == 400
            assert answer.json()["error"]["type"] == "invalid_request_error"
        assert not server.requests
