"""A provider's model as a backend of pictures and clips: it takes the jobs of our workers and tells their events.

Owns which operation of the provider a job is; everything else is of the job's ``Run``.
"""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from backends.cloud.client import CloudClient
from backends.cloud.media.downloads import Downloads
from backends.cloud.media.inputs import inputs_of, presence_of
from backends.cloud.media.plan import Plan, chosen, plan_of
from backends.cloud.media.run import Run
from backends.cloud.media.telling import Telling
from backends.cloud.media.vendor import Pace, Vendor
from backends.cloud.provider import Provider
from backends.contract import Call, Health, Reply
from backends.errors import BackendError, Cause
from backends.http.reply import WholeReply
from backends.wire.media_job import Event, MediaJob

JOBS = "/jobs"
_GONE = 204
_decoder = msgspec.json.Decoder(MediaJob)
_USUAL = Pace()


class MediaProvider:
    """Implements ``Backend`` for one model of ``provider``; ``name`` is the provider's id."""

    def __init__(
        self, provider: Provider, model: str, client: CloudClient, downloads: Downloads, pace: Pace = _USUAL
    ) -> None:
        self.name = provider.id
        self._provider = provider.for_media()
        self._model = model
        self._client = client
        self._downloads = downloads
        self._pace = pace
        self._plans: dict[int, Plan] = {}
        self._behind: set[asyncio.Task[None]] = set()

    async def open(self, call: Call) -> Reply:
        """See ``Backend.open``. ``call`` is a job, its answer the events; or it deletes one that lasts, given once more
        with its ``remote``."""
        deletes = call.method == "DELETE" and call.path.startswith(f"{JOBS}/")
        if not deletes and (call.path != JOBS or not call.lines):
            raise BackendError(Cause.INVALID_REQUEST, f"{self._provider.name} makes pictures and clips here only")
        try:
            job = _decoder.decode(call.body)
        except msgspec.DecodeError as error:
            raise BackendError(Cause.INVALID_REQUEST, "this is no job", private=str(error)) from None
        vendor = self._vendor(job)
        if deletes:
            await Run(vendor, job, presence_of(job), _unheard, self._stay).cancel()
            return WholeReply(_GONE, "application/json", (), b"")

        async def work(tell: Callable[[Event], None]) -> None:
            await Run(vendor, job, await inputs_of(job), tell, self._stay).run()

        return await Telling(work, call, alive=self._pace.alive).opened()

    async def health(self) -> Health:
        """A provider is not asked how it is: its answers tell."""
        return Health(ready=True)

    async def aclose(self) -> None:
        """Waits a little for what is still to be cancelled there; the client is everybody's."""
        if self._behind:
            await asyncio.wait(tuple(self._behind), timeout=self._pace.spell)

    def _vendor(self, job: MediaJob) -> Vendor:
        makes = "picture" if job.frames is None else "clip"
        number = chosen(self._provider.operations, makes, job.task, self._model)
        if number is None:
            detail = f"{self._model} of {self._provider.name} does not {job.task} a {makes}"
            raise BackendError(Cause.INVALID_REQUEST, detail, param="model", code="model_not_supported")
        given = {name: self._client.secrets(secret) for name, secret in self._provider.given.items()}
        absent = [self._provider.given[name] for name, value in given.items() if value is None]
        if absent:
            detail = f"{self._provider.name} needs {', '.join(absent)}"
            raise BackendError(Cause.PROVIDER_ACCOUNT, detail)
        return Vendor(
            provider=self._provider, model=self._model, plan=self._plan(number), client=self._client,
            downloads=self._downloads, pace=self._pace,
            given={name: value for name, value in given.items() if value is not None},
        )  # fmt: skip

    def _plan(self, number: int) -> Plan:
        known = self._plans.get(number)
        if known is None:
            known, faults = plan_of(self._provider.operations[number], frozenset(self._provider.given))
            assert known is not None, f"checked when the file was read: {faults}"
            self._plans[number] = known
        return known

    def _stay(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)


def _unheard(_: Event) -> None:
    """A job that is only deleted says nothing."""
