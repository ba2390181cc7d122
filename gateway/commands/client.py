"""A running gateway as the command line sees it: one GET or POST on loopback, decoded. No retries."""

import http.client
from typing import TypeVar

import click
import msgspec

from gateway.settings import Settings

T = TypeVar("T")
_TIMEOUT = 600.0


class NotRunning(click.ClickException):
    """No gateway answers at the configured address."""


def ask(settings: Settings, method: str, path: str, answer: type[T]) -> T:
    """The decoded answer. Raises ``NotRunning``, or ``ClickException`` with the gateway's own words."""
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=_TIMEOUT)
    at = f"{settings.host}:{settings.port}"
    headers = {"host": "localhost"}
    key = settings.presented_key()
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
    except OSError as error:
        raise NotRunning(f"no gateway answers at {at} ({error.strerror or error})") from None
    except http.client.HTTPException:
        raise click.ClickException(f"what answers at {at} is no gateway") from None
    finally:
        connection.close()
    if response.status != 200:
        raise refused(body, response.status)
    try:
        return msgspec.json.decode(body, type=answer)
    except msgspec.DecodeError:
        raise click.ClickException(f"what answers at {at} is no gateway, or one of another version") from None


def refused(body: bytes, status: int) -> click.ClickException:
    """The gateway's refusal, in its own words."""
    return click.ClickException(_message(body, status))


def _message(body: bytes, status: int) -> str:
    try:
        found = msgspec.json.decode(body, type=dict[str, dict[str, object]])
    except msgspec.DecodeError:
        return f"the gateway answered {status}"
    return str(found.get("error", {}).get("message", f"the gateway answered {status}"))
