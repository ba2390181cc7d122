"""``forebay serve`` as the operator runs it: how it begins, drains and dies, and what becomes of its engines."""

import asyncio
import json
import signal
import socket
import sys

import httpx
import pytest

from backends.process.identity import alive, identify
from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import CHAT, Begin, Streamed, assert_cut, chat, error_of, loading_engine

DEADLINE = 30.0
HELD = 'fake: {"hold": 3, "tokens": 6}'
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for it")


# --- beginning --------------------------------------------------------------------------------------------------------


async def test_the_first_line_is_the_address_and_the_only_one(begin: Begin) -> None:
    gateway = await begin(engine_profile("m"))
    words = gateway.first_line.split()
    assert words[0] == "forebay"
    assert words[-1].startswith("http://127.0.0.1:")
    assert (await gateway.client.get("/ready")).status_code == 200
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert gateway.process is not None
    assert gateway.process.stdout is not None
    assert await gateway.process.stdout.read() == b""
    assert b"Traceback" not in gateway.errors


async def test_a_busy_port_is_a_sentence(begin: Begin) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        gateway = await begin(engine_profile("m"), start=False)
        await gateway.spawn("--port", str(port))
        assert await gateway.ended() == 1
    assert gateway.errors.decode().splitlines() == [
        f"Error: cannot listen on 127.0.0.1:{port}: Address already in use"
    ]  # fmt: skip
    assert not gateway.state.exists()


async def test_a_second_gateway_on_the_same_state_is_refused_in_words(begin: Begin) -> None:
    first = await begin(engine_profile("m"))
    second = await begin(engine_profile("m"), start=False, state_dir=first.state)
    await second.spawn()
    assert await second.ended() == 1
    assert first.process is not None
    assert f"another gateway (pid {first.process.pid}) already uses the state directory" in second.errors.decode()
    assert b"Traceback" not in second.errors
    assert (await first.client.get("/ready")).status_code == 200


async def test_a_state_folder_that_cannot_be_made_is_a_sentence(begin: Begin) -> None:
    gateway = await begin(engine_profile("m"), start=False)
    gateway.state.write_text("a file in its place")
    await gateway.spawn()
    assert await gateway.ended() == 1
    assert gateway.errors.decode().splitlines() == [f"Error: cannot use {gateway.state}: File exists"]


async def test_a_full_disk_at_the_start_is_a_sentence(begin: Begin) -> None:
    gateway = await begin(engine_profile("m"), start=False)
    gateway.env.pop("COVERAGE_PROCESS_START", None)  # what measures the tests cannot write either, and says so
    await gateway.spawn("--port", "0", under=("sh", "-c", 'ulimit -f 0; exec "$@"', "sh"))
    assert await gateway.ended() == 1
    assert "Error: the state directory cannot be written" in gateway.errors.decode()
    assert b"Traceback" not in gateway.errors


# --- drain ------------------------------------------------------------------------------------------------------------


async def test_term_finishes_what_runs_refuses_what_comes_and_ends_with_zero(begin: Begin) -> None:
    gateway = await begin(engine_profile("m", slots=1), keepalive_after=60)
    engine, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True))
    await control.wait("held")
    queued = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
    async with asyncio.timeout(DEADLINE):
        while not (await gateway.client.get("/api/queue")).json()["queue"]:
            pass
    gateway.signal(signal.SIGTERM)
    not_ready = await gateway.until_ready(status=503)
    assert not_ready.json() == {"status": "draining"}
    for refused in (await queued, await gateway.client.post(CHAT, json=chat("m"))):
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert error_of(refused)["code"] == "draining"
    async with httpx.AsyncClient(base_url=gateway.client.base_url) as late:  # also on a connection of its own
        assert (await late.post(CHAT, json=chat("m"))).status_code == 503
    assert (await gateway.client.get("/health")).status_code == 200
    await control.release()
    events = await running.end()
    assert events[-1] == "[DONE]"
    assert len(events) == 9
    assert await gateway.ended() == 0
    assert not alive(engine)
    assert gateway.left_behind() == []


async def test_a_second_term_cuts_what_runs_and_ends_engines_without_grace(begin: Begin) -> None:
    profile = engine_profile("m", "--ignore-term", extra="").replace("stop_grace_seconds: 2", "stop_grace_seconds: 600")
    gateway = await begin(profile, drain_window=600)
    engine, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True))
    plain = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 0}')))
    await control.wait("held", 2)
    gateway.signal(signal.SIGTERM)
    await gateway.until_ready(status=503)
    gateway.signal(signal.SIGTERM)
    assert_cut(await running.end(), code="draining", whole=3)
    cut = await plain
    assert (cut.status_code, error_of(cut)["code"]) == (503, "draining")
    assert await gateway.ended() == 0
    assert not alive(engine)
    assert gateway.left_behind() == []


async def test_the_end_of_the_window_cuts_what_runs(begin: Begin) -> None:
    gateway = await begin(engine_profile("m"), drain_window=0.2)
    engine, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True))
    await control.wait("held")
    gateway.signal(signal.SIGINT)
    assert_cut(await running.end(), code="draining", whole=3)
    assert await gateway.ended() == 0
    assert not alive(engine)


@pytest.mark.parametrize(
    ("path", "asked", "last"),
    [
        ("/v1/messages", {"max_tokens": 9}, {"type": "error"}),
        ("/v1/responses", {"input": HELD}, {"type": "response.failed"}),
    ],
)
async def test_a_stream_in_another_dialect_is_cut_in_it(begin: Begin, path: str, asked: dict, last: dict) -> None:
    gateway = await begin(engine_profile("m"), drain_window=0.2)
    _, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True) | asked, path)
    await control.wait("held")
    gateway.signal(signal.SIGINT)
    told = json.loads((await running.end())[-1])
    assert told == told | last
    assert "shutting down" in json.dumps(told)
    assert await gateway.ended() == 0


async def test_term_during_a_load_ends_the_engine_too(begin: Begin) -> None:
    gateway = await begin(start=False)
    profile = engine_profile("m", "--hold-load", "--pid-file", str(gateway.root / "pid"))
    (gateway.root / "profiles" / "m.yaml").write_text(profile)
    await gateway.start()
    waiting = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
    await loading_engine(gateway.root / "pid")
    engine = identify(json.loads((gateway.root / "pid").read_text())[0])
    assert engine is not None
    gateway.signal(signal.SIGTERM)
    refused = await waiting
    assert (refused.status_code, error_of(refused)["code"]) == (503, "draining")
    assert await gateway.ended() == 0
    assert not alive(engine)
    assert gateway.left_behind() == []


# --- death of the gateway ---------------------------------------------------------------------------------------------


@linux
async def test_a_killed_gateway_takes_its_engines_along_and_the_next_one_reaps_the_rest(begin: Begin) -> None:
    gateway = await begin(start=False)
    profile = engine_profile("m", "--grandchild", "session", "--pid-file", str(gateway.root / "pid"))
    (gateway.root / "profiles" / "m.yaml").write_text(profile)
    await gateway.start()
    engine, control = await gateway.load("m")
    running = Streamed(gateway, chat("m", HELD, stream=True))
    await control.wait("held")
    grandchild = identify(json.loads((gateway.root / "pid").read_text())[1])
    assert grandchild is not None
    gateway.signal(signal.SIGKILL)
    assert await gateway.ended() == -signal.SIGKILL
    await gateway.until_gone(engine)
    await running.end()
    assert running.broken
    assert alive(grandchild), "in a session of its own, out of the kernel's reach: this is what the ledger is for"
    assert len(gateway.left_behind()) == 2, "its entry and its run folder"
    await gateway.start()
    assert not alive(grandchild)
    assert gateway.left_behind() == []
    assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert b"an engine of an earlier run was still there and was ended" in gateway.errors
