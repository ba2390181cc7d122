"""Two gateways on one PostgreSQL share the queue: each job is run once, whoever took it and whoever is asked."""

import asyncio
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.jobs.job import HEARTBEAT_SECONDS
from tests.fakes.gateway_process import Begin, GatewayProcess
from tests.fakes.picture_profile import video_profile
from tests.fakes.video_client import URL, VideoClient, wanted
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401

JOBS = 500
PATIENCE = 100.0


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
async def pair(request: pytest.FixtureRequest, begin: Begin, place: Path) -> tuple[GatewayProcess, ...]:
    shared = {"database_url": request.getfixturevalue("postgres_url"), "results_url": f"file://{place}/results"}
    return tuple(await asyncio.gather(*(begin(video_profile("film"), **shared) for _ in range(2))))


async def created(gateways: tuple[GatewayProcess, ...], number: int, prompt: str) -> str:
    client = gateways[number % len(gateways)].client
    answer = await client.post(URL, json=wanted(prompt=prompt, seed=number))
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def statuses(client: httpx.AsyncClient) -> Counter[str]:
    found: Counter[str] = Counter()
    after = None
    while True:
        page = (await client.get(URL, params={"limit": 100} | ({"after": after} if after else {}))).json()
        found.update(video["status"] for video in page["data"])
        if not page["has_more"]:
            return found
        after = page["last_id"]


async def until_completed(client: httpx.AsyncClient, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (found := await statuses(client))["completed"] < count:
            assert not found["failed"], found
            await asyncio.sleep(0.2)


async def test_every_job_runs_once_and_both_work(pair: tuple[GatewayProcess, ...], place: Path) -> None:
    runs = place / "runs"
    runs.mkdir()
    ids = [await created(pair, number, f"count {runs}") for number in range(JOBS)]
    await until_completed(pair[0].client, JOBS)
    ran = Counter(path.name.partition(".")[0] for path in runs.iterdir())
    assert ran == Counter(ids)
    assert await statuses(pair[1].client) == {"completed": JOBS}
    worked = [
        (await gateway.client.get("/metrics")).text.count('gateway_jobs_total{kind="video",outcome="completed"}')
        for gateway in pair
    ]
    assert worked == [1, 1]
    for number, gateway in ((0, pair[1]), (1, pair[0])):  # whoever was asked, the other one can tell
        assert (await VideoClient(gateway.client).said({"id": ids[number]}))["seed"] == number


async def test_a_job_is_cancelled_through_the_other_gateway(pair: tuple[GatewayProcess, ...], place: Path) -> None:
    video = await VideoClient(pair[0].client).created(prompt=f"hold {place}")
    async with asyncio.timeout(PATIENCE):
        while not (place / "held").exists():
            await asyncio.sleep(0.01)
    residents = [(await gateway.residents()).keys() for gateway in pair]
    asked = pair[0] if "film" in residents[1] else pair[1]  # one that does not run it
    begun = time.monotonic()
    await asked.client.delete(f"{URL}/{video['id']}")
    ended = await VideoClient(asked.client).ended(video)
    assert ended["status"] == "cancelled"
    assert time.monotonic() - begun < HEARTBEAT_SECONDS, "it is not a heartbeat that brings the news"
    await VideoClient(pair[1].client).made()


async def test_what_a_killed_gateway_held_is_made_when_it_is_back(
    pair: tuple[GatewayProcess, ...], place: Path
) -> None:
    videos = [await VideoClient(gateway.client).created(prompt=f"hold {place}") for gateway in pair]
    async with asyncio.timeout(PATIENCE):
        while not (place / "held").exists():
            await asyncio.sleep(0.01)
    pair[0].signal(signal.SIGKILL)
    await pair[0].ended()
    (place / "go").touch()
    await pair[0].start()
    for video in videos:
        done = await VideoClient(pair[1].client).ended(video)
        assert (done["status"], done["forebay"]["attempts"] <= 2) == ("completed", True)
