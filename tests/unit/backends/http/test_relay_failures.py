"""A cause for every way in which a backend can fail, and nothing of its words in what a client sees."""

import pytest

from backends.errors import BackendError, Cause
from backends.http import relay
from backends.http.relay import HttpBackend
from tests.fakes.upstream import STREAM_HEAD, Peer, chunked, plain, upstream
from tests.unit.backends.http.calls import EVENTS, answers, call, failing, waiting

STREAM = {"stream": True}
GZIP = b"content-encoding: gzip"
FAILURES = [
    ("closes at once", answers(), Cause.STREAM_BROKEN, {}),
    ("not HTTP", answers(b"SSH-2.0 hello\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("bad chunk size", answers(STREAM_HEAD + b"zz\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("too many fields", answers(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("a huge field", answers(b"HTTP/1.1 200 OK\r\na: " + b"b" * 50_000 + b"\r\n\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("half a body", answers(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"), Cause.STREAM_BROKEN, {}),
    ("no JSON", answers(plain(b"<html>", kind=b"text/html")), Cause.UPSTREAM_PROTOCOL, {}),
    ("gzip", answers(plain(b"\x1f\x8b", "200 OK", GZIP)), Cause.UPSTREAM_PROTOCOL, {}),
    ("gzip in a stream", answers(STREAM_HEAD[:-2] + GZIP + b"\r\n\r\n"), Cause.UPSTREAM_PROTOCOL, STREAM),
    ("no content", answers(b"HTTP/1.1 204 No Content\r\n\r\n"), Cause.UPSTREAM_PROTOCOL, {}),
    ("no content for a stream", answers(b"HTTP/1.1 204 No Content\r\n\r\n"), Cause.UPSTREAM_PROTOCOL, STREAM),
    ("HTML for a stream", answers(plain(b"<html>", kind=b"text/html")), Cause.UPSTREAM_PROTOCOL, STREAM),
    ("a field that splits", answers(plain(b"{}", "200 OK", b"openai-version: 1\rx: y")), Cause.UPSTREAM_PROTOCOL, {}),
    ("interim only", answers(b"HTTP/1.1 100 Continue\r\n\r\n"), Cause.STREAM_BROKEN, {}),
    ("an upgrade", answers(b"HTTP/1.1 101 Now\r\nupgrade: x\r\n\r\n!"), Cause.UPSTREAM_PROTOCOL, {}),
    ("no stream", answers(plain()), Cause.UPSTREAM_PROTOCOL, {"stream": True}),
    ("a stream without events", answers(STREAM_HEAD + chunked(b": x\n\n")), Cause.STREAM_BROKEN, STREAM),
    ("a stream without its end", answers(STREAM_HEAD + chunked(*EVENTS)), Cause.STREAM_BROKEN, STREAM),
    ("a stream that breaks", answers(STREAM_HEAD + chunked(EVENTS[0], end=False)), Cause.STREAM_BROKEN, STREAM),
    ("silence", waiting, Cause.UPSTREAM_TIMEOUT, {"answer_timeout": 0.01}),
    ("silence before a stream", waiting, Cause.UPSTREAM_TIMEOUT, {"stream": True, "first_event_timeout": 0.01}),
    ("429", answers(plain(b"{}", "429 Too Many", b"retry-after: 7")), Cause.UPSTREAM_RATE_LIMITED, {}),
    ("500", answers(plain(b"secret words", "500 Oh")), Cause.UPSTREAM_ERROR, {}),
    ("500 for a stream", answers(plain(b"{}", "500 Oh")), Cause.UPSTREAM_ERROR, {"stream": True}),
]  # fmt: skip


@pytest.mark.parametrize(("script", "cause", "fields"), [pytest.param(*rest, id=name) for name, *rest in FAILURES])
async def test_every_failure_has_its_cause(script, cause, fields):
    error = await failing(script, **fields)
    assert error.cause is cause
    assert "secret" not in error.detail


async def test_silence_in_the_middle_of_a_stream():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(STREAM_HEAD, chunked(EVENTS[0], end=False))
        await peer.request()

    assert (await failing(script, stream=True, idle_timeout=0.01)).cause is Cause.UPSTREAM_TIMEOUT


async def test_what_came_before_a_break_is_still_the_clients():
    async with upstream(answers(STREAM_HEAD + chunked(*EVENTS, end=False))) as running:
        backend = HttpBackend("fake", running.path)
        reply = await backend.open(call(stream=True))
        assert reply.first == b"".join(EVENTS)
        with pytest.raises(BackendError):
            await anext(reply)


async def test_an_event_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(relay, "MOST_EVENT_BYTES", 1000)
    error = await failing(answers(STREAM_HEAD, *[chunked(b"data: " + b"x" * 600, end=False)] * 3), stream=True)
    assert error.cause is Cause.UPSTREAM_PROTOCOL


async def test_a_body_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(relay, "MOST_BODY", 1000)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"
    error = await failing(answers(head, *[b"x" * 600] * 5))
    assert error.cause is Cause.UPSTREAM_PROTOCOL
