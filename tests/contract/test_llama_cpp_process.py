"""The worker as a process: loading, draining, failing, hostile model files, full queues."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from tests.llama_cpp_fixtures import RUNTIMES, Worker, chat_body, running, weights

__all__ = ["weights"]
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

CHAT = "/v1/chat/completions"
ATTACKS = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}",
    "{% for x in range(10**12) %}{{ x }}{% endfor %}",
)


async def listening(worker: Worker) -> httpx.Response:
    """The first answer of ``/health``."""
    while worker.process.poll() is None:
        try:
            return await worker.get("/health")
        except httpx.TransportError:
            await asyncio.sleep(0.02)  # the socket appears when it appears; the test's own deadline applies
    raise AssertionError(worker.stderr)


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_health_answers_while_the_model_loads(runtime: str, tmp_path: Path) -> None:
    fifo = tmp_path / "never.gguf"
    os.mkfifo(fifo)  # a file that never delivers a byte: loading does not end
    with running(runtime, fifo, ready=False) as worker:
        health = await listening(worker)
        assert (health.status_code, health.json()) == (503, {"status": "loading"})
        early = await worker.post(CHAT, chat_body("hi"))
        assert early.status_code == 503
        assert early.json()["error"]["type"] == "server_error"
        assert worker.stop() == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_broken_file_ends_the_worker_with_a_reason(runtime: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(1000))
    with running(runtime, broken, ready=False) as worker:
        assert worker.process.wait(60) == 3
        assert "could not be loaded" in worker.stderr


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_stop_signal_lets_running_requests_finish(runtime: str, weights: Path) -> None:
    with running(runtime, weights, slots=1) as worker:
        body = chat_body("Count to ten.", max_tokens=8, logit_bias={"2": -100, "0": -100}, stream=True)
        async with worker.client() as client, client.stream("POST", CHAT, json=body) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            worker.process.terminate()
            rest = [line async for line in lines if line]
        assert rest[-1] == "data: [DONE]"
        assert worker.stop() == 0
        assert not worker.socket.exists()


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_full_queue_is_said_at_once(runtime: str, weights: Path) -> None:
    with running(runtime, weights, slots=1, queue=1) as worker:
        endless = chat_body("Go on.", max_tokens=1500, logit_bias={"2": -100, "0": -100})
        async with worker.client() as client:
            first = asyncio.ensure_future(client.post(CHAT, json=endless))
            await worker.reaches(slots_busy=1)
            second = asyncio.ensure_future(client.post(CHAT, json=endless))
            await worker.reaches(slots_busy=1, queued=1)
            third = await worker.post(CHAT, endless)
            assert third.status_code == 429
            assert third.json()["error"]["code"] == "queue_full"
            for waiting in (first, second):
                waiting.cancel()
            await asyncio.wait((first, second))
        await worker.reaches(slots_busy=0, queued=0)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_hostile_template_executes_nothing(runtime: str, attack: str, weights: Path, tmp_path: Path) -> None:
    canary = tmp_path / "c"
    poisoned = with_template(weights, tmp_path / "poisoned.gguf", attack.replace("CANARY", str(canary)))
    with running(runtime, poisoned, ready=False, slots=1) as worker:
        try:
            while (await listening(worker)).status_code != 200:
                pass
            answer = await worker.post(CHAT, chat_body("hi", max_tokens=1))
            assert answer.status_code >= 400
            assert "<class" not in answer.text
        except AssertionError:
            assert worker.process.poll() == 3, "the template must be refused at load or at the request"
    assert not canary.exists()


def with_template(weights: Path, target: Path, template: str) -> Path:
    """A copy of the weights whose chat template is replaced in place, padded to the same length."""
    data = weights.read_bytes()
    start = data.index(b"tokenizer.chat_template") + len(b"tokenizer.chat_template") + 4
    length = int.from_bytes(data[start : start + 8], "little")
    payload = template.encode().ljust(length)
    assert len(payload) == length, "the attack does not fit into the place of the template"
    target.write_bytes(data[: start + 8] + payload + data[start + 8 + length :])
    return target
