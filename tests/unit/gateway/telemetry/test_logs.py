"""Log lines: one JSON object each, with the request's id, free of credentials and of other people's line breaks."""

import io
import logging
from contextlib import contextmanager

import pytest
from msgspec.json import decode

from gateway.telemetry.exchange import Exchange
from gateway.telemetry.logs import Logging, request_id

CANARY = "sk-canary-abcdefghijklmnop"
_log = logging.getLogger("forebay.test")


@contextmanager
def logging_to(stream: io.StringIO, form="json", level="INFO", *, access=True):
    root = logging.getLogger()
    handlers, was, ours = root.handlers[:], root.level, logging.getLogger("forebay").level
    logs = Logging(level, form, access=access, stream=stream)
    logs.start()
    try:
        yield logs
    finally:
        logs.stop()
        root.handlers[:] = handlers
        root.setLevel(was)
        logging.getLogger("forebay").setLevel(ours)


def lines(stream: io.StringIO) -> list[dict]:
    return [decode(line) for line in stream.getvalue().splitlines()]


def exchange(path: str = "/v1/chat/completions", **fields: object) -> Exchange:
    made = Exchange("req_7", "POST", path, 100.0)
    made.endpoint = "/v1/chat/completions"
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_line_is_one_json_object_with_the_requests_id():
    stream = io.StringIO()
    with logging_to(stream):
        token = request_id.set("req_1")
        _log.warning("two\nlines of %s", "text", extra={"model": "m", "cause": "storage", "unknown": "x"})
        request_id.reset(token)
        _log.error("alone")
    first, second = lines(stream)
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning", "logger": "forebay.test", "message": "two\nlines of text", "request_id": "req_1",
        "model": "m", "cause": "storage",
    }  # fmt: skip
    assert "request_id" not in second


def test_credentials_are_taken_out_of_messages_fields_and_exceptions():
    stream = io.StringIO()
    with logging_to(stream):
        _log.warning("said %s", CANARY, extra={"tail": f"key {CANARY}"})
        try:
            raise ValueError(CANARY)
        except ValueError:
            _log.error("failed", exc_info=True)
    said, failed = lines(stream)
    assert CANARY not in stream.getvalue()
    assert said["tail"] == "key [redacted]"
    assert "ValueError" in failed["exception"]
    assert "test_logs.py" in failed["exception"]


def test_endless_messages_are_cut():
    stream = io.StringIO()
    with logging_to(stream):
        _log.warning("%s", "word " * 100_000, extra={"tail": "tail " * 100_000})
    (line,) = lines(stream)
    assert len(line["message"]) == len(line["tail"]) == 8_192


def test_libraries_are_heard_from_warnings_on_and_ours_at_the_level_asked_for():
    stream = io.StringIO()
    with logging_to(stream, level="DEBUG"):
        _log.debug("ours")
        logging.getLogger("httpx").info("GET http://x/?key=secret")
        logging.getLogger("httpx").warning("theirs")
    assert [line["message"] for line in lines(stream)] == ["ours", "theirs"]
    stream = io.StringIO()
    with logging_to(stream, level="ERROR"):
        _log.warning("too low")
    assert not stream.getvalue()


def test_nothing_is_heard_after_stop():
    stream = io.StringIO()
    with logging_to(stream):
        pass
    _log.error("late")
    assert not stream.getvalue()


async def test_the_access_line_has_everything_an_operator_asks_for():
    stream = io.StringIO()
    with logging_to(stream) as logs:
        logs.access.write(
            exchange(
                status=200, key_id="key_1", model="m", variant="v", backend="llamacpp", where="local",
                reason="resident", stream=True, attempts=1, waited=0.25, first_event=100.5, tokens_in=9, tokens_out=3,
                tokens_cached=4,
            ),
            1.5,
        )  # fmt: skip
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "logger": "forebay.access", "request_id": "req_7", "method": "POST",
        "path": "/v1/chat/completions", "status": 200, "outcome": "ok", "seconds": 1.5,
        "endpoint": "/v1/chat/completions", "key": "key_1", "model": "m", "variant": "v", "backend": "llamacpp",
        "where": "local", "reason": "resident", "stream": True, "attempts": 1, "waited": 0.25, "first_event": 0.5,
        "tokens_in": 9, "tokens_out": 3, "tokens_cached": 4,
    }  # fmt: skip


async def test_access_lines_wait_for_their_batch_but_not_for_ever():
    written = io.StringIO()
    with logging_to(written) as logs:
        for status in (200, 404):
            logs.access.write(exchange(status=status), 0.1)
        logs.access.flush()
        logs.access.flush()
    assert [line["status"] for line in lines(written)] == [200, 404]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/v1/models/{CANARY}", "/v1/models/[redacted]"),
        ("/" + "x/" * 500, ("/" + "x/" * 500)[:256]),
        ("/v1/models/" + "p/" * 118 + CANARY, ("/v1/models/" + "p/" * 118 + "[redacted]")[:256]),
    ],
)
async def test_a_path_that_is_no_endpoint_is_redacted_before_it_is_cut(path, shown):
    stream = io.StringIO()
    with logging_to(stream) as logs:
        logs.access.write(exchange(path), 0.1)
    assert lines(stream)[0]["path"] == shown


async def test_the_engines_own_words_are_redacted_and_their_end_is_kept():
    stream = io.StringIO()
    with logging_to(stream) as logs:
        logs.access.write(exchange(private="a " * 2_000 + CANARY + " the end", cause="upstream_error"), 0.1)
    (line,) = lines(stream)
    assert line["private"].endswith("[redacted] the end")
    assert len(line["private"]) == 2_048


async def test_text_form_is_one_line_a_request_whatever_the_path_says():
    stream = io.StringIO()
    with logging_to(stream, "text") as logs:
        logs.access.write(exchange("/x\n12:00:00 error   forged\r\x1b[31m", status=404, outcome="not_found"), 0.25)
        logs.access.flush()
        _log.warning("first\n12:00:00 error   forged", extra={"tail": f"one {CANARY}\ntwo"})
    access, *rest = stream.getvalue().splitlines()
    assert access.split()[1:4] == ["access", "POST", r"/x\n12:00:00"], access
    assert "\x1b" not in access
    assert access.endswith("404 not_found 250 ms")
    assert rest[0].endswith("warning first")
    assert rest[1:] == ["    12:00:00 error   forged", "    one [redacted]", "    two"]


async def test_without_access_log_nothing_is_written():
    stream = io.StringIO()
    with logging_to(stream, access=False) as logs:
        logs.access.write(exchange(), 0.1)
        logs.access.flush()
    assert not stream.getvalue()


def test_text_form_shows_where_an_exception_came_from_without_its_credentials():
    stream = io.StringIO()
    with logging_to(stream, "text"):
        try:
            raise ValueError(CANARY)
        except ValueError:
            _log.error("failed", exc_info=True)
    assert "ValueError" in stream.getvalue()
    assert CANARY not in stream.getvalue()
