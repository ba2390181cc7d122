"""A task that no engine of the profile can do is found before anybody asks for it."""

from typing import Any

import msgspec
import pytest

from gateway.catalog.check_tasks import task_findings
from gateway.catalog.profile import ModelProfile

VLLM = {"kind": "vllm", "architecture": "Qwen3ForCausalLM"}
LLAMA = {"kind": "llama_cpp", "context_tokens": 64}
OTHER = {"kind": "external", "url": "http://127.0.0.1:1"}


def found(tasks: list[str], *engines: dict[str, Any]) -> list[str]:
    variants = [
        {"name": f"v{i}", "engine": engine, "footprint": {"weights_bytes": 1}} for i, engine in enumerate(engines)
    ]
    about = {"id": "m", "name": "m", "modality": "llm", "licence": "x", "open_weights": True}
    profile = msgspec.convert({**about, "tasks": tasks, "variants": variants}, ModelProfile)
    return [finding.where for finding in task_findings(profile)]


@pytest.mark.parametrize(
    ("tasks", "engines", "places"),
    [
        (["chat", "completion"], [VLLM], []),
        (["chat", "rerank"], [VLLM], ["tasks[1]"]),
        (["rerank", "score"], [VLLM | {"task": "rerank"}], []),
        (["embedding", "rerank", "score"], [VLLM | {"task": "embed"}], []),
        (["embedding"], [VLLM | {"task": "rerank"}], ["tasks[0]"]),
        (["chat"], [VLLM | {"task": "embed"}], ["tasks[0]"]),
        (["score"], [LLAMA], ["tasks[0]"]),
        (["chat", "embedding"], [VLLM, LLAMA], []),
        (["rerank", "score", "speech"], [OTHER], []),
        (["rerank"], [LLAMA, OTHER], []),
        (["rerank"], [], []),
    ],
)
def test_tasks(tasks, engines, places):
    assert found(tasks, *engines) == places
