"""A running gateway as the command line sees it: one request on loopback; its answer decoded, as events or a file.

No retries.
"""

import http.client
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from backends.wire.media_job import MOST_LINE_BYTES
from backends.wire.sse import Parser
from gateway.settings import Settings

T = TypeVar("T")
_TIMEOUT = 600.0
_LONG = 3600.0


class NotRunning(click.ClickException):
    """No gateway answers at the configured address."""


def ask(settings: Settings, method: str, path: str, answer: type[T], body: bytes | None = None) -> T:
    """The decoded answer. Raises ``NotRunning``, or ``ClickException`` with the gateway's own words."""
    with _answered(settings, method, path, body, _TIMEOUT) as response:
        raw = response.read()
    try:
        return msgspec.json.decode(raw, type=answer)
    except msgspec.DecodeError:
        at = f"{settings.host}:{settings.port}"
        raise click.ClickException(f"what answers at {at} is no gateway, or one of another version") from None


def events(settings: Settings, method: str, path: str, event: type[T], body: bytes | None = None) -> Iterator[T]:
    """The events of a stream as they come. Raises as ``ask``, also for an event that is an error."""
    with _answered(settings, method, path, body, _LONG) as response:
        parser = Parser(MOST_LINE_BYTES)
        while chunk := response.read1(65536):
            for each in parser.feed(chunk):
                yield _understood(each.data, event, response.status)


def download(settings: Settings, path: str, output: Path) -> None:
    """The answer as a file, which is there when it is whole. Raises as ``ask``."""
    partial = output.with_name(f".{output.name}.partial")
    with _answered(settings, "GET", path, None, _TIMEOUT) as response:
        try:
            with partial.open("wb") as file:
                shutil.copyfileobj(response, file)
            partial.replace(output)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise click.ClickException(f"{output} cannot be written: {error}") from None


@contextmanager
def _answered(
    settings: Settings, method: str, path: str, body: bytes | None, timeout: float
) -> Generator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=timeout)
    at = f"{settings.host}:{settings.port}"
    headers = {"host": "localhost"} | ({} if body is None else {"content-type": "application/json"})
    key = settings.presented_key()
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise refused(response.read(), response.status)
        yield response
    except OSError as error:
        raise NotRunning(f"no gateway answers at {at} ({error.strerror or error}); run: forebay serve") from None
    except http.client.HTTPException:
        raise click.ClickException(f"what answers at {at} is no gateway") from None
    finally:
        connection.close()


def _understood(data: bytes, event: type[T], status: int) -> T:
    try:
        if msgspec.json.decode(data, type=_Failed).error is not None:
            raise refused(data, status)
        return msgspec.json.decode(data, type=event)
    except msgspec.DecodeError:
        raise click.ClickException("the gateway said something that is no event") from None


class _Failed(msgspec.Struct):
    """Whether an event is an error."""

    error: msgspec.Raw | None = None


def refused(body: bytes, status: int) -> click.ClickException:
    """The gateway's refusal, in its own words."""
    return click.ClickException(_message(body, status))


def _message(body: bytes, status: int) -> str:
    try:
        found = msgspec.json.decode(body, type=dict[str, dict[str, object]])
    except msgspec.DecodeError:
        return f"the gateway answered {status}"
    return str(found.get("error", {}).get("message", f"the gateway answered {status}"))
