"""Models coming and going under load: one load for a crowd, bounded queues, unloading, pins, swaps, hung engines."""

import asyncio
import json

import httpx
import psutil
import pytest

from gateway.scheduling.watchdog import Watchdog
from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of, events_of

GIB = 1 << 30
HELD = 'fake: {"hold": 1}'


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines and idle times are looked at once a second, which is long for a test."""
    monkeypatch.setattr("gateway.scheduling.runtime._TICK", 0.05)


async def load(gateway: RunningGateway, model: str, **more: object) -> FakeEngineControl:
    response = await gateway.client.post("/api/load", json={"model": model, **more})
    assert response.status_code == 200, response.text
    return engine(gateway, model)


def engine(gateway: RunningGateway, model: str) -> FakeEngineControl:
    pid = gateway.services.runtime.running[f"{model}:only"].pid
    assert pid is not None
    return control_of(pid)


def resident(gateway: RunningGateway, model: str) -> bool:
    return gateway.services.runtime.scheduler.occupants.get(f"{model}:only") is not None


def count(gateway: RunningGateway, start: str) -> float:
    """The value of the one sample whose line begins so."""
    lines = gateway.services.metrics.expose().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))


def loads(gateway: RunningGateway, model: str) -> float:
    return count(gateway, f'gateway_model_transitions_total{{from="stopped",model="{model}",to="starting"}}')


def refusal(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["message"]
    assert int(response.headers["retry-after"]) >= 1


# --- a crowd ----------------------------------------------------------------------------------------------------------


async def test_two_hundred_clients_of_a_cold_model_cause_one_load_and_are_all_served() -> None:
    async with running_gateway({"m": engine_profile("m", "--load-delay", "0.2")}, queue_size=200) as gateway:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=gateway.address, limits=limits, timeout=60) as crowd:
            answers = await asyncio.gather(*(crowd.post(CHAT, json=chat("m", stream=i % 2 == 0)) for i in range(200)))
        assert [a.status_code for a in answers] == [200] * 200
        assert all("[DONE]" in a.text for a in answers[::2])
        assert loads(gateway, "m") == 1
        calls = await engine(gateway, "m").calls()
        assert len(calls) == 200
        assert all(call["finished_at"] is not None for call in calls)
        assert gateway.in_flight() == 0


async def test_at_most_so_many_calls_as_there_are_slots_reach_the_engine() -> None:
    async with running_gateway({"m": engine_profile("m", slots=3)}) as gateway:
        control = await load(gateway, "m")
        waiting = [asyncio.create_task(gateway.client.post(CHAT, json=chat("m", HELD))) for _ in range(8)]
        await control.wait("held", 3)
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 5)
        assert len(await control.calls()) == 3
        assert count(gateway, 'gateway_queued_requests{model="m"}') == 5
        assert count(gateway, 'gateway_inflight_requests{model="m"}') == 3
        await control.release()
        assert [(await answer).status_code for answer in waiting] == [200] * 8


async def test_a_full_queue_is_429_with_an_estimate() -> None:
    async with running_gateway({"m": engine_profile("m", slots=1)}, queue_size=2) as gateway:
        control = await load(gateway, "m")
        waiting = [asyncio.create_task(gateway.client.post(CHAT, json=chat("m", HELD))) for _ in range(3)]
        await control.wait("held")
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 2)
        refusal(await gateway.client.post(CHAT, json=chat("m", stream=True)), 429, "queue_full")
        await control.release()
        assert [(await answer).status_code for answer in waiting] == [200] * 3


async def test_a_wait_beyond_its_deadline_is_503_with_an_estimate() -> None:
    async with running_gateway({"m": engine_profile("m", slots=1, start_timeout=1)}, queue_wait=0.1) as gateway:
        control = await load(gateway, "m")
        holder = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", HELD)))
        await control.wait("held")
        refusal(await gateway.client.post(CHAT, json=chat("m")), 503, "no_capacity")
        await control.release()
        assert (await holder).status_code == 200


# --- leaving ----------------------------------------------------------------------------------------------------------


async def test_an_idle_model_leaves_a_pinned_one_and_a_busy_one_stay() -> None:
    profiles = {name: engine_profile(name) for name in ("idle", "pinned", "busy")}
    async with running_gateway(profiles, idle_unload=0.3) as gateway:
        busy = await load(gateway, "busy")
        working = asyncio.create_task(gateway.client.post(CHAT, json=chat("busy", HELD)))
        await busy.wait("held")
        await load(gateway, "pinned", pin=True)
        await load(gateway, "idle")
        await gateway.until(lambda: not resident(gateway, "idle"))
        assert resident(gateway, "pinned")
        assert resident(gateway, "busy")
        shown = (await gateway.client.get("/api/ps")).json()["residents"]
        assert {r["model"]: r["pinned"] for r in shown} == {"busy": False, "pinned": True}
        await busy.release()
        assert (await working).status_code == 200
        await gateway.until(lambda: not resident(gateway, "busy"))
        assert resident(gateway, "pinned")


async def test_the_profiles_own_idle_time_counts() -> None:
    profiles = {
        "m": engine_profile("m", variant_extra="    idle_unload_seconds: 0.1"),
        "other": engine_profile("other"),
    }
    async with running_gateway(profiles) as gateway:
        await load(gateway, "other")
        await load(gateway, "m")
        await gateway.until(lambda: not resident(gateway, "m"))
        assert resident(gateway, "other")


async def test_unloading_lets_what_runs_finish_and_what_comes_load_again() -> None:
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        control = await load(gateway, "m")
        running = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", HELD, stream=True)))
        await control.wait("held")
        unloaded = await gateway.client.post("/api/unload", json={"model": "m"})
        assert unloaded.json() == {"model": "m", "stopping": ["m:only"]}
        late = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        assert len(await control.calls()) == 1
        await control.release()
        assert events_of((await running).text)[-1] == "[DONE]"
        assert (await late).status_code == 200
        assert loads(gateway, "m") == 2
        assert len(await engine(gateway, "m").calls()) == 1


async def test_unloading_what_is_not_there_says_so() -> None:
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        nothing = await gateway.client.post("/api/unload", json={"model": "m"})
        assert nothing.json() == {"model": "m", "stopping": []}
        assert (await gateway.client.post("/api/unload", json={"model": "x"})).status_code == 404


async def test_loading_joins_a_load_that_is_under_way() -> None:
    async with running_gateway({"m": engine_profile("m", "--load-delay", "0.2")}) as gateway:
        answer, loaded = await asyncio.gather(
            gateway.client.post(CHAT, json=chat("m")), gateway.client.post("/api/load", json={"model": "m"})
        )
        assert answer.status_code == loaded.status_code == 200
        assert loaded.json()["variant"] == "only"
        assert loads(gateway, "m") == 1


# --- swapping ---------------------------------------------------------------------------------------------------------


async def test_two_models_of_which_one_fits_take_turns() -> None:
    profiles = {name: engine_profile(name, size=2 * GIB) for name in "ab"}
    async with running_gateway(profiles, memory_limit=3 * GIB) as gateway:
        a = await load(gateway, "a")
        running = asyncio.create_task(gateway.client.post(CHAT, json=chat("a", HELD, stream=True)))
        await a.wait("held")
        swapped = asyncio.create_task(gateway.client.post(CHAT, json=chat("b")))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        assert not resident(gateway, "b"), "a is busy"
        why = (await gateway.client.get("/api/explain", params={"model": "b"})).json()["candidates"][0]
        assert why["decision"] == "wait"
        await a.release()
        assert events_of((await running).text)[-1] == "[DONE]"
        assert (await swapped).status_code == 200
        assert not resident(gateway, "a")
        assert (await gateway.client.post(CHAT, json=chat("a"))).status_code == 200
        assert not resident(gateway, "b")
        assert (loads(gateway, "a"), loads(gateway, "b")) == (2, 1)


async def test_a_model_that_never_fits_is_refused_at_once() -> None:
    profiles = {"big": engine_profile("big", size=5 * GIB), "small": engine_profile("small", size=GIB)}
    async with running_gateway(profiles, memory_limit=4 * GIB) as gateway:
        await load(gateway, "small")
        refusal(await gateway.client.post(CHAT, json=chat("big")), 503, "cannot_fit")
        assert resident(gateway, "small")


# --- hanging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("working", [True, False], ids=["with work in flight", "idle"])
async def test_a_frozen_engine_is_found_ended_and_replaced(working: bool) -> None:
    async with running_gateway({"m": engine_profile("m")}, idle_timeout=600) as gateway:
        gateway.services.runtime.watchdog = Watchdog(ask_every=0.1, patience=0.3)
        control = await load(gateway, "m")
        pid = gateway.services.runtime.running["m:only"].pid
        running = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", HELD, stream=True))) if working else None
        if working:
            await control.wait("held")
        psutil.Process(pid).suspend()
        await gateway.until(lambda: not psutil.pid_exists(pid or 0))
        if running is not None:
            events = events_of((await running).text)
            assert json.loads(events[-1])["error"]["code"] == "stream_broken"
        answer = await gateway.client.post(CHAT, json=chat("m"))
        assert answer.status_code == 200
        assert answer.headers["x-forebay-reason"].startswith("loaded: ")
        assert count(gateway, 'gateway_backend_restarts_total{model="m",reason="hung"}') == 1
        assert count(gateway, 'gateway_backend_restarts_total{model="m",reason="exited"}') == 0
