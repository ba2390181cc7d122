"""The request that begins work and costs: sent once, never repeated, and its outcome told exactly.

What may have been begun without our knowing is ``UNKNOWN_OUTCOME``, after which nobody else is asked.
"""

import asyncio

from backends.cloud.ask import Answer
from backends.cloud.media.plan import Way
from backends.cloud.media.request import create_request
from backends.cloud.media.value import FILES, Blob, Value
from backends.cloud.media.vendor import Vendor
from backends.cloud.media.verdict import answer_of, declined, failed_inside
from backends.errors import BackendError, Cause

_UNSURE = frozenset({Cause.UPSTREAM_TIMEOUT, Cause.UPSTREAM_ERROR, Cause.STREAM_BROKEN, Cause.UPSTREAM_PROTOCOL})


async def create(vendor: Vendor, way: Way, values: dict[str, Value]) -> object:
    """The answer to it, as JSON. Raises ``BackendError``."""
    values = values | await _uploaded(vendor, way, values)
    request = await asyncio.to_thread(create_request, way, values)  # files in base64 are no small matter
    try:
        answer = await vendor.send(request, vendor.plan.operation.seconds)
    except BackendError as error:
        if error.cause in _UNSURE:
            raise unknown(vendor, "it may have begun", error.private or error.detail) from None
        raise
    return _begun(vendor, answer)


def unknown(vendor: Vendor, detail: str, private: str = "") -> BackendError:
    """Work that may be paid for, and that nobody has."""
    words = f"what became of the request to {vendor.provider.name} is not known: {detail}"
    return BackendError(Cause.UNKNOWN_OUTCOME, words, private=private)


def _begun(vendor: Vendor, answer: Answer) -> object:
    found = answer_of(answer.body)
    if answer.ok:
        failed = failed_inside(vendor.plan, vendor.provider, found)
        if failed is not None:
            failed.upstream_status = answer.status  # nothing was begun, by its own word
            raise failed
        if found is None:
            raise unknown(vendor, "its answer cannot be read", answer.body[:512].decode("utf-8", "replace"))
        return found
    error = declined(vendor.plan, vendor.provider, vendor.model, answer.status, answer.headers, answer.body)
    if answer.status < 500 or answer.status in vendor.plan.operation.failure.nothing_made:
        raise error
    if error.cause in (Cause.CONTENT_REFUSED, Cause.PROVIDER_ACCOUNT, Cause.UPSTREAM_RATE_LIMITED):
        raise error  # in words of its own: that is certain, whatever the status
    raise unknown(vendor, f"it answered with status {answer.status}", error.private)


async def _uploaded(vendor: Vendor, way: Way, values: dict[str, Value]) -> dict[str, Value]:
    """What the files are called there that the request names. Nothing is paid for that."""
    if vendor.plan.upload is None or vendor.plan.operation.upload is None:
        return {}
    path, ref = vendor.plan.upload
    refs: dict[str, Value] = {}
    for name in FILES:
        found = values.get(name)
        if f"{name}_ref" not in way.uses or found is None:
            continue
        several = isinstance(found, list)
        names: list[Value] = []
        for blob in found if isinstance(found, list) else [found]:
            assert isinstance(blob, Blob)
            answer = await vendor.upload(
                path.render(values) or "", vendor.plan.operation.upload.form, blob, vendor.pace.spell * 4
            )
            text = ref.text(answer_of(answer.body)) if answer.ok else None
            if text is None:
                raise _refused(vendor, answer)
            names.append(text)
        refs[f"{name}_ref"] = names if several else names[0]
    return refs


def _refused(vendor: Vendor, answer: Answer) -> BackendError:
    if not answer.ok:
        return declined(vendor.plan, vendor.provider, vendor.model, answer.status, answer.headers, answer.body)
    private = answer.body[:512].decode("utf-8", "replace")
    detail = f"{vendor.provider.name} did not say what it calls an uploaded file"
    return BackendError(Cause.UPSTREAM_ERROR, detail, private=private)
