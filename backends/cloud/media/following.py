"""Asks after work that was begun until it has ended: as often as wanted, for that costs nothing. Cancels it.

Raises what the vendor says has failed; whatever else goes wrong leaves work behind that may be paid for.
"""

import logging
from collections.abc import Callable

from msgspec import Struct

from backends.cloud.ask import Answer
from backends.cloud.media.creating import unknown
from backends.cloud.media.plan import Next, Way
from backends.cloud.media.request import Rendered, next_request
from backends.cloud.media.value import Value
from backends.cloud.media.vendor import Vendor
from backends.cloud.media.verdict import answer_of, declined, percent_of, state_of, work_failed
from backends.errors import BackendError, Cause
from backends.wire.media_job import RemoteTask

_log = logging.getLogger("forebay.cloud")
_GROWS = 1.5
_PATIENT = frozenset({408, 409, 425, 429})
_MOST_REFUSALS = 3
_FETCHES = 4
_LONGEST = 120.0
"""Seconds that a vendor may ask to be left alone for."""


class Ended(Struct, frozen=True):
    """The answer that tells of the end, and the one that holds the result, which is often the same."""

    last: object
    result: object


class Following:
    """One task. ``tell`` gets a stage's name and a percentage, as often as there is a look."""

    _unknown_words: set[tuple[str, str]] = set()

    def __init__(self, vendor: Vendor, way: Way, values: dict[str, Value], tell: Callable[[str, float], None]) -> None:
        self._vendor = vendor
        self._way = way
        self._values = values
        self._tell = tell

    def task_of(self, created: object, nanousd: int | None) -> RemoteTask:
        """What is needed to go on in another process. Raises ``BackendError(UNKNOWN_OUTCOME)`` without a name."""
        plan = self._vendor.plan
        name = None if plan.id is None else plan.id.text(created)
        if name is None:
            raise unknown(self._vendor, "it did not say what it calls the work", f"{created}"[:512])
        known = self._values | {"id": name}

        def url(following: Next | None) -> str:
            found = None if following is None or following.path else next_request(following, known, created)
            return "" if found is None else found.url

        return RemoteTask(
            provider=self._vendor.provider.id, id=name, nanousd=nanousd, fetch=url(plan.fetch), cancel=url(plan.cancel),
            poll="" if self._way.poll is not None else url(plan.poll),
        )  # fmt: skip

    async def to_the_end(self, task: RemoteTask) -> Ended:
        """Waits until it is completed. Raises ``BackendError``."""
        job = self._vendor.plan.operation.job
        assert job is not None
        pace = self._vendor.pace
        ends = pace.clock() + job.deadline
        wait, longest = job.every
        refusals = 0
        while True:
            await pace.sleep(min(wait, max(0.0, ends - pace.clock())))
            wait = min(longest, wait * _GROWS)
            answer = await self._look(self._request(self._vendor.plan.poll, task.poll, task))
            if answer is not None and (answer.ok or answer.status in job.working):
                refusals = 0
                found = await self._judged(task, answer)
                if found is not None:
                    return found
            elif answer is not None and answer.status in _PATIENT:
                wait = max(wait, min(_LONGEST, self._asked_for(answer)))
            elif answer is not None and answer.status < 500:
                refusals += 1
                if refusals >= _MOST_REFUSALS:
                    private = answer.body[:512].decode("utf-8", "replace")
                    raise unknown(self._vendor, f"it answers with status {answer.status}", private)
            if pace.clock() >= ends:
                await self.cancel(task)
                raise unknown(self._vendor, f"it did not end within {job.deadline:g} s")

    async def cancel(self, task: RemoteTask) -> None:
        """Where the vendor has that. Raises nothing: it was only a wish."""
        if self._vendor.plan.cancel is not None:
            await self._look(self._request(self._vendor.plan.cancel, task.cancel, task))

    def _asked_for(self, answer: Answer) -> float:
        """Seconds that it wants to be left alone."""
        vendor = self._vendor
        error = declined(vendor.plan, vendor.provider, vendor.model, answer.status, answer.headers, answer.body)
        return error.retry_after or 0.0

    async def _judged(self, task: RemoteTask, answer: Answer) -> Ended | None:
        vendor = self._vendor
        said = answer_of(answer.body)
        state, word = state_of(vendor.plan, answer.status, said)
        if word and (vendor.provider.id, word) not in self._unknown_words:
            self._unknown_words.add((vendor.provider.id, word))
            _log.warning("%s says %.40r of its work, which its file does not know", vendor.provider.id, word)
        if state == "completed":
            return Ended(said, said if vendor.plan.fetch is None else await self._fetched(task, said))
        if state in ("failed", "refused"):
            raise work_failed(vendor.plan, vendor.provider, said, refused=state == "refused")
        if state == "cancelled":
            raise BackendError(Cause.UPSTREAM_ERROR, f"{vendor.provider.name} has cancelled the work")
        self._tell("queued" if state == "queued" else "render", percent_of(vendor.plan, said) or 0.0)
        return None

    async def _fetched(self, task: RemoteTask, last: object) -> object:
        """The result, from where it is. Some tell of a failure only here."""
        vendor = self._vendor
        request = self._request(vendor.plan.fetch, task.fetch, task, last)
        for number in range(_FETCHES):
            if number:
                await vendor.pace.sleep(2.0**number)
            answer = await self._look(request)
            if answer is None or answer.status >= 500 or answer.status in _PATIENT:
                continue
            if answer.ok:
                return answer_of(answer.body)
            raise declined(vendor.plan, vendor.provider, vendor.model, answer.status, answer.headers, answer.body)
        raise unknown(vendor, "its result cannot be fetched")

    def _request(self, following: Next | None, url: str, task: RemoteTask, *answers: object) -> Rendered:
        assert following is not None
        if url:
            return Rendered(method=following.method, url=url)
        path = self._way.poll if following is self._vendor.plan.poll else None
        found = next_request(following, self._values | {"id": task.id}, *answers, path=path)
        if found is None:
            raise unknown(self._vendor, "it did not say where to ask")
        return found

    async def _look(self, request: Rendered) -> Answer | None:
        """``None`` when there is no answer now. Raises ``UNKNOWN_OUTCOME`` for an address that is not the vendor's."""
        try:
            return await self._vendor.send(request, self._vendor.pace.spell)
        except BackendError as error:
            if error.cause is Cause.UPSTREAM_PROTOCOL:
                raise unknown(self._vendor, error.detail, error.private) from None
            _log.info("%s: %s", self._vendor.provider.id, error.detail)
            return None
