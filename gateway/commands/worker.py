"""``forebay worker check CMD``: starts a command as the gateway would, and tries what the worker protocol promises."""

import asyncio
import shlex
import tempfile
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from backends.contract import Call, LaunchRequest
from backends.errors import BackendError
from backends.external.args import ExternalArgs
from backends.external.command import plan
from backends.http.relay import HttpBackend
from backends.process.ledger import Ledger
from backends.process.reaper import RUN_PREFIX
from backends.process.supervisor import EngineProcess
from backends.wire.media_job import Accepted, Artifact, Done, Event, MediaJob, Stage, Step, event_of

_SIDE = 64
_SEED = 7


class Finding(Struct, frozen=True):
    """One promise, and what is wrong with how it is kept; empty when nothing is."""

    promise: str
    wrong: str = ""


@click.group()
def worker() -> None:
    """Try programs that speak the worker protocol."""


@worker.command("check")
@click.argument("command")
@click.option("--weights", type=click.Path(exists=True, path_type=Path), help="What {weights} becomes.")
@click.option("--prompt", default="a penguin", show_default=True)
@click.option("--size", default=_SIDE, show_default=True, help="Side of the picture, in pixels.")
@click.option("--start-timeout", default=120.0, show_default=True, help="Seconds until it must be ready.")
def check(command: str, weights: Path | None, prompt: str, size: int, start_timeout: float) -> None:
    """Start COMMAND and try it: readiness, a job, the same job again, a cancelled one, memory, its end.

    {socket} and {weights} in COMMAND become paths, as in a profile.
    """
    job = MediaJob(id="check-1", prompt=prompt, width=size, height=size, seeds=(_SEED,))
    findings = asyncio.run(_try(shlex.split(command), weights, job, start_timeout))
    for finding in findings:
        click.echo(f"no   {finding.promise}: {finding.wrong}" if finding.wrong else f"yes  {finding.promise}")
    if any(finding.wrong for finding in findings):
        raise SystemExit(1)


async def _try(command: list[str], weights: Path | None, job: MediaJob, start_timeout: float) -> list[Finding]:
    found: list[Finding] = []
    try:
        async with _started(command, weights, start_timeout) as backend:
            found.append(Finding("is ready: GET /health answers 200"))
            events = await _promise(found, "does a job: POST /jobs", _events(backend, job))
            if events is None:
                return found
            found += _of_events(job, events)
            again = await _promise(found, "does it twice", _events(backend, msgspec.structs.replace(job, id="check-2")))
            if again is not None:
                same = _pictures(events) == _pictures(again)
                found.append(Finding("makes the same picture of the same seed", "" if same else "it differs"))
            await _promise(found, "tells its memory: GET /memory", _asked(backend, "GET", "/memory"))
            left = _left(backend, msgspec.structs.replace(job, id="check-3"))
            await _promise(found, "does the next job after a client has left", left)
    except BackendError as error:
        found.append(Finding("starts, and is ready in time", _words(error)))
    return found


@asynccontextmanager
async def _started(command: list[str], weights: Path | None, start_timeout: float) -> AsyncGenerator[HttpBackend]:
    with tempfile.TemporaryDirectory(prefix=RUN_PREFIX) as folder:
        run_dir = Path(folder)
        request = LaunchRequest(
            variant_id="check", served_name="check", weights=() if weights is None else (weights,), shares=(),
            run_dir=run_dir, slots=1, context_tokens=0,
        )  # fmt: skip
        launch = plan(ExternalArgs(command=tuple(command)), request)
        process = await EngineProcess.start(launch, Ledger(run_dir / "ledger"))
        try:
            await process.wait_ready(start_timeout)
            backend = HttpBackend("external", launch.socket)
            yield backend
            await backend.aclose()
        finally:
            await process.stop(5.0)


async def _promise(found: list[Finding], promise: str, kept: Coroutine[None, None, list[Event]]) -> list[Event] | None:
    try:
        events = await kept
    except BackendError as error:
        found.append(Finding(promise, _words(error)))
        return None
    found.append(Finding(promise))
    return events


async def _events(backend: HttpBackend, job: MediaJob) -> list[Event]:
    heard: list[bytes] = []
    reply = await backend.open(
        Call(path="/jobs", body=msgspec.json.encode(job), lines=True, heard=heard.append, idle_timeout=15.0)
    )
    return [event_of(line) for line in (*heard, *reply.first.splitlines())]


async def _asked(backend: HttpBackend, method: str, path: str) -> list[Event]:
    reply = await backend.open(Call(path=path, body=b"", method=method, answer_timeout=10.0))
    reply.aclose()
    return []


async def _left(backend: HttpBackend, job: MediaJob) -> list[Event]:
    """Leaves at the first word, and wants another job done: whoever works on for nobody is slow to begin it."""
    begun = asyncio.Event()
    call = Call(path="/jobs", body=msgspec.json.encode(job), lines=True, heard=lambda _: begun.set())
    task = asyncio.ensure_future(backend.open(call))
    waiting = asyncio.ensure_future(begun.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return await _events(backend, msgspec.structs.replace(job, id="check-4"))


def _of_events(job: MediaJob, events: list[Event]) -> list[Finding]:
    first = "" if events and events[0] == Accepted(id=job.id) else "it does not"
    percents = [event.percent for event in events if isinstance(event, Stage | Step)]
    falls = "" if percents == sorted(percents) and max(percents, default=0.0) <= 100.0 else f"it does: {percents}"
    pictures = [event for event in events if isinstance(event, Artifact)]
    sizes = [(each.width, each.height) for each in pictures]
    size = "" if sizes == [(job.width, job.height)] else f"there were {sizes}"
    return [
        Finding("begins with accepted", first),
        Finding("never lets percent fall", falls),
        Finding(f"makes one picture of {job.width}x{job.height}", size),
        Finding("ends with done", "" if events and isinstance(events[-1], Done) else "it does not"),
    ]


def _pictures(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.data, event.sha256) for event in events if isinstance(event, Artifact)]


def _words(error: BackendError) -> str:
    return error.detail + (f" ({error.private.strip().splitlines()[-1][:200]})" if error.private.strip() else "")
