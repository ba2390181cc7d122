"""A gateway whose catalog is the tiny families, two of them in memory at a time. The engines are real."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import yaml

from tests.tree import ROOT
from tests.vllm.tiny.environment import quick
from tests.vllm.tiny.families import FAMILIES
from tests.vllm.tiny.family import Family

MAKE = Path(__file__).parent / "tiny" / "make.py"
DEADLINE = 120.0


class FamilyGateway:
    """``client`` on its address; ``said`` holds a file for each engine."""

    def __init__(self, address: str, said: Path) -> None:
        self._said = said
        self.client = httpx.Client(base_url=address, timeout=DEADLINE, headers={"authorization": "Bearer none"})

    def chat(self, family: Family, **fields: Any) -> httpx.Response:
        body = {"model": family.name, "messages": [{"role": "user", "content": "What is the weather?"}], **fields}
        return self.client.post("/v1/chat/completions", json={"temperature": 0, "max_tokens": 8} | body)

    def log(self, family: Family) -> str:
        """All that the engine of ``family`` said."""
        texts = (file.read_text("utf-8", "replace") for file in self._said.iterdir())
        return "".join(text for text in texts if f"/models/{family.name}'" in text)

    def load(self, family: Family) -> httpx.Response:
        return self.client.post("/api/load", json={"model": family.name})

    def unload(self, family: Family) -> None:
        answer = self.client.post("/api/unload", json={"model": family.name})
        assert answer.status_code == 200, answer.text


def profile(family: Family, folder: Path) -> str:
    """Its YAML file."""
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    engine: dict[str, Any] = {
        "kind": "vllm", "runtime": "vllm_cpu", "architecture": family.architecture, "dtype": "bfloat16",
        "context_tokens": 1024, "slots": 4, "eager": True,
    }  # fmt: skip
    if family.tool_parser is not None:
        engine["tool_parser"] = family.tool_parser
    if family.pictures:
        engine["images"] = 1
    data = {
        "id": family.name, "name": family.name, "description": "Random weights.", "modality": "llm",
        "tasks": ["chat", "completion"] if family.template else ["completion"],
        "licence": "Apache-2.0", "open_weights": True, "context_tokens": 1024,
        "variants": [{
            "name": "tiny", "engine": engine,
            "weights": {"source": f"file:{folder}", "folder": {"bytes": size}},
            "footprint": {"weights_bytes": 2_000_000_000, "kv_bytes": 33_554_432, "load_seconds": 15},
        }],
    }  # fmt: skip
    return yaml.safe_dump(data, sort_keys=False)


def make(python: Path, folder: Path) -> None:
    """All checkpoints, by the transformers of vLLM's environment: one import for all of them."""
    families = msgspec.json.encode(FAMILIES)
    done = subprocess.run([str(python), "-P", str(MAKE), str(folder)], input=families, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-4000:]


@contextmanager
def family_gateway(python: Path) -> Iterator[FamilyGateway]:
    """Makes the checkpoints, starts the gateway, and certainly ends it."""
    with tempfile.TemporaryDirectory(prefix="fv", dir="/tmp") as name:  # socket paths are short
        root = Path(name)
        for part in ("profiles", "t", "said"):
            (root / part).mkdir()
        make(python, root / "models")
        for family in FAMILIES:
            text = profile(family, root / "models" / family.name)
            (root / "profiles" / f"{family.name}.yaml").write_text(text, "utf-8")
        quick(root / "data", python, root / "said")
        chosen = {"profiles_dir": root / "profiles", "state_dir": root / "state", "data_dir": root / "data"}
        env = {name: value for name, value in os.environ.items() if not name.startswith("FOREBAY_")}
        env |= {f"FOREBAY_{name.upper()}": str(value) for name, value in chosen.items()} | {"TMPDIR": str(root / "t")}
        log = root / "log"
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--port", "0"],
            cwd=ROOT, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log.open("w"),
        )  # fmt: skip
        assert process.stdout is not None
        late = threading.Timer(DEADLINE, process.kill)  # ends the reading below
        late.start()
        try:
            line = process.stdout.readline()
            late.cancel()
            assert line, log.read_text()
            gateway = FamilyGateway(line.split()[-1], root / "said")
            yield gateway
            gateway.client.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0, log.read_text()
        finally:
            late.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
