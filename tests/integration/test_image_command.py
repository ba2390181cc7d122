"""``forebay image`` against a whole gateway, as a person would use it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from gateway.commands.image import image
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import picture_profile
from tests.fakes.picture_worker import colour


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningGateway]:
    async with running_gateway({"paint": picture_profile("paint")}) as running:
        monkeypatch.setenv("FOREBAY_PORT", running.address.rpartition(":")[2])
        yield running


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, image, arguments)


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.JPG", "JPEG"), ("a.webp", "WEBP")])
async def test_it_writes_the_file_that_is_asked_for(
    gateway: RunningGateway, tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / name
    done = await run("a penguin", "-o", str(path), "--seed", "7", "--size", "64x64", "--model", "paint")
    assert done.exit_code == 0, done.output
    assert f"{path} (seed 7)" in done.output
    found = Image.open(path)
    assert (found.format, found.size) == (kind, (64, 64))
    if kind == "PNG":
        assert found.getpixel((0, 0)) == colour(7)


async def test_failures_are_sentences(gateway: RunningGateway, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for arguments, said in (
        (("refuse", "-o", str(path)), "not that"),
        (("a cat", "-o", str(path), "--model", "nobody"), "no model"),
        (("a cat", "-o", str(path), "--steps", "999"), "steps"),
        (("a cat", "-o", str(tmp_path / "a.bmp")), "the name ends in one of"),
        (("a cat", "-o", str(tmp_path / "no" / "a.png")), "cannot be written"),
    ):
        done = await run(*arguments)
        assert done.exit_code != 0
        assert said in done.output, done.output
    assert not path.exists()


async def test_without_a_gateway_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBAY_PORT", "1")
    done = await run("a cat", "-o", str(tmp_path / "a.png"))
    assert done.exit_code == 1
    assert "run: forebay serve" in done.output
