"""Streams whose engine fails them, at every point: a prefix of the answer, one error event, no sign of success."""

import asyncio
import json

import psutil
import pytest

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of, events_of

WORDS = 8
EVENTS = WORDS + 2  # the role before them, the reason of the end after them


async def whole(gateway: RunningGateway) -> list[str]:
    """The events of an undisturbed stream, with [DONE]."""
    answer = await gateway.client.post(CHAT, json=chat("m", stream=True))
    events = events_of(answer.text)
    assert len(events) == EVENTS + 1
    return events


def assert_broken(text: str, golden: list[str], count: int | None = None, code: str = "stream_broken") -> None:
    """Exactly ``count`` events (any number of them if ``None``) of ``golden``, then one error event."""
    *came, last = events_of(text)
    assert came == golden[: len(came)]
    assert count is None or len(came) == count
    assert json.loads(last)["error"]["code"] == code
    assert "[DONE]" not in text


async def settled(gateway: RunningGateway) -> None:
    """All is given back, and what failed is forgiven."""
    await gateway.until(lambda: gateway.in_flight() == 0)
    assert not any(gateway.services.recorder.open_streams.values())
    gateway.services.runtime.scheduler.failures.clear()


@pytest.mark.parametrize("fault", ["die_after", "exit_after", "cut_after"])
async def test_an_engine_that_fails_after_any_event_breaks_the_stream_there(fault: str) -> None:
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        golden = await whole(gateway)
        for point in range(1, EVENTS + 1):
            order = json.dumps({fault: point, "tokens": WORDS})
            answer = await gateway.client.post(CHAT, json=chat("m", f"fake: {order}", stream=True))
            if answer.status_code == 200:
                assert_broken(answer.text, golden, point if fault == "cut_after" else None)
            else:
                assert (point, answer.json()["error"]["code"]) == (1, "stream_broken"), "nothing had been sent yet"
            await settled(gateway)
        assert (await whole(gateway)) == golden


async def test_all_streams_of_a_killed_engine_end_and_no_other() -> None:
    profiles = {"m": engine_profile("m", slots=20), "other": engine_profile("other")}
    async with running_gateway(profiles, idle_timeout=600) as gateway:
        golden = await whole(gateway)
        other_golden = events_of((await gateway.client.post(CHAT, json=chat("other", stream=True))).text)
        engines = {name: running.pid for name, running in gateway.services.runtime.running.items()}
        pid, bystander = engines["m:only"], engines["other:only"]
        assert pid is not None
        assert bystander is not None
        held = 'fake: {"hold": 4, "tokens": 8}'
        streams = [asyncio.create_task(gateway.client.post(CHAT, json=chat("m", held, stream=True))) for _ in range(20)]
        untouched = asyncio.create_task(gateway.client.post(CHAT, json=chat("other", held, stream=True)))
        await control_of(pid).wait("held", 20)
        await control_of(bystander).wait("held")
        psutil.Process(pid).kill()
        for answer in await asyncio.gather(*streams):
            assert_broken(answer.text, golden, 4)
        await gateway.until(lambda: gateway.in_flight() == 1)
        await control_of(bystander).release()
        assert events_of((await untouched).text) == other_golden
        await settled(gateway)
        assert await whole(gateway) == golden


async def test_a_stream_that_stops_coming_is_broken_off_and_its_slot_is_free() -> None:
    async with running_gateway({"m": engine_profile("m", slots=1)}, idle_timeout=0.2) as gateway:
        golden = await whole(gateway)
        answer = await gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 2, "tokens": 8}', stream=True))
        assert_broken(answer.text, golden, 2, code="upstream_timeout")
        await settled(gateway)
        assert await whole(gateway) == golden, "by the same engine"
        (call,) = [c for c in await engine_calls(gateway) if c["closed_at"] is not None]
        assert call["events"] == 2


async def test_a_first_event_that_does_not_come_is_a_proper_504() -> None:
    async with running_gateway({"m": engine_profile("m", slots=1)}, first_event_timeout=0.2) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        answer = await gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 0}', stream=True))
        assert answer.status_code == 504
        assert answer.json()["error"]["code"] == "upstream_timeout"
        await settled(gateway)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_a_refusal_of_the_engine_is_one_clean_answer_and_costs_it_nothing(status: int) -> None:
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        order = json.dumps({"status": status, "retry_after": 600})
        answer = await gateway.client.post(CHAT, json=chat("m", f"fake: {order}", stream=True))
        assert 400 <= answer.status_code <= 503
        assert answer.status_code != 500, "that would be a defect of ours"
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        await settled(gateway)
        assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200


async def engine_calls(gateway: RunningGateway) -> list[dict[str, object]]:
    pid = gateway.services.runtime.running["m:only"].pid
    assert pid is not None
    return await control_of(pid).calls()
