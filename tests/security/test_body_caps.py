"""Malformed and oversized requests: a 4xx in OpenAI's envelope that names the field, never a 500, nothing leaked."""

import asyncio
import json
import re
from itertools import product

import msgspec
import pytest

from backends.wire.extra_fields import REFUSED
from backends.wire.openai_chat import ChatRequest
from backends.wire.openai_completions import CompletionRequest
from backends.wire.openai_embeddings import EmbeddingRequest
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ENDPOINTS = {
    "/v1/chat/completions": (ChatRequest, CHAT),
    "/v1/completions": (CompletionRequest, {"model": "m", "prompt": "hi"}),
    "/v1/embeddings": (EmbeddingRequest, {"model": "m", "input": "hi"}),
}
VALUES = (None, True, -1, 0, 17, 1 << 40, 10**400, -0.5, 1e308, "", "x" * 2000, "\x00", [], [[]], [None], {}, {"x": {}})
LEAKS = re.compile(r"Traceback|File \"|/site-packages|\.py\b|/tmp/|/home/|msgspec|litestar|0x[0-9a-f]{6,}|\bbackends\.")


async def send(gateway: RunningGateway, path: str, body: object, **headers: str):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": "application/json", **headers}
    return await gateway.client.post(path, content=content, headers=fields)


def refused(answer) -> tuple[int, str | None]:
    """Status and param of a proper refusal."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert answer.json().keys() == {"error"}
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    assert not LEAKS.search(answer.text), answer.text
    assert len(answer.text) < 2_000
    return answer.status_code, error["param"]


def allowed(wanted: type, field: msgspec.structs.FieldInfo, value: object) -> bool:
    try:
        msgspec.convert(value, field.type)
    except (msgspec.ValidationError, OverflowError):
        return False
    return True


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_every_field_with_every_wrong_value_is_refused_by_its_name(path):
    wanted, good = ENDPOINTS[path]
    tried = 0
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for field in msgspec.structs.fields(wanted):
            for value in VALUES:
                answer = await send(gateway, path, {**good, field.name: value})
                if answer.status_code == 200 and allowed(wanted, field, value):
                    continue
                status, param = refused(answer)
                tried += 1
                assert status == 400 or (status, field.name) == (404, "model"), (field.name, value)
                assert param is not None, (field.name, value, answer.text)
                if not allowed(wanted, field, value):
                    assert re.split(r"[.\[]", param)[0] == field.name, (field.name, value, answer.text)
            if field.required:
                missing = {name: value for name, value in good.items() if name != field.name}
                assert refused(await send(gateway, path, missing)) == (400, field.name)
    assert tried > len(VALUES)


WRONG = (
    ({**CHAT, "messages": []}, "messages"),
    ({**CHAT, "messages": [None]}, "messages[0]"),
    ({**CHAT, "messages": [{"role": "user"}]}, "messages[0].content"),
    ({**CHAT, "messages": [{"role": "pilot", "content": "x"}]}, "messages[0].role"),
    ({**CHAT, "messages": [{"content": "x"}]}, "messages[0].role"),
    ({**CHAT, "messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0].type"),
    ({**CHAT, "messages": [{"role": "user", "content": "x"}] * 2049}, "messages"),
    ({**CHAT, "n": 0}, "n"),
    ({**CHAT, "n": 17}, "n"),
    ({**CHAT, "max_tokens": 0}, "max_tokens"),
    ({**CHAT, "max_tokens": (1 << 31) + 1}, "max_tokens"),
    ({**CHAT, "max_completion_tokens": 1 << 63}, "max_completion_tokens"),
    ({**CHAT, "temperature": 1e999}, None),
    ({**CHAT, "temperature": 2.1}, "temperature"),
    ({**CHAT, "stop": [""]}, "stop[0]"),
    ({**CHAT, "logit_bias": {"one": 1}}, "logit_bias"),
    ({**CHAT, "tool_choice": "required"}, "tool_choice"),
    ({**CHAT, "tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({**CHAT, "response_format": {"type": "xml"}}, "response_format.type"),
    ({**CHAT, "stream_options": {"include_usage": True}}, "stream_options"),
    ({**CHAT, "stream": "yes"}, "stream"),
    ({**CHAT, "model": "a\nb"}, "model"),
    ({**CHAT, "model": "a\u0000b"}, "model"),
    ({**CHAT, "model": "x" * 257}, "model"),
    ([], None),
    ("model", None),
    (None, None),
    (17, None),
)


async def test_what_is_wrong_is_named():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for body, param in WRONG:
            assert refused(await send(gateway, "/v1/chat/completions", body)) == (400, param), str(body)[:80]
        assert not list(gateway.services.runtime.scheduler.occupants), "refused before anything was loaded"


BROKEN = (
    b"",
    b" ",
    b"{",
    b"{}{}",
    b"{'model': 'm'}",
    b'{"model":"m",}',
    b"\xef\xbb\xbf{}",
    b'{"model":"\xff\xfe","messages":[]}',
    b'{"model":"m","messages":[{"role":"user","content":"\xc3\x28"}]}',
    b'{"model":"\\ud800","messages":[]}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":NaN}',
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"seed":' + b"9" * 5_000 + b"}",
    b'{"model":"m","messages":' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"model":"m","messages":[],"tools":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 50_000 + b"]" * 50_000,
    b'{"model":"m","messages":[{"role":"user","content":"x"}],"x":' + b"[" * 65 + b"]" * 65 + b"}",
    b"\x00" * 1_000,
    b"\x1f\x8b\x08\x00" + b"\x00" * 100,
)


async def test_bytes_that_are_no_request_are_refused_on_every_endpoint():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for path in (*ENDPOINTS, "/v1/chat", "/api/load", "/api/unload"):
            for body in BROKEN:
                assert refused(await send(gateway, path, body))[0] == 400, (path, body[:80])
        assert not list(gateway.services.runtime.scheduler.occupants)


async def test_depth_is_counted_outside_of_strings_and_up_to_the_limit():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        text = {**CHAT, "messages": [{"role": "user", "content": "[" * 1_000 + '\\"{' * 100}]}
        assert (await send(gateway, "/v1/chat/completions", text)).status_code == 200
        deep = json.dumps({**CHAT, "x": 0}).replace('"x": 0', '"x": ' + "[" * 63 + "]" * 63)
        assert (await send(gateway, "/v1/chat/completions", deep.encode())).status_code == 200


async def test_a_key_written_twice_is_the_one_that_was_checked():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        twice = b'{"model":"nope","messages":[{"role":"user","content":"hi"}],"mod\\u0065l":"m"}'
        assert (await send(gateway, "/v1/chat/completions", twice)).status_code == 200
        other = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"model":"nope"}'
        assert refused(await send(gateway, "/v1/chat/completions", other)) == (404, "model")


async def test_sizes_are_capped_declared_or_not():
    async with running_gateway({"m": engine_profile("m")}, max_body_bytes=4_096) as gateway:
        fits = json.dumps({**CHAT, "user": "x" * 1_000}).encode()
        fits += b" " * (4_096 - len(fits))
        assert (await send(gateway, "/v1/chat/completions", fits)).status_code == 200
        assert refused(await send(gateway, "/v1/chat/completions", fits + b" "))[0] == 413

        async def endless():
            for _ in range(100):
                yield b" " * 1_000

        headers = {"content-type": "application/json"}
        answer = await gateway.client.post("/v1/chat/completions", content=endless(), headers=headers)
        assert refused(answer)[0] == 413


async def test_a_body_that_drips_is_given_up():
    async with running_gateway({"m": engine_profile("m")}, body_deadline=0.2) as gateway:
        host, port = gateway.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        async with asyncio.timeout(30):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"request_timeout"' in answer


async def test_headers_past_the_cap_are_refused_by_the_running_gateway():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        answer = await send(gateway, "/v1/chat/completions", CHAT, **{"x-big": "a" * 1_000_000})
        assert answer.status_code == 431
        assert (await gateway.client.get("/health")).status_code == 200


async def test_fields_that_reach_into_an_engine_are_refused_by_name():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for name, value in product(REFUSED, ("{{ 7 * 7 }}", None, {}, "../x")):
            assert refused(await send(gateway, "/v1/chat/completions", {**CHAT, name: value})) == (400, name)
