"""Structured logs: one JSON object a line, with the request id; one access line a request.

Lines are formatted on the loop but written by a thread, so that a slow terminal never delays a token. Nothing of a
request's or answer's body is ever logged, and every message passes ``redact``.
"""

import asyncio
import contextlib
import logging
import queue
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from logging.handlers import QueueHandler, QueueListener
from typing import Literal, TextIO

from msgspec import Struct
from msgspec.json import Encoder

from gateway.telemetry.exchange import Exchange
from gateway.telemetry.redact import redact

_MOST_WAITING = 10_000
_LONGEST = 8_192
_BATCH_SECONDS = 0.1
_EXTRA = ("model", "variant", "state", "cause", "tail", "outcome")
request_id: ContextVar[str] = ContextVar("request_id", default="")


class _Line(Struct, omit_defaults=True):
    time: str
    level: str
    logger: str
    message: str
    request_id: str = ""
    model: str = ""
    variant: str = ""
    state: str = ""
    cause: str = ""
    outcome: str = ""
    tail: str = ""
    exception: str = ""


class _Access(Struct, omit_defaults=True):
    time: str
    level: str
    logger: str
    request_id: str
    method: str
    path: str
    status: int
    outcome: str
    seconds: float
    endpoint: str
    key: str = ""
    model: str = ""
    variant: str = ""
    backend: str = ""
    where: str = ""
    reason: str = ""
    cause: str = ""
    private: str = ""
    stream: bool = False
    attempts: int = 0
    waited: float = 0.0
    first_event: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0


_encode = Encoder().encode


class JsonFormatter(logging.Formatter):
    """``logging`` records as JSON lines; exceptions as type and place, their text redacted."""

    def format(self, record: logging.LogRecord) -> str:
        line = _Line(
            time=_utc(record.created),
            level=record.levelname.lower(),
            logger=record.name,
            message=redact(record.getMessage())[:_LONGEST],
            request_id=request_id.get(),
            exception=redact(self.formatException(record.exc_info))[-_LONGEST:] if record.exc_info else "",
        )
        for name in _EXTRA:
            value = getattr(record, name, None)
            if isinstance(value, str):
                setattr(line, name, redact(value)[-_LONGEST:])
        return _encode(line).decode()


class TextFormatter(logging.Formatter):
    """For people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        message = redact(record.getMessage())[:_LONGEST].replace("\n", "\n    ")
        text = f"{_utc(record.created)[11:19]} {record.levelname.lower():7} {message}"
        tail = getattr(record, "tail", "")
        if tail:
            text += "\n    " + redact(str(tail)).strip().replace("\n", "\n    ")
        return text + ("\n" + redact(self.formatException(record.exc_info)) if record.exc_info else "")


class AccessLog:
    """The one line a request. Lines are handed to the writer in batches: waking a thread costs more than a line."""

    def __init__(self, sink: "queue.Queue[logging.LogRecord] | None", form: Literal["json", "text"]) -> None:
        self._sink = sink
        self._form = form
        self._waiting: list[bytes] = []

    def write(self, exchange: Exchange, seconds: float) -> None:
        """Keeps the line of ``exchange`` for the next batch, at most ``_BATCH_SECONDS`` away. Loop only."""
        if self._sink is None:
            return
        self._waiting.append(self._text(exchange, seconds, time.time()))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Hands over what waits; drops it when the writer is hopelessly behind."""
        if self._sink is None or not self._waiting:
            return
        record = logging.LogRecord("forebay.access", logging.INFO, "", 0, "", None, None)
        record.forebay_access = b"\n".join(self._waiting).decode()
        self._waiting.clear()
        with contextlib.suppress(queue.Full):
            self._sink.put_nowait(record)

    def _text(self, e: Exchange, seconds: float, created: float) -> bytes:
        if self._form == "text":
            path = _path(e).encode("unicode_escape").decode()
            what = f"{e.method} {path} {e.status} {e.outcome} {seconds * 1000:.0f} ms {e.variant} {e.cause}"
            return f"{_utc(created)[11:19]} access  {what.strip()}".encode()
        first = e.first_event - e.started if e.first_event else 0.0
        line = _Access(
            _utc(created), "info", "forebay.access", e.request_id, e.method,
            e.path if e.path == e.endpoint else _path(e), e.status, e.outcome,
            _micro(seconds), e.endpoint, e.key_id, e.model, e.variant, e.backend, e.where, e.reason, e.cause,
            redact(e.private)[-2048:] if e.private else "", e.stream, e.attempts, _micro(e.waited), _micro(first),
            e.tokens_in, e.tokens_out, e.tokens_cached,
        )  # fmt: skip
        return _encode(line)


class _Writer(logging.StreamHandler[TextIO]):
    """Writes in the listener's thread; access lines arrive ready-made."""

    def format(self, record: logging.LogRecord) -> str:
        ready = getattr(record, "forebay_access", None)
        return ready if isinstance(ready, str) else record.getMessage()


class Logging:
    """Owns the queue and the writing thread between ``start`` and ``stop``."""

    def __init__(
        self, level: str, form: Literal["json", "text"], *, access: bool, stream: TextIO | None = None
    ) -> None:
        self._queue: queue.Queue[logging.LogRecord] = queue.Queue(_MOST_WAITING)
        self._level = level
        self._form: Literal["json", "text"] = form
        self._listener = QueueListener(self._queue, _Writer(stream or sys.stderr))
        self._handler = QueueHandler(self._queue)
        self.access = AccessLog(self._queue if access else None, form)

    def start(self) -> None:
        """Takes over the root logger. Libraries are heard from WARNING on: their INFO lines print URLs and headers."""
        self._handler.setFormatter(JsonFormatter() if self._form == "json" else TextFormatter())
        root = logging.getLogger()
        root.handlers[:] = [self._handler]
        root.setLevel(logging.WARNING)
        logging.getLogger("forebay").setLevel(self._level)
        self._listener.start()

    def stop(self) -> None:
        """Writes what is queued, then gives the root logger back."""
        self.access.flush()
        logging.getLogger().removeHandler(self._handler)
        self._listener.stop()


def _path(exchange: Exchange) -> str:
    """A path that is no endpoint's is the client's own text: no credential, not endless."""
    return exchange.path if exchange.path == exchange.endpoint else redact(exchange.path[:4096])[:256]


def _micro(seconds: float) -> float:
    """To six digits, at a third of the cost of ``round``."""
    return int(seconds * 1e6 + 0.5) / 1e6


def _utc(seconds: float) -> str:
    whole = int(seconds)
    return "%s.%03dZ" % (_second(whole), (seconds - whole) * 1000)  # noqa: UP031 - half the cost of an f-string here


@lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
