"""The end of a gateway while a clip is made: it waits one window for it, or none, and the clip is made afterwards."""

import asyncio
import signal
import time
from pathlib import Path

from tests.fakes.gateway_process import Begin, GatewayProcess
from tests.fakes.picture_profile import video_profile
from tests.fakes.video_client import URL, VideoClient

WINDOW = 6.0


async def with_a_clip(begin: Begin, folder: Path, window: float) -> tuple[GatewayProcess, dict]:
    """A gateway that makes a clip until ``go`` is in ``folder``."""
    gateway = await begin(video_profile("film"), drain_window=window)
    video = await VideoClient(gateway.client).created(prompt=f"hold {folder}")
    async with asyncio.timeout(30):
        while not (folder / "held").exists():
            await asyncio.sleep(0.01)
    return gateway, video


async def made_after_all(gateway: GatewayProcess, video: dict, folder: Path) -> None:
    (folder / "go").touch()
    await gateway.start()
    done = await VideoClient(gateway.client).ended(video)
    assert (done["status"], done["forebay"]["attempts"]) == ("completed", 1), (
        "an end that is asked for costs no attempt"
    )


async def test_a_second_term_does_not_wait_for_a_clip(begin: Begin, tmp_path: Path) -> None:
    gateway, video = await with_a_clip(begin, tmp_path, 600)
    gateway.signal(signal.SIGTERM)
    await gateway.until_ready(status=503)
    gateway.signal(signal.SIGTERM)
    assert await gateway.ended() == 0
    assert gateway.left_behind() == []
    await made_after_all(gateway, video, tmp_path)


async def test_who_looks_on_and_a_clip_get_one_window_together(begin: Begin, tmp_path: Path) -> None:
    gateway, video = await with_a_clip(begin, tmp_path, WINDOW)
    async with gateway.client.stream("GET", f"{URL}/{video['id']}/events") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        begun = time.monotonic()
        gateway.signal(signal.SIGTERM)
        said = [line async for line in lines if line.startswith("data: ")]
    assert "draining" in said[-1]
    assert await gateway.ended() == 0
    assert WINDOW <= time.monotonic() - begun < 2 * WINDOW
    await made_after_all(gateway, video, tmp_path)
