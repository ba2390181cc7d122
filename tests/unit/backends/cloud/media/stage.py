"""What tests of vendors share: a clock that only sleeping moves, jobs, and the events of an answer."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backends.cloud.media.adapter import MediaProvider
from backends.cloud.media.vendor import Pace
from backends.contract import Call, Reply
from backends.errors import BackendError
from backends.wire.media_job import Event, MediaJob, Output, event_of


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(round(seconds, 3))
        await asyncio.sleep(0)

    @property
    def pace(self) -> Pace:
        return Pace(clock=lambda: self.now, sleep=self.sleep)


def job(**fields: Any) -> MediaJob:
    usual = {"id": "j1", "prompt": "A boat", "width": 1280, "height": 720, "seeds": (7,)}
    return MediaJob(**(usual | fields))


def clip(folder: Path, **fields: Any) -> MediaJob:
    return job(frames=120, fps=24.0, output=Output(folder=str(folder)), **fields)


def call(job: MediaJob, heard: list[Event] | None = None, *, stream: bool = False) -> Call:
    told = None if heard is None else lambda line: heard.append(event_of(line))
    return Call(path="/jobs", body=msgspec.json.encode(job), lines=True, heard=told, stream=stream)


def events(reply: Reply) -> list[Event]:
    return [event_of(each) for each in reply.first.splitlines()]


async def refused(backend: MediaProvider, job: MediaJob) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await backend.open(call(job))
    return caught.value


async def turns() -> None:
    """Everything that can go on without the network has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)
