"""Addresses, and which connections are kept for how long."""

import asyncio
from pathlib import Path

import pytest

from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.http import pool as pool_module
from backends.http.pool import Address, Pool
from backends.http.relay import HttpBackend
from tests.fakes.upstream import DEADLINE, Peer, plain, upstream


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


async def test_the_pool_keeps_so_many():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path), most_idle=1)
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


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (Path("/run/x.sock"), "localhost"),
        ("http://host:80", "host"),
        ("http://host:81", "host:81"),
        ("http://[::1]:9/v1", "[::1]:9"),
        ("http://user:secret@host", "host"),
    ],
)
def test_the_host_field(target, authority):
    assert Address.of(target).authority == authority


async def used(pool: Pool):
    connection = pool.take() or await pool.connect()
    connection.send(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
    while not connection.complete:
        await connection.wait(asyncio.get_running_loop().time() + DEADLINE)
    connection.take()
    return connection


async def test_the_most_recent_connection_is_taken_first():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path))
        assert pool.take() is None
        one, two = await used(pool), await used(pool)
        pool.put(one)
        pool.put(two)
        assert pool.take() is two
        assert pool.take() is one
        assert pool.take() is None
        one.abort()
        two.abort()


async def test_a_connection_that_its_backend_closed_is_not_taken():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path))
        one, two = await used(pool), await used(pool)
        pool.put(one)
        pool.put(two)
        running.peers[1].close()
        await running.until(lambda: two.closed)
        assert pool.take() is one
        one.abort()


async def test_what_is_idle_too_long_is_closed():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path), idle_seconds=0.01)
        one, two = await used(pool), await used(pool)
        pool.put(one)
        pool.put(two)
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(peer.gone.wait() for peer in running.peers))
        assert pool.take() is None
        three = await used(pool)
        pool.put(three)  # the sweeping starts again
        await running.until(lambda: three.closed)
        pool.close()


async def test_what_is_used_between_two_sweeps_stays():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path), idle_seconds=3600)
        busy, idle = await used(pool), await used(pool)
        pool.put(idle)
        pool.put(busy)
        pool._close_unused({})
        assert await used(pool) is busy
        pool.put(busy)
        pool._close_unused({busy: 1, idle: 1})
        assert idle.closed
        assert not busy.closed
        pool.close()
        assert busy.closed


@pytest.mark.parametrize("target", ["http://host:99999", "http://[::1", "http://host:x"])
def test_a_url_that_is_none_is_refused_in_words(target):
    with pytest.raises(BackendError) as caught:
        Address.of(target)
    assert caught.value.cause is Cause.UPSTREAM_CONNECT


async def test_a_connection_over_tcp():
    async with upstream(served, tcp=True) as running:
        pool = Pool(Address.of(running.target))
        connection = await used(pool)
        assert connection.reusable
        pool.put(connection)
        pool.close()
        await running.until(lambda: running.peers[0].gone.is_set())


async def test_a_backend_that_does_not_accept_in_time(monkeypatch):
    monkeypatch.setattr(pool_module, "CONNECT_SECONDS", -1)
    async with upstream(served) as running:
        with pytest.raises(BackendError) as caught:
            await Pool(Address.of(running.path)).connect()
    assert caught.value.cause is Cause.UPSTREAM_CONNECT
    assert "TimeoutError" in caught.value.private


async def test_nobody_listens_any_more():
    async with upstream(served) as running:
        pool = Pool(Address.of(running.path))
    with pytest.raises(BackendError) as caught:
        await pool.connect()
    assert caught.value.cause is Cause.UPSTREAM_CONNECT
    assert str(running.path) not in caught.value.detail


async def test_who_keeps_no_connection_opens_one_for_each_request():
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        while await peer.request():
            await peer.send(plain())

    async with upstream(script) as running:
        for keeps, connections in ((True, 1), (False, 4)):
            backend = HttpBackend("fake", running.path, keeps=keeps)
            for _ in range(3):
                await backend.open(Call(path="/", body=b"{}"))
            await backend.aclose()
            assert len(peers) == connections
