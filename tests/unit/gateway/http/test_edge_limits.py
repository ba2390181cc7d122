"""How many requests at once, which key, which host: what the edge refuses before the application is asked."""

import asyncio

import pytest

from gateway.http.edge import Edge
from tests.fakes.edge import KEY, Held, Parts, ask, ok, scope, waiting


async def test_the_limit_of_all_requests():
    held, parts = Held(), Parts(max_in_flight=1)
    edge = Edge(held, {}, parts)
    task, _ = await waiting(edge, scope(), held.begun)
    refused = await ask(edge, scope())
    assert (refused.status, refused.error["code"], refused.headers[b"retry-after"]) == (503, "no_capacity", b"1")
    assert (await ask(Edge(ok, {}, parts), scope("/health"))).status == 200, "the probes are not counted"
    held.release.set()
    await task
    assert (await ask(edge, scope())).status == 200
    assert edge._in_flight == 0
    assert edge._by_key == {}


async def test_the_limit_of_one_key():
    key = (b"authorization", b"Bearer " + KEY.encode())
    held, parts = Held(), Parts(key=KEY, max_in_flight_per_key=1)
    edge = Edge(held, {}, parts)
    task, _ = await waiting(edge, scope("/v1/models", "GET", key), held.begun)
    refused = await ask(edge, scope("/v1/models", "GET", key))
    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    held.release.set()
    await task
    assert (await ask(edge, scope("/v1/models", "GET", key))).status == 200
    assert edge._by_key == {}


async def test_without_keys_all_clients_share_no_limit_of_a_key():
    held, parts = Held(), Parts(max_in_flight_per_key=1)
    edge = Edge(held, {}, parts)
    first, _ = await waiting(edge, scope(), held.begun)
    held.begun.clear()
    second, _ = await waiting(edge, scope(), held.begun)
    held.release.set()
    await asyncio.gather(first, second)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([(b"authorization", b"Bearer " + KEY.encode())], 200),
        ([(b"authorization", b"bearer   " + KEY.encode() + b" ")], 200),
        ([(b"x-api-key", KEY.encode())], 200),
        ([(b"x-api-key", b"wrong"), (b"authorization", b"Bearer " + KEY.encode())], 200),
        ([(b"authorization", b"Bearer wrong"), (b"x-api-key", KEY.encode())], 401),
        ([(b"authorization", b"Basic " + KEY.encode())], 401),
        ([(b"authorization", KEY.encode())], 401),
        ([(b"authorization", b"Bearer ")], 401),
    ],
)
async def test_where_a_key_is_looked_for(headers, status):
    parts = Parts(key=KEY)
    assert (await ask(Edge(ok, {}, parts), scope("/v1/models", "GET", *headers))).status == status
    (line,) = parts.lines()
    assert line.get("key") == ("operator" if status == 200 else None)
    assert KEY not in parts.stream.getvalue()


async def test_the_host_comes_before_the_key_and_two_hosts_are_none():
    parts = Parts(key=KEY)
    edge = Edge(ok, {}, parts)
    assert (await ask(edge, scope(host=b"evil.example"))).error["code"] == "host_not_allowed"
    twice = scope("/v1/models", "GET", (b"host", b"localhost"))
    assert (await ask(edge, twice)).error["code"] == "host_not_allowed"
    assert (await ask(edge, scope("/health", host=b"evil.example"))).status == 403


async def test_a_preflight_needs_no_key():
    edge = Edge(ok, {}, Parts(key=KEY))
    answer = await ask(edge, scope("/v1/chat", "OPTIONS", (b"origin", b"https://app.example")))
    assert answer.status == 204
    assert answer.headers[b"access-control-allow-origin"] == b"https://app.example"
    assert (await ask(edge, scope("/v1/chat", "OPTIONS"))).status == 401
