"""Reading a body: its type, its size, its deadline, and clients that leave."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from gateway.http.body import BodyLimits, header, read_body, require_json
from gateway.http.listener import HANGUP, Hangup

LIMITS = BodyLimits(most_bytes=100, deadline=30.0)
GONE = {"type": "http.disconnect"}


def scope(*headers: tuple[bytes, bytes], received: bool = False) -> dict:
    hangup = Hangup()
    hangup.received = received
    return {"type": "http", "headers": list(headers), HANGUP: hangup}


def part(body: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


def receiving(*messages: dict):
    """Gives the messages in turn, then nothing for ever."""
    left = list(messages)

    async def receive():
        if left:
            return left.pop(0)
        return await asyncio.Event().wait()

    return receive


async def read(given: dict, *messages: dict, limits: BodyLimits = LIMITS) -> bytes | Cause:
    async with asyncio.timeout(20):
        try:
            return await read_body(given, receiving(*messages), limits)
        except BackendError as error:
            return error.cause


@pytest.mark.parametrize(
    "kind", [b"application/json", b"application/json; charset=utf-8", b"Application/JSON ;x=y", b" application/json"]
)
def test_json_is_taken(kind):
    require_json(scope((b"content-type", kind)))


@pytest.mark.parametrize(
    "kind",
    [
        None,
        b"",
        b"text/plain",
        b"application/jsonx",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"text/plain; application/json",
        b"text/json",
        b"application/json, text/plain",
        b"*/*",
        b"\xff",
    ],
)
def test_what_a_web_page_can_send_without_asking_is_not(kind):
    given = scope() if kind is None else scope((b"content-type", kind))
    with pytest.raises(BackendError) as refused:
        require_json(given)
    assert refused.value.cause is Cause.UNSUPPORTED_MEDIA


def test_the_first_header_of_a_name_counts():
    given = scope((b"a", b"1"), (b"b", b"2"), (b"a", b"3"))
    assert header(given, b"a") == b"1"
    assert header(given, b"c") is None


async def test_a_body_in_one_piece_and_in_many():
    assert await read(scope(), part(b"whole")) == b"whole"
    assert await read(scope(), part(b"")) == b""
    pieces = [part(b"a", more=True), part(b"", more=True), part(b"b", more=True), part(b"c")]
    assert await read(scope(), *pieces) == b"abc"


async def test_the_limit_is_the_last_size_that_passes():
    assert await read(scope((b"content-length", b"100")), part(b"x" * 100)) == b"x" * 100
    assert await read(scope(), part(b"x" * 60, more=True), part(b"x" * 40)) == b"x" * 100
    assert await read(scope(), part(b"x" * 60, more=True), part(b"x" * 41)) is Cause.TOO_LARGE
    assert await read(scope(), part(b"x" * 101, more=True)) is Cause.TOO_LARGE, "nothing more is waited for"
    assert await read(scope(received=True), part(b"x" * 101)) is Cause.TOO_LARGE


async def test_a_declared_size_past_the_limit_is_refused_before_a_byte_is_read():
    assert await read(scope((b"content-length", b"101"))) is Cause.TOO_LARGE


async def test_a_client_that_leaves():
    assert await read(scope(), GONE) is Cause.CLIENT_GONE
    assert await read(scope(), part(b"x", more=True), GONE) is Cause.CLIENT_GONE


async def test_a_body_that_drips_meets_its_deadline():
    quick = BodyLimits(most_bytes=100, deadline=0.05)
    assert await read(scope(), limits=quick) is Cause.REQUEST_TIMEOUT
    assert await read(scope((b"content-length", b"9")), part(b"x", more=True), limits=quick) is Cause.REQUEST_TIMEOUT


async def test_a_large_body_gets_a_second_a_megabyte_more(monkeypatch):
    asked = []
    real = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", lambda seconds: asked.append(seconds) or real(seconds))
    limits = BodyLimits(most_bytes=10_000_000, deadline=30.0)
    assert await read_body(scope((b"content-length", b"5000000")), receiving(part(b"x")), limits) == b"x"
    assert asked == [35.0]


async def test_a_body_that_is_here_already_arms_no_timer(monkeypatch):
    monkeypatch.setattr(asyncio, "timeout", None)
    assert await read_body(scope(received=True), receiving(part(b"x")), LIMITS) == b"x"
