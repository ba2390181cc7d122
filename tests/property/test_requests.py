"""Any JSON, and any bytes, to a running gateway: an answer or a refusal in the envelope, never a 5xx."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs
from msgspec.json import encode

from backends.wire.openai_chat import ChatRequest, Message
from backends.wire.openai_completions import CompletionRequest
from backends.wire.openai_embeddings import EmbeddingRequest
from tests.fakes.gateway import engine_profile, running_gateway

BOUNDED = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
FIELDS = sorted(
    {f.name for wanted in (ChatRequest, CompletionRequest, EmbeddingRequest) for f in structs.fields(wanted)}
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda s: not s.startswith("fake:"))
numbers = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0, -1, 1 << 31, 1 << 64])
)
scalars = st.one_of(
    st.none(), st.booleans(), numbers, text, st.sampled_from(["m", "m:only", "local/m", "auto:chat", "auto"])
)
names = st.one_of(st.sampled_from([*FIELDS, "role", "content", "type", "function", "name", "arguments"]), text)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
messages = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool", "pilot"]),
            "content": st.one_of(text, anything),
        },
        optional={field.name: anything for field in structs.fields(Message) if field.name not in ("role", "content")},
    ),
    max_size=4,
)
near_misses = st.fixed_dictionaries(
    {"model": st.one_of(st.just("m"), text)},
    optional={
        **{name: anything for name in FIELDS if name not in ("model", "messages")},
        "messages": st.one_of(messages, anything),
    },
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """One gateway for all examples, in a thread with a loop of its own: Hypothesis calls synchronously."""
    with in_a_thread() as address, httpx.Client(base_url=address, timeout=60) as made:
        yield made


@contextmanager
def in_a_thread() -> Iterator[str]:
    ready: list[str] = []
    up, failed = threading.Event(), []
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        try:
            async with running_gateway({"m": engine_profile("m")}) as gateway:
                ready.append(gateway.address)
                up.set()
                await over.wait()
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            up.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert up.wait(60)
        assert not failed
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)
        loop.close()


def send(client: httpx.Client, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code < 500, (path, body, answer.text)
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert "Traceback" not in answer.text


@BOUNDED
@given(path=st.sampled_from(PATHS), body=near_misses)
@example(
    path="/v1/chat/completions", body={"model": "m", "messages": [{"role": "user", "content": "x"}], "seed": 10**400}
)
@example(path="/v1/chat/completions", body={"model": "m", "messages": [], "stream": 1})
@example(path="/v1/embeddings", body={"model": "m", "input": [[0]], "dimensions": 1})
def test_a_request_that_is_nearly_right(client: httpx.Client, path: str, body: dict):
    send(client, path, encode(body))


@BOUNDED
@given(path=st.sampled_from((*PATHS, "/v1/chat", "/api/load", "/api/unload")), body=anything)
def test_any_json(client: httpx.Client, path: str, body: object):
    send(client, path, encode(body))


@BOUNDED
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200))
@example(path="/v1/chat/completions", body=b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')
def test_any_bytes(client: httpx.Client, path: str, body: bytes):
    send(client, path, body)


@BOUNDED
@given(name=text)
def test_any_name_in_a_url(client: httpx.Client, name: str):
    quoted = quote(name, safe="/:%")
    for url in (f"/v1/models/{quoted}", f"/api/explain?model={quoted}"):
        answer = client.get(url)
        assert answer.status_code < 500, (name, answer.text)
