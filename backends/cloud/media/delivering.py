"""From the end of a vendor's work to artifacts: which results there are, and each of them fetched and kept.

What has been paid for and cannot be had is an unknown outcome: somebody else would have to be paid again.
"""

from collections.abc import Callable, Coroutine

from yarl import URL

from backends.cloud.media.creating import unknown
from backends.cloud.media.downloads import LinkError
from backends.cloud.media.following import Ended
from backends.cloud.media.keeping import Kept
from backends.cloud.media.vendor import Vendor
from backends.cloud.media.verdict import work_failed
from backends.wire.media_job import Artifact, MediaJob

Again = Callable[[], Coroutine[None, None, Ended]]
"""Asks the vendor anew for what has ended, for links that live."""
_TRIES = 3


def results_of(vendor: Vendor, ended: Ended, wanted: int) -> list[str]:
    """URLs or base64, one a result. Raises ``BackendError``: for a refusal that looks like a success, and for an answer
    that holds nothing. Where some are withheld, the others count.
    """
    plan = vendor.plan
    found = plan.result.texts(ended.result)
    if found:
        return found[:wanted]
    if plan.refused is not None and plan.refused.holds(ended.result):
        raise work_failed(plan, vendor.provider, ended.result, refused=True)
    if plan.when is not None and plan.when.holds(ended.result):
        raise work_failed(plan, vendor.provider, ended.result)
    raise unknown(vendor, "its answer holds no result", f"{ended.result}"[:512])


async def fetched(
    vendor: Vendor, job: MediaJob, place: tuple[int, int], which: tuple[int, list[str]], again: Again | None
) -> Artifact:
    """One result. ``place``: its index and seed; ``which``: its number among the results. Links that have ended are
    asked for anew, and what stumbles is tried again. Raises ``BackendError(UNKNOWN_OUTCOME)``.
    """
    number, found = which
    last = ""
    for attempt in range(_TRIES):
        if attempt:
            await vendor.pace.sleep(2.0**attempt)
        kept = Kept(job, *place)
        try:
            await _into(vendor, found[number], kept)
            return await kept.artifact()
        except LinkError as error:
            last = str(error)
            if error.final:
                break
            if error.gone and again is not None:
                renewed = vendor.plan.result.texts((await again()).result)
                found = renewed if len(renewed) > number else found
        finally:
            kept.close()
    raise unknown(vendor, "its result cannot be fetched", last)


async def _into(vendor: Vendor, text: str, kept: Kept) -> None:
    result = vendor.plan.operation.result
    is_url = text.startswith(("https://", "http://"))
    if result.kind == "base64" or (result.kind == "either" and not is_url) or text.startswith("data:"):
        await kept.decode(text)
        return

    async def keys(url: URL) -> dict[str, str]:
        return await vendor.client.keys(vendor.provider, url) if result.key else {}

    await vendor.downloads.fetch(vendor.provider, text, keys, kept)
