"""A gateway with a real vLLM on the CPU behind it, for the tests that are marked ``vllm``."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from tests.real_gateway import RealGateway

CHAT = "/v1/chat/completions"
START = 240.0


def profile(weights: Path, *, name: str = "tiny", sleeps: bool = False, **fields: Any) -> str:
    """A profile of one variant on ``weights``; ``fields`` replace those of its engine, ``idle`` unloads it after so
    many seconds.
    """
    idle = fields.pop("idle", None)
    engine = {
        "kind": "vllm", "runtime": "vllm_cpu", "architecture": "Qwen3ForCausalLM", "dtype": "bfloat16", "eager": True,
        "context_tokens": 2048, "slots": 16, "tool_parser": "hermes", "sleeps": sleeps,
    }  # fmt: skip
    footprint: dict[str, Any] = {
        "weights_bytes": 1_000_000, "kv_bytes": 1 << 28, "host_bytes": 3 << 30, "load_seconds": 40,
    }  # fmt: skip
    if sleeps:
        footprint["sleep"] = {"wake_seconds": 1, "host_bytes": 3 << 30}
    variant = {
        "name": "cpu", "engine": engine | fields, "footprint": footprint, "start_timeout_seconds": START,
        "weights": {"source": f"file:{weights}", "folder": {"bytes": 1_000_000}},
    }  # fmt: skip
    if idle is not None:
        variant["idle_unload_seconds"] = idle
    return yaml.safe_dump(
        {
            "id": name, "name": name, "modality": "llm", "tasks": ["chat", "completion"], "licence": "MIT",
            "open_weights": True, "variants": [variant],
        }
    )  # fmt: skip


def body(name: str = "tiny", tokens: int = 8, **fields: Any) -> dict[str, Any]:
    """A chat that runs to its limit."""
    said = [{"role": "user", "content": "Tell a story."}]
    return {"model": name, "messages": said, "max_tokens": tokens, "ignore_eos": True} | fields


def load(gateway: RealGateway, name: str = "tiny") -> dict[str, Any]:
    """Brings the model in; what ``/api/ps`` shows of it."""
    answer = httpx.post(f"{gateway.address}/api/load", json={"model": name}, timeout=START + 30)
    assert answer.status_code == 200, answer.text
    return resident(gateway, name)


def resident(gateway: RealGateway, name: str = "tiny") -> dict[str, Any]:
    return next(each for each in gateway.get("/api/ps")["residents"] if each["model"] == name)


def family(pid: int) -> dict[str, psutil.Process]:
    """The processes of an engine by what they do: ``server``, ``EngineCore``, ``Worker``."""
    engine = psutil.Process(pid)
    found = {"server": engine}
    for process in engine.children(recursive=True):
        title = " ".join(process.cmdline())
        for role in ("EngineCore", "Worker"):
            if role in title:
                found[role] = process
    return found


def told(line: str) -> dict[str, Any]:
    """What an event of a stream holds."""
    return json.loads(line.removeprefix("data: "))


def seconds_until(condition: Callable[[], bool], limit: float) -> float:
    """How long it took until ``condition()`` held; fails after ``limit``."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < limit, "it never came to be"
        time.sleep(0.02)
    return time.monotonic() - begun
