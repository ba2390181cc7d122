"""``forebay video`` against a whole gateway, as a person would use it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands.video import video
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import picture_file, video_profile
from tests.fakes.video_client import VideoClient


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningGateway]:
    async with running_gateway({"film": video_profile("film")}) as running:
        monkeypatch.setenv("FOREBAY_PORT", running.address.rpartition(":")[2])
        yield running


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, video, arguments)


async def test_it_writes_the_clip(gateway: RunningGateway, tmp_path: Path) -> None:
    path, first = tmp_path / "a.mp4", tmp_path / "first.png"
    first.write_bytes(picture_file(32, 32))
    done = await run("a cat to a lion", "-o", str(path), "--seed", "7", "--seconds", "1", "--image", str(first))
    assert done.exit_code == 0, done.output
    assert f"{path} (1.12 s, 48x48, seed 7)" in done.output
    assert "9 pictures instead of 8" in done.output
    clip = json.loads(path.read_bytes())
    assert (clip["prompt"], clip["task"], clip["frames"]) == ("a cat to a lion", "animate", 9)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


async def test_failures_are_sentences(gateway: RunningGateway, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for arguments, said in (
        (("refuse", "-o", str(path)), "not that"),
        (("a cat", "-o", str(path), "--model", "nobody"), "no model"),
        (("a cat", "-o", str(path), "--steps", "999"), "steps"),
        (("a cat", "-o", str(tmp_path / "a.gif")), "the name ends in .mp4"),
        (("a cat", "-o", str(tmp_path / "no" / "a.mp4")), "there is no folder"),
    ):
        done = await run(*arguments)
        assert done.exit_code != 0
        assert said in done.output, done.output
    assert not path.exists()


async def test_an_interrupt_cancels_the_job(
    gateway: RunningGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.commands.video._watched", interrupted)
    done = await run(f"hold {tmp_path}", "-o", str(tmp_path / "a.mp4"))
    assert done.exit_code == 1
    (job,) = (await gateway.client.get("/v1/videos")).json()["data"]
    assert (await VideoClient(gateway.client).ended(job))["status"] == "cancelled"
    await gateway.until(lambda: gateway.in_flight() == 0)


async def test_a_gateway_that_does_not_come_back_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.video._BACK_WITHIN", 0.1)
    monkeypatch.setattr("gateway.commands.video._LOOK_EVERY", 0.01)
    async with running_gateway({"film": video_profile("film")}) as gateway:
        monkeypatch.setenv("FOREBAY_PORT", gateway.address.rpartition(":")[2])
        waiting = asyncio.create_task(run(f"hold {tmp_path}", "-o", str(tmp_path / "a.mp4")))
        await gateway.until((tmp_path / "held").exists)
        (job,) = (await gateway.client.get("/v1/videos")).json()["data"]
    done = await waiting
    assert done.exit_code == 1
    assert f"once it is back it makes the clip all the same: GET /v1/videos/{job['id']}/content" in done.output


async def test_without_a_gateway_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBAY_PORT", "1")
    done = await run("a cat", "-o", str(tmp_path / "a.mp4"))
    assert done.exit_code == 1
    assert "forebay serve" in done.output
