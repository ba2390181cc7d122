"""Addresses, the pool's bounds, and what a backend's refusal means."""

from pathlib import Path

import pytest

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http import pool as pool_module
from backends.http.pool import Address, Pool
from backends.http.refusal import refusal
from backends.http.relay import HttpBackend
from tests.fakes.upstream import Peer, plain, upstream


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (Path("/run/x.sock"), Address(path="/run/x.sock")),
        ("http://host:9/v1", Address(host="host", port=9)),
        ("http://host", Address(host="host", port=80)),
        ("http://host:9/deep/v1/", Address(host="host", port=9, prefix="/deep")),
    ],
)
def test_addresses(target, address):
    assert Address.of(target) == address


@pytest.mark.parametrize("target", ["https://host", "ftp://host", "host:80", "http://"])
def test_other_addresses_are_refused(target):
    with pytest.raises(BackendError):
        Address.of(target)


async def served(peer: Peer) -> None:
    while await peer.request():
        await peer.send(plain())


async def closing(peer: Peer) -> None:
    while await peer.request():
        await peer.send(plain(b"{}", "200 OK", b"connection: close"))


async def test_the_pool_keeps_so_many(monkeypatch):
    monkeypatch.setattr(pool_module, "MOST_IDLE", 1)
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path))
        one, two = await pool.connect(), await pool.connect()
        for connection in (one, two):
            connection.keep_alive = connection.complete = True
            pool.put(connection)
        assert two.closed
        assert pool.take() is one
        assert pool.take() is None


async def test_a_closed_pool_keeps_nothing():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path))
        one, two = await pool.connect(), await pool.connect()
        for connection in (one, two):
            connection.keep_alive = connection.complete = True
        pool.put(one)
        pool.close()
        pool.put(two)
        assert one.closed
        assert two.closed


async def test_a_backend_that_closes_is_not_kept():
    async with upstream(closing) as running:
        backend = HttpBackend("fake", running.path)
        for _ in range(2):
            assert (await backend.open(Call(path="/x", body=b"{}"))).status == 200
        assert len(running.peers) == 2


OPENAI = b'{"error": {"message": "too long", "type": "x", "param": "messages", "code": "%s"}}'


@pytest.mark.parametrize(
    ("status", "body", "cause", "detail"),
    [
        (400, OPENAI % b"context_length_exceeded", Cause.CONTEXT_LENGTH, "too long"),
        (400, OPENAI % b"other", Cause.INVALID_REQUEST, "too long"),
        (422, b"{}", Cause.INVALID_REQUEST, "the backend answered 422"),
        (404, b'{"error": {"message": "no such model"}}', Cause.NOT_FOUND, "no such model"),
        (413, b"", Cause.TOO_LARGE, "the backend answered 413"),
        (401, OPENAI % b"invalid_api_key", Cause.UPSTREAM_ERROR, "the backend answered 401"),
        (500, OPENAI % b"x", Cause.UPSTREAM_ERROR, "the backend answered 500"),
        (503, b"\xff", Cause.UPSTREAM_ERROR, "the backend answered 503"),
        (504, b"", Cause.UPSTREAM_TIMEOUT, "the backend answered 504"),
        (400, b'{"error": "text"}', Cause.INVALID_REQUEST, "the backend answered 400"),
        (400, b"[" * 50_000, Cause.INVALID_REQUEST, "the backend answered 400"),
    ],
)
def test_refusals(status, body, cause, detail):
    error = refusal(status, [], body)
    assert (error.cause, error.detail, error.upstream_status) == (cause, detail, status)
    assert len(error.private) <= 600


@pytest.mark.parametrize(
    ("value", "seconds"), [(b"7", 7.0), (b"1.5", 1.5), (b"soon", None), (b"-1", None), (b"1e9", None), (b"nan", None)]
)
def test_retry_after(value, seconds):
    assert refusal(429, [(b"retry-after", value)], b"").retry_after == seconds
