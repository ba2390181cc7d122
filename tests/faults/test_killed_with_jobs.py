"""SIGKILL of the gateway at every named point of a job's life: nothing acknowledged is lost, nothing is made twice.

After each death the same state is served again, and held against what a client was told before.
"""

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from backends.process.identity import Identity
from backends.process.ledger import Ledger
from gateway.commands.video import video as video_command
from tests.fakes.gateway_process import DEADLINE, Begin, GatewayProcess
from tests.fakes.picture_profile import encoded_picture, video_profile
from tests.fakes.video_client import URL, VideoClient, wanted

POINTS = (
    "after_given", "before_insert", "after_insert", "after_insert#2", "before_claim", "after_claim", "after_stage",
    "before_dispatch", "after_accepted", "at_encode", "at_step_2", "at_step_4", "after_progress", "after_generation",
    "after_work", "before_publish", "after_fsync", "after_rename", "after_rename#3", "after_folder_fsync#2",
    "before_finish", "after_finish", "after_unstage", "after_finish#2",
)  # fmt: skip
JOBS = 3
FIRST_WITHIN = 10.0
"""Seconds from the start of the next gateway to the first sign of work."""


@pytest.mark.parametrize("point", POINTS)
async def test_nothing_acknowledged_is_lost_and_nothing_made_twice(begin: Begin, point: str) -> None:
    gateway = await mortal(begin, point)
    told = await asyncio.gather(*(acknowledged(gateway, number) for number in range(JOBS)))
    ids = {video_id for video_id in told if video_id is not None}
    engines = await until_dead(gateway)
    assert shown_of(gateway) <= published_whole(gateway)

    gateway.env.pop("FOREBAY_TEST_KILL_AT")
    begun = time.monotonic()
    await gateway.start()
    await gateway.until_gone(*engines)
    videos = VideoClient(gateway.client)
    if ids:
        await first_sign(gateway, ids)
        assert time.monotonic() - begun <= FIRST_WITHIN
    for video_id in ids:
        video = await videos.ended({"id": video_id})
        assert video["status"] == "completed", video
        assert video["forebay"]["attempts"] <= 2
        assert (await videos.said(video))["seed"] == video["forebay"]["seed"]
    await settled(gateway, videos)
    kept = [path.relative_to(gateway.state / "results" / "kept") for path in files_of(gateway)]
    made = [(path.parts[0], path.name) for path in kept if path.parts[1] != "0"]
    assert len(made) == len(set(made)), "each file of a job is there once, of one attempt"
    assert {job for job, _ in made} >= ids
    assert list((gateway.state / "results" / "staging").iterdir()) == []


async def test_a_cancelled_job_stays_cancelled(begin: Begin, tmp_path: Path) -> None:
    gateway = await mortal(begin, "after_cancel")
    videos = VideoClient(gateway.client)
    video = await videos.created(prompt=f"hold {tmp_path}")
    async with asyncio.timeout(DEADLINE):
        while not (tmp_path / "held").exists():
            await asyncio.sleep(0.01)
    with pytest.raises(httpx.TransportError):
        await gateway.client.delete(f"{URL}/{video['id']}")
    engines = await until_dead(gateway)
    gateway.env.pop("FOREBAY_TEST_KILL_AT")
    await gateway.start()
    await gateway.until_gone(*engines)
    assert (await VideoClient(gateway.client).now(video))["status"] == "cancelled"


async def test_files_of_a_removed_job_do_not_stay(begin: Begin) -> None:
    gateway = await mortal(begin, "after_remove")
    videos = VideoClient(gateway.client)
    video = await videos.made()
    with pytest.raises(httpx.TransportError):
        await gateway.client.delete(f"{URL}/{video['id']}")
    await until_dead(gateway)
    assert files_of(gateway)
    gateway.env.pop("FOREBAY_TEST_KILL_AT")
    await gateway.start()
    assert (await gateway.client.get(f"{URL}/{video['id']}")).status_code == 404
    assert files_of(gateway) == []


async def test_the_command_line_waits_for_the_gateway_to_be_back(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = await begin(video_profile("film"))
    port = gateway.first_line.rpartition(":")[2].strip()
    monkeypatch.setenv("FOREBAY_PORT", port)
    asked = (f"hold {tmp_path}", "-o", str(tmp_path / "a.mp4"))
    done = asyncio.create_task(asyncio.to_thread(CliRunner().invoke, video_command, asked))
    async with asyncio.timeout(DEADLINE):
        while not (tmp_path / "held").exists():
            await asyncio.sleep(0.01)
    gateway.signal(signal.SIGKILL)
    await gateway.ended()
    (tmp_path / "go").touch()
    await gateway.start("--port", port)
    said = await done
    assert said.exit_code == 0, said.output
    assert (tmp_path / "a.mp4").exists()


# --- what the tests look at -------------------------------------------------------------------------------------------


async def mortal(begin: Begin, point: str) -> GatewayProcess:
    gateway = await begin(video_profile("film"), start=False)
    gateway.module = "tests.fakes.mortal_gateway"
    gateway.env["FOREBAY_TEST_KILL_AT"] = point
    await gateway.start()
    return gateway


async def acknowledged(gateway: GatewayProcess, number: int) -> str | None:
    """The id of a new job, or None when the gateway died before it said so."""
    body = wanted(seed=number, input_reference={"b64_json": encoded_picture(16, 16)})
    try:
        answer = await gateway.client.post(URL, json=body)
    except httpx.TransportError:
        return None
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def until_dead(gateway: GatewayProcess) -> list[Identity]:
    """Waits for the kill; the engines that were left alone."""
    assert await gateway.ended() == -9
    return [who for entry in Ledger(gateway.state / "engines").entries() for who in (entry.leader, *entry.members)]


async def first_sign(gateway: GatewayProcess, ids: set[str]) -> None:
    """Waits until one of the jobs is worked on, or has been."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = (await gateway.client.get(URL)).json()["data"]
            if any(video["status"] in ("in_progress", "completed") for video in found if video["id"] in ids):
                return
            await asyncio.sleep(0.01)


async def settled(gateway: GatewayProcess, videos: VideoClient) -> None:
    """Also those that were not acknowledged come to an end."""
    for video in (await gateway.client.get(URL)).json()["data"]:
        await videos.ended(video)
    async with asyncio.timeout(DEADLINE):
        while list((gateway.state / "results" / "staging").iterdir()):
            await asyncio.sleep(0.01)


def files_of(gateway: GatewayProcess) -> list[Path]:
    return sorted(path for path in (gateway.state / "results" / "kept").rglob("*") if path.is_file())


def shown_of(gateway: GatewayProcess) -> set[Path]:
    """What the folder of results shows to readers."""
    return {path for path in files_of(gateway) if path.parent.name != "0"}


def published_whole(gateway: GatewayProcess) -> set[Path]:
    """Those that are complete: the worker's clips are JSON to their last brace."""
    return {path for path in shown_of(gateway) if path.read_bytes().endswith(b"}")}
