"""A real vLLM that is put to bed when nobody uses it, and woken by the next request, which never hangs on it.

On the CPU no memory moves: vLLM only pauses, and hangs whatever is sent to it then, which is what this is about.
"""

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.real_gateway import RealGateway, served
from tests.vllm.serving import CHAT, body, load, profile, resident, seconds_until

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def gateway(tiny_weights: Path, quick_data: Path) -> Iterator[RealGateway]:
    with served({"tiny": profile(tiny_weights, sleeps=True, idle=1)}, data_dir=quick_data) as gateway:
        load(gateway)
        yield gateway
        assert gateway.stop() == 0, (gateway.root / "log").read_text()


def ask(gateway: RealGateway) -> httpx.Response:
    return httpx.post(f"{gateway.address}{CHAT}", json=body(), timeout=30)


def asleep(gateway: RealGateway) -> bool:
    return resident(gateway)["state"] == "sleeping"


def test_an_idle_engine_sleeps_and_a_request_wakes_it(gateway: RealGateway) -> None:
    pid = resident(gateway)["pid"]
    seconds_until(lambda: asleep(gateway), 20)
    answer = ask(gateway)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-forebay-reason"].startswith("woken")
    assert resident(gateway)["pid"] == pid, "it was woken, not started"
    assert ask(gateway).headers["x-forebay-reason"] == "resident"


def test_nobody_hangs_on_an_engine_that_falls_asleep_now_and_again(gateway: RealGateway) -> None:
    for _ in range(3):
        seconds_until(lambda: asleep(gateway), 20)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: ask(gateway), range(8)))
        assert [answer.status_code for answer in answers] == [200] * 8


def test_what_is_counted_beside_the_slots_does_not_hang_either(gateway: RealGateway) -> None:
    seconds_until(lambda: asleep(gateway), 20)
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
    answer = httpx.post(f"{gateway.address}/v1/messages/count_tokens", json=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_tokens"] > 0
