"""What a profile may say about a llama.cpp engine: typed fields, never free text, never a flag string."""

from typing import Literal

from msgspec import Struct

CacheType = Literal["f16", "q8_0", "q4_0"]
ToolFormat = Literal[
    "auto", "hermes", "qwen3_coder", "llama3", "mistral", "json",
    "glm", "minimax", "kimi", "deepseek", "functionary", "pythonic",
]  # fmt: skip
ReasoningFormat = Literal["auto", "none", "think"]
Runtime = Literal["auto", "llama_cpp_python", "xllamacpp"]


class LlamaCppArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="llama_cpp"):
    """Engine section of a variant. Context is the total over all slots, in tokens."""

    runtime: Runtime = "auto"
    context_tokens: int = 8192
    slots: int = 4
    gpu_layers: int = -1
    n_cpu_moe: int = 0
    cache_type_k: CacheType = "f16"
    cache_type_v: CacheType = "f16"
    batch_tokens: int = 512
    threads: int | None = None
    omp_wait_policy: Literal["passive", "active"] = "passive"
    mmap: bool = True
    mlock: bool = False
    embeddings: bool = True
    tool_format: ToolFormat = "auto"
    reasoning: ReasoningFormat = "auto"

    @property
    def request_tokens(self) -> int:
        """What one request may have, answer included: its slot's share."""
        return self.context_tokens // max(1, self.slots)
