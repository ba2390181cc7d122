"""One exchange with a provider up to its commit point: a whole body, or a stream's first event that is no error."""

import asyncio

import aiohttp
import msgspec
from msgspec.structs import replace

from backends.cloud.client import CloudClient
from backends.cloud.provider import Provider
from backends.cloud.refusal import error_inside, provider_refusal
from backends.cloud.stream import CloudStream, Translation
from backends.cloud.whole import headers_of, whole_body
from backends.contract import Call, Reply
from backends.errors import BackendError, Cause
from backends.http.relay import MOST_BODY
from backends.http.reply import WholeReply
from backends.wire.sse import MOST_EVENT_BYTES, first_event_end


def replaced(call: Call, body: bytes, path: str | None = None) -> Call:
    """``call`` with another body, and another path where one is given."""
    return replace(call, body=body, path=call.path if path is None else path)


async def exchange(client: CloudClient, provider: Provider, model: str, call: Call, translation: Translation) -> Reply:
    """Sends ``call``; returns at the commit point: a whole body, or the first event with data that is no error."""
    response = await client.send(provider, call.path.removeprefix("/v1"), call)
    try:
        if not 200 <= response.status < 300:
            body = await whole_body(response, call.answer_timeout, MOST_BODY)
            raise provider_refusal(provider, model, response.status, headers_of(response), body)
        kind = response.content_type
        if call.stream and kind == "text/event-stream":
            first = await _first(response, provider, model, call, translation)
            return CloudStream(response, first, translation, idle_timeout=call.idle_timeout)
        if kind != "application/json":
            raise BackendError(Cause.UPSTREAM_PROTOCOL, f"{provider.name} answered with {kind}, which is no API's")
        body = await whole_body(response, call.answer_timeout, MOST_BODY)
        error = error_inside(provider, model, body)
        if error is not None:
            raise error
        if call.stream:
            raise BackendError(Cause.UPSTREAM_PROTOCOL, f"{provider.name} did not answer with a stream")
        if not _is_json(body):  # one that tells no length may end anywhere
            raise BackendError(Cause.STREAM_BROKEN, f"{provider.name} broke its answer off")
        return WholeReply(response.status, kind, (), body)
    except BaseException:
        response.close()
        raise


async def _first(
    response: aiohttp.ClientResponse, provider: Provider, model: str, call: Call, translation: Translation
) -> bytes:
    """Translated bytes up to the first event that has some. What a stream begins with may be an error."""
    came, told = b"", b""
    try:
        async with asyncio.timeout(call.first_event_timeout):
            while not told:
                chunk = await response.content.readany()
                if not chunk:
                    raise BackendError(Cause.STREAM_BROKEN, f"{provider.name} ended its stream before the first event")
                if came is not None:
                    came += chunk
                    if len(came) > MOST_EVENT_BYTES:
                        raise BackendError(Cause.UPSTREAM_PROTOCOL, f"{provider.name} sent too large an event")
                    if (b"\n" not in chunk and b"\r" not in chunk) or first_event_end(came) < 0:
                        continue
                    error = _error_event(provider, model, came)
                    if error is not None:
                        raise error
                    chunk, came = came, None
                told = translation.feed(chunk)
    except TimeoutError:
        raise BackendError(Cause.UPSTREAM_TIMEOUT, f"{provider.name} sent no event in time") from None
    except (aiohttp.ClientError, OSError) as error:
        private = f"{type(error).__name__}: {error}"[:512]
        detail = f"{provider.name} broke its stream before the first event"
        raise BackendError(Cause.STREAM_BROKEN, detail, private=private) from None
    return told


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _error_event(provider: Provider, model: str, came: bytes) -> BackendError | None:
    data = came[: first_event_end(came)].partition(b"data:")[2].strip()
    return error_inside(provider, model, data)
