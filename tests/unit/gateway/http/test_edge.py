"""The outermost layer on a small application of its own: ids, failures, and one line and one count a request."""

import asyncio

import pytest

from backends.errors import BackendError, Cause
from gateway.http.edge import Edge
from gateway.http.listener import HANGUP
from gateway.http.replies import exchange_of
from tests.fakes.edge import Answer, Held, Parts, ask, nothing, ok, scope, waiting


async def test_an_answer_carries_its_id_and_each_has_its_own():
    parts = Parts()
    edge = Edge(ok, {}, parts)
    ids = {(await ask(edge, scope())).headers[b"x-request-id"] for _ in range(50)}
    assert len(ids) == 50
    assert all(name.startswith(b"req_") for name in ids)
    other = Edge(ok, {}, parts)
    assert (await ask(other, scope())).headers[b"x-request-id"] not in ids, "boots differ"
    assert {line["request_id"].encode() for line in parts.lines()} > ids


async def test_the_trace_says_who_answered_and_why():
    async def answered(scope, receive, send):
        exchange = exchange_of(scope)
        exchange.model, exchange.variant, exchange.backend = "m", "v", "llamacpp"
        exchange.where, exchange.reason, exchange.attempts = "local", "resident", 2
        await ok(scope, receive, send)

    headers = (await ask(Edge(answered, {}, Parts()), scope())).headers
    shown = {name[10:]: value for name, value in headers.items() if name.startswith(b"x-forebay-")}
    assert shown == {b"model": b"m", b"variant": b"v", b"backend": b"llamacpp", b"where": b"local",
                     b"reason": b"resident", b"attempts": b"2"}  # fmt: skip
    assert b"x-forebay-model" not in (await ask(Edge(ok, {}, Parts()), scope())).headers


async def test_direct_paths_go_past_the_application():
    async def application(scope, receive, send):
        raise AssertionError("not for this path")

    edge = Edge(application, {"/v1/chat": ok}, Parts())
    assert (await ask(edge, scope("/v1/chat", "POST"))).body == b"ok"


async def test_what_is_no_http_is_passed_on_untouched():
    seen = []

    async def application(scope, receive, send):
        seen.append(scope)

    parts = Parts()
    await Edge(application, {}, parts)({"type": "lifespan"}, nothing, Answer().send)
    assert seen == [{"type": "lifespan"}]
    assert parts.lines() == []


@pytest.mark.parametrize(
    ("raised", "status", "code", "outcome"),
    [
        (BackendError(Cause.QUEUE_FULL, "full", retry_after=2.5, private="why"), 429, "queue_full", "overloaded"),
        (BackendError(Cause.TOO_LARGE, "large"), 413, "request_too_large", "client_error"),
        (BackendError(Cause.REQUEST_TIMEOUT, "slow"), 408, "request_timeout", "timeout"),
        (ValueError("canary of a defect"), 500, "internal", "upstream_error"),
    ],
)
async def test_a_failure_before_the_head_is_an_answer_a_line_and_a_count(raised, status, code, outcome):
    async def failing(scope, receive, send):
        raise raised

    parts = Parts()
    answer = await ask(Edge(failing, {}, parts), scope())
    assert (answer.status, answer.error["code"]) == (status, code)
    assert int(answer.headers[b"content-length"]) == len(answer.body)
    assert b"canary" not in answer.body
    assert (answer.headers.get(b"retry-after") == b"3") == (status == 429)
    assert (answer.headers.get(b"connection") == b"close") == (status == 408)
    (line,) = parts.lines()
    assert (line["status"], line["outcome"]) == (status, outcome)
    assert f'outcome="{outcome}"'.encode() in parts.metrics.expose()


@pytest.mark.parametrize("raised", [BackendError(Cause.STREAM_BROKEN, "cut"), ValueError("defect")])
async def test_a_failure_after_the_head_is_a_line_only(raised):
    async def failing(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise raised

    parts = Parts()
    answer = await ask(Edge(failing, {}, parts), scope())
    assert (answer.status, answer.body) == (200, b"")
    (line,) = parts.lines()
    assert (line["status"], line["outcome"]) == (200, "upstream_error")


async def test_a_client_that_leaves_is_cancelled_in_the_books_and_nothing_is_sent():
    held, parts = Held(), Parts()
    given = scope()
    task, answer = await waiting(Edge(held, {}, parts), given, held.begun)
    given[HANGUP].gone = True
    task.cancel()
    await task
    assert answer.status == 0
    (line,) = parts.lines()
    assert (line["outcome"], line["cause"]) == ("cancelled", "client_gone")


@pytest.mark.parametrize("head_first", [False, True])
async def test_the_end_of_the_drain_cuts_with_an_error_in_the_right_form(head_first):
    held, parts = Held(head_first=head_first, stream=head_first), Parts()
    task, answer = await waiting(Edge(held, {}, parts), scope(), held.begun)
    parts.lifetime.draining = True
    task.cancel()
    await task
    assert answer.status == (200 if head_first else 503)
    assert b'"code":"draining"' in answer.body
    assert answer.body.startswith(b"data: ") == head_first
    assert [line["outcome"] for line in parts.lines()] == ["overloaded"]


async def test_any_other_cancellation_is_not_swallowed():
    held, parts = Held(), Parts()
    task, _ = await waiting(Edge(held, {}, parts), scope(), held.begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [line["outcome"] for line in parts.lines()] == ["cancelled"], "the line is written all the same"
