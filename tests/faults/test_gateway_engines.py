"""Engines under ``forebay serve`` that crash, freeze, shout or find no room on the disk: one clean answer each."""

import asyncio
import json
import signal
import sys

import psutil
import pytest

from backends.process.identity import Identity, alive
from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import CHAT, Begin, GatewayProcess, Streamed, assert_cut, chat, error_of

DEADLINE = 30.0
HELD = 'fake: {"hold": 3, "tokens": 6}'
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for it")


async def kill_mid_stream(gateway: GatewayProcess) -> Identity:
    """One stream of ``m``, its engine killed after three events."""
    engine, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True))
    await control.wait("held")
    psutil.Process(engine.pid).kill()
    assert_cut(await running.end(), code="stream_broken", whole=3)
    assert not running.broken, "an error event and a proper end of the response"
    return engine


async def test_a_crash_mid_stream_is_free_once_and_cools_down_the_next_time(begin: Begin) -> None:
    gateway = await begin(engine_profile("m", "--load-message", "secret words"), engine_profile("other"))
    _, other = await gateway.load("other")
    bystander = Streamed(gateway, chat("other", HELD, stream=True))
    await other.wait("held")
    first = await kill_mid_stream(gateway)
    again = await gateway.client.post(CHAT, json=chat("m"))
    assert again.status_code == 200
    assert again.headers["x-forebay-reason"].startswith("loaded: ")
    second = await kill_mid_stream(gateway)
    assert first != second
    await gateway.until_no_more("m")
    refused = await gateway.client.post(CHAT, json=chat("m"))
    assert refused.status_code == 503
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert error_of(refused)["code"] == "load_failed"
    assert "SIGKILL" in error_of(refused)["message"]
    assert "secret words" not in refused.text
    await other.release()
    assert (await bystander.end())[-1] == "[DONE]", "the stream of another engine never noticed"
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert b"secret words" in gateway.errors, "the operator is told the engine's last words"


async def test_the_engine_after_a_crash_is_not_blamed_for_what_it_cost(begin: Begin) -> None:
    gateway = await begin(engine_profile("m", slots=8))
    engine, control = await gateway.load("m")
    asked = [asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 0}'))) for _ in range(8)]
    await control.wait("held", 8)
    psutil.Process(engine.pid).kill()
    assert {(await answer).status_code for answer in asked} <= {502, 503}
    await gateway.until_gone(engine)
    async with asyncio.timeout(DEADLINE):
        while (await gateway.residents()).get("m", {}).get("pid") == engine.pid:
            pass
    again = await gateway.client.post(CHAT, json=chat("m"))
    assert again.status_code == 200, again.text


@pytest.mark.parametrize("fault", ["die_after", "exit_after"])
async def test_a_crash_before_the_first_event_is_one_clean_answer(fault: str, begin: Begin) -> None:
    gateway = await begin(engine_profile("m"))
    await gateway.load("m")
    refused = await gateway.client.post(CHAT, json=chat("m", f'fake: {{"{fault}": 0}}', stream=True))
    assert refused.status_code in {502, 503}
    assert error_of(refused)["type"] == "server_error"
    assert (await gateway.client.get("/ready")).status_code == 200


async def test_an_engine_that_fails_to_start_says_why_to_the_operator_only(begin: Begin) -> None:
    words = "cannot map tensor blk.0 of the file"
    gateway = await begin(engine_profile("m", "--exit-at-load", "3", "--load-message", words))
    failed = await gateway.client.post(CHAT, json=chat("m"))
    assert failed.status_code == 503
    assert error_of(failed)["message"] == "the engine stopped while loading (exit code 3)"
    assert int(failed.headers["retry-after"]) == 30
    cooling = await gateway.client.post(CHAT, json=chat("m"))
    assert cooling.status_code == 503
    assert "failed once, next try in" in error_of(cooling)["message"]
    assert 1 <= int(cooling.headers["retry-after"]) <= 30
    assert words not in failed.text + cooling.text
    explained = (await gateway.client.get("/api/explain", params={"model": "m"})).json()
    assert explained["serves"] is None
    assert explained["candidates"][0]["decision"] == "refuse"
    assert "failed once, next try in" in explained["candidates"][0]["why"]
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    lines = [json.loads(line) for line in gateway.errors.decode().splitlines()]
    told = next(line for line in lines if "failed to load" in line["message"])
    assert words in told["tail"]
    assert told["cause"] == "load_failed"
    assert gateway.left_behind() == []


async def test_a_frozen_engine_costs_its_requests_a_timeout_and_the_gateway_nothing(begin: Begin) -> None:
    frozen = engine_profile("m").replace("stop_grace_seconds: 2", "stop_grace_seconds: 0.1")
    gateway = await begin(frozen, engine_profile("other"), first_event_timeout=0.3, idle_timeout=0.3)
    engine, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True))
    await control.wait("held")
    psutil.Process(engine.pid).suspend()
    assert_cut(await running.end(), code="upstream_timeout", whole=3)
    late = await gateway.client.post(CHAT, json=chat("m", stream=True))
    assert (late.status_code, error_of(late)["code"]) == (504, "upstream_timeout")
    assert (await gateway.residents())["m"]["in_flight"] == 0
    assert (await gateway.client.post(CHAT, json=chat("other"))).status_code == 200
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert not alive(engine), "it could not even take the TERM"
    assert gateway.left_behind() == []


async def test_a_hundred_megabytes_of_logs_leave_the_gateway_as_it_was(begin: Begin) -> None:
    gateway = await begin(engine_profile("quiet"), engine_profile("m", "--logs-mb", "100"))
    await gateway.load("quiet")
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    before = process.memory_info().rss
    await gateway.load("m")
    assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200
    assert process.memory_info().rss - before <= 8 << 20
    tail = (await gateway.residents())["m"]["log_tail"]
    assert tail.endswith("last line")
    assert len(tail) <= 64 * 1024


@linux
async def test_a_disk_that_fills_up_stops_new_loads_only(begin: Begin) -> None:
    gateway = await begin(*(engine_profile(name) for name in ("here", "new", "later")))
    await gateway.load("here")
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
    refused = await gateway.client.post(CHAT, json=chat("new"))
    assert (refused.status_code, error_of(refused)["code"]) == (507, "storage")
    assert str(gateway.root) not in refused.text
    assert (await gateway.client.post(CHAT, json=chat("here"))).status_code == 200
    assert (await gateway.client.get("/ready")).status_code == 200
    assert set(await gateway.residents()) == {"here"}
    assert len(list((gateway.root / "t").iterdir())) == 1, "nothing half-made"
    process.rlimit(psutil.RLIMIT_FSIZE, before)
    assert (await gateway.client.post(CHAT, json=chat("later"))).status_code == 200, "it recovers alone"
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert gateway.left_behind() == []
