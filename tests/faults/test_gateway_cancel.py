"""A client that leaves, in each phase of its request: the work for it stops, and nothing of it stays behind."""

import asyncio
from pathlib import Path

import psutil
import pytest

from bench.cancel import BUSY, SLOW, WIDE, Hangups, profiles
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.gateway_process import CHAT, GatewayProcess, chat, loading_engine

EACH = 50
BOUND = 2.0
"""Seconds a hang-up may take to have its effect on a busy box; the true figure is ``python -m bench.cancel``'s."""


def tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("phase", ["queued", "loading", "before the first token", "mid-stream"])
async def test_fifty_of_fifty_hang_ups_stop_the_work(phase: str, tmp_path: Path) -> None:
    async with running_gateway(profiles(tmp_path), idle_timeout=600, first_event_timeout=600) as gateway:
        for model in (BUSY, WIDE):
            assert (await gateway.client.post("/api/load", json={"model": model})).status_code == 200
        before = tasks()
        hangups = Hangups(gateway.client, tmp_path, EACH)
        took = await hangups.phases()[phase]()
        assert len(took) == EACH
        assert max(took) <= BOUND
        await gateway.until(lambda: gateway.in_flight() == 0)
        assert len(gateway.services.runtime.scheduler.queue) == 0
        assert not any(gateway.services.recorder.open_streams.values())
        await gateway.until(lambda: tasks() <= before)
        await still_serves(gateway, SLOW if phase == "loading" else WIDE)
        outcomes = gateway.services.metrics.expose().decode()
        cancelled = [
            line for line in outcomes.splitlines() if "requests_total" in line and 'outcome="cancelled"' in line
        ]
        extra = 1 if phase == "queued" else 0  # the one that held the slot
        assert sum(float(line.split()[-1]) for line in cancelled) == EACH + extra


async def still_serves(gateway: RunningGateway, model: str) -> None:
    answer = await gateway.client.post(CHAT, json=chat(model))
    assert answer.status_code == 200
    assert answer.headers["x-forebay-reason"] == "resident"


async def test_all_phases_at_once_leave_a_gateway_process_with_no_lease_and_no_descriptor(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, profiles(tmp_path))
    try:
        await gateway.start()
        hangups = Hangups(gateway.client, tmp_path, 10)
        assert gateway.process is not None
        process = psutil.Process(gateway.process.pid)
        await gateway.load(BUSY)
        await gateway.load(WIDE)
        before = process.num_fds()
        took = await asyncio.gather(*(phase() for name, phase in hangups.phases().items() if name != "mid-stream"))
        took.append(await hangups.mid_stream())
        assert [len(each) for each in took] == [10] * 4
        assert max(max(each) for each in took) <= BOUND
        slow_engine = 3  # its pipes and its pidfd
        async with asyncio.timeout(20):
            while await hangups.in_flight() or process.num_fds() > before + slow_engine + 2:
                pass  # each look is a request of its own
    finally:
        await gateway.close()


async def test_a_client_that_leaves_a_slow_load_gives_its_place_to_the_next(tmp_path: Path) -> None:
    async with running_gateway(profiles(tmp_path)) as gateway:
        first = asyncio.create_task(gateway.client.post(CHAT, json=chat(SLOW)))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        second = asyncio.create_task(gateway.client.post(CHAT, json=chat(SLOW)))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 2)
        first.cancel()
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        await (await loading_engine(tmp_path / "slow.pid")).finish_loading()
        answer = await second
        assert answer.status_code == 200
        assert answer.headers["x-forebay-reason"].startswith("loaded: ")
        assert gateway.in_flight() == 0
