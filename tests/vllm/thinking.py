"""A profile of the tiny model that thinks, and its checkpoint."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

START = 240.0
CONTEXT = 1024


def checkpoint(python: Path, folder: Path) -> Path:
    """Made in ``folder`` by the interpreter of vLLM's environment."""
    subprocess.run([python, "-P", Path(__file__).with_name("thinking_model.py"), folder], check=True, timeout=240)
    return folder


def thinking_profile(weights: Path, *tasks: str, **fields: Any) -> str:
    """One variant, called ``tiny``; ``fields`` are added to those of its engine."""
    engine = {
        "kind": "vllm", "runtime": "vllm_cpu", "architecture": "Qwen3ForCausalLM", "dtype": "bfloat16", "eager": True,
        "context_tokens": CONTEXT, "slots": 16,
    }  # fmt: skip
    variant = {
        "name": "cpu", "engine": engine | fields, "start_timeout_seconds": START,
        "footprint": {"weights_bytes": 1_000_000, "kv_bytes": 1 << 26, "host_bytes": 3 << 30, "load_seconds": 40},
        "weights": {"source": f"file:{weights}", "folder": {"bytes": 1_000_000}},
    }  # fmt: skip
    return yaml.safe_dump({
        "id": "tiny", "name": "tiny", "modality": "llm", "tasks": list(tasks), "licence": "MIT", "open_weights": True,
        "variants": [variant],
    })  # fmt: skip
