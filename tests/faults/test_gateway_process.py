"""``forebay serve`` as the operator runs it: how it begins, drains, dies, and what becomes of its engines."""

import asyncio
import json
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from backends.process.identity import Identity, alive, identify
from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import CHAT, GatewayProcess, chat, events_of, loading_engine

DEADLINE = 30.0
HELD = 'fake: {"hold": 3, "tokens": 6}'
Begin = Callable[..., Awaitable[GatewayProcess]]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for it")


@pytest.fixture
async def begin() -> AsyncIterator[Begin]:
    async with AsyncExitStack() as stack:

        async def make(*profiles: str, start: bool = True, **settings: object) -> GatewayProcess:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fb", dir="/tmp")))  # sockets: short
            stems = {text.split()[1]: text for text in profiles}  # a profile begins with its id
            gateway = GatewayProcess(root, stems, **settings)
            stack.push_async_callback(gateway.close)
            if start:
                await gateway.start()
            return gateway

        yield make


class Streamed:
    """A stream being read to its end; ``text`` is all that came."""

    def __init__(self, gateway: GatewayProcess, body: dict[str, object]) -> None:
        self.text = ""
        self.status = 0
        self.broken = False
        self.task = asyncio.create_task(self._read(gateway.client, body))

    async def _read(self, client: httpx.AsyncClient, body: dict[str, object]) -> None:
        try:
            async with client.stream("POST", CHAT, json=body) as response:
                self.status = response.status_code
                async for text in response.aiter_text():
                    self.text += text
        except httpx.RemoteProtocolError:
            self.broken = True

    async def end(self) -> list[str]:
        async with asyncio.timeout(DEADLINE):
            await self.task
        return events_of(self.text)


def error_of(response: httpx.Response) -> dict[str, str]:
    found = response.json()["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return found


def assert_cut(events: list[str], *, code: str, whole: int) -> None:
    """``whole`` events, then the error, and no sign of a good end."""
    assert len(events) == whole + 1
    assert json.loads(events[-1])["error"]["code"] == code
    assert "[DONE]" not in events


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
    await gateway.start()
    assert not alive(grandchild)
    assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert b"an engine of an earlier run was still there and was ended" in gateway.errors


# --- death of an engine -----------------------------------------------------------------------------------------------


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
    assert again.headers["x-forebay-reason"] == "loaded"
    second = await kill_mid_stream(gateway)
    assert first != second
    async with asyncio.timeout(DEADLINE):
        while "m" in await gateway.residents():
            pass
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


# --- a full disk ------------------------------------------------------------------------------------------------------


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
