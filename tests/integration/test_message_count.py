"""``count_tokens``: beside the slots of an engine, and only where somebody really counts."""

import asyncio
import os
import signal

from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of
from tests.fakes.upstream import Peer, plain, upstream
from tests.integration.test_messages_passed_on import PROFILE

COUNT = "/v1/messages/count_tokens"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}


async def test_two_dozen_do_not_wait_behind_an_answer() -> None:
    async with running_gateway({"m": engine_profile("m", slots=1)}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        (running,) = gateway.services.runtime.running.values()
        assert running.pid is not None
        engine = control_of(running.pid)
        held = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 1}')))
        await engine.wait("held")
        answers = await asyncio.gather(*(gateway.client.post(COUNT, json=ASKED) for _ in range(24)))
        assert [answer.json() for answer in answers] == [{"input_tokens": 3}] * 24
        assert not held.done()
        await engine.release()
        assert (await held).status_code == 200


async def test_a_model_that_is_not_in_memory_is_loaded_for_it() -> None:
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        assert (await gateway.client.post(COUNT, json=ASKED)).json() == {"input_tokens": 3}
        assert gateway.in_flight() == 0


async def test_an_engine_that_has_just_died_is_replaced() -> None:
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        (running,) = gateway.services.runtime.running.values()
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        assert (await gateway.client.post(COUNT, json=ASKED)).json() == {"input_tokens": 3}


async def test_a_server_that_cannot_count_makes_no_number_up() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(plain(b'{"tokens": []}'))
        await peer.left()

    async with upstream(script, tcp=True) as server:
        profile = PROFILE.format(url=str(server.target).removesuffix("/v1")).replace(", dialects: [anthropic]", "")
        async with running_gateway({"m": profile}) as gateway:
            answer = await gateway.client.post(COUNT, json=ASKED)
            assert (answer.status_code, answer.json()["error"]["message"]) == (502, "the backend cannot count")
            assert answer.headers["request-id"]
