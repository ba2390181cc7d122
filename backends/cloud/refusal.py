"""What a provider's error answer means. Pure. Its words are shown only where they are about the client's request."""

import re

import msgspec

from backends.cloud.provider import Provider
from backends.errors import BackendError, Cause
from backends.http.refusal import refusal
from backends.translate.claude import failures as claude


class _Inside(msgspec.Struct):
    code: int | str | None = None


class _Body(msgspec.Struct):
    error: _Inside | None = None
    choices: msgspec.Raw | None = None
    content: msgspec.Raw | None = None


_decoder = msgspec.json.Decoder(_Body)
_TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|context[_ ]length[_ ]exceeded|exceeds the maximum number of tokens"
    r"|too many (?:input )?tokens|maximum prompt length|context window|input (?:is )?too long",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"content[_ ]policy|moderation|content[_ ]filter|safety|usage policies", re.IGNORECASE)
_EMPTY = re.compile(
    r"insufficient[_ ](?:quota|funds|balance|credit)|exceeded your current quota|billing", re.IGNORECASE
)
_ACCOUNT = frozenset({401, 402, 403})
_OVERLOADED = 529


def provider_refusal(
    provider: Provider, model: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> BackendError:
    """The error that ``status`` (any but 2xx) and ``body`` mean."""
    said = body[:4096].decode("utf-8", "replace")
    error = refusal(503 if status == _OVERLOADED else status, headers, body)
    if provider.kind == "anthropic":
        error = claude.refusal(status, body, retry_after=error.retry_after)
    error.upstream_status = status
    cause, detail = error.cause, error.detail
    if status in _ACCOUNT or (status == 429 and _EMPTY.search(said)):
        cause, detail = Cause.PROVIDER_ACCOUNT, f"{provider.name} does not accept its key, or the account is empty"
    elif status == 404:
        cause, detail = Cause.UPSTREAM_ERROR, f"{provider.name} does not know the model {model} any more"
    elif 300 <= status < 400:
        cause, detail = Cause.UPSTREAM_PROTOCOL, f"{provider.name} answered with a redirect"
    elif status in (400, 413, 422) and _TOO_LONG.search(said):
        cause = Cause.CONTEXT_LENGTH
    elif status in (400, 422) and _REFUSED.search(said):
        cause = Cause.CONTENT_REFUSED
    if cause is error.cause and detail == error.detail:
        return error
    return BackendError(
        cause, detail, private=said[:512], retry_after=error.retry_after, upstream_status=status,
        param=error.param if cause in (Cause.CONTEXT_LENGTH, Cause.CONTENT_REFUSED) else None,
    )  # fmt: skip


def error_inside(provider: Provider, model: str, body: bytes) -> BackendError | None:
    """The error in a body, or in an event's data, that came with status 200; ``None`` when there is none."""
    if b'"error"' not in body[:4096]:
        return None
    try:
        found = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if found.error is None or found.choices or found.content:
        return None
    code = found.error.code
    status = code if isinstance(code, int) and 400 <= code < 600 else 502
    return provider_refusal(provider, model, status, [], body)
