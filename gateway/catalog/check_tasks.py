"""Whether the engines of a profile can do its tasks. Pure."""

from collections.abc import Iterator

from backends.contract import Task
from backends.llama_cpp.args import LlamaCppArgs
from backends.vllm.args import VllmArgs
from gateway.catalog.finding import Finding
from gateway.catalog.profile import EngineArgs, ModelProfile

_VLLM = {
    "generate": frozenset({Task.CHAT, Task.COMPLETION}),
    "embed": frozenset({Task.EMBEDDING, Task.RERANK, Task.SCORE}),
    "rerank": frozenset({Task.RERANK, Task.SCORE}),
}
"""By what a server is started for; vectors compare texts, too."""
_LLAMA_CPP = frozenset({Task.CHAT, Task.COMPLETION, Task.EMBEDDING})


def task_findings(profile: ModelProfile) -> Iterator[Finding]:
    """Tasks that no variant on an engine of ours can do."""
    able = [_able(variant.engine) for variant in profile.variants]
    for i, task in enumerate(profile.tasks):
        if able and all(known is not None and task not in known for known in able):
            yield Finding(
                f"tasks[{i}]", f"none of the variants can do {task.value}", "vllm needs task: embed or rerank"
            )


def _able(engine: EngineArgs) -> frozenset[Task] | None:
    """``None``: whatever the profile says."""
    match engine:
        case VllmArgs():
            return _VLLM[engine.task]
        case LlamaCppArgs():
            return _LLAMA_CPP
        case _:
            return None
