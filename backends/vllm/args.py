"""What a profile may say about a vLLM engine: typed fields, never free text, never a flag string."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Runtime = Literal["auto", "vllm", "vllm_cpu"]
Dtype = Literal["auto", "bfloat16", "float16", "float32"]
Quantization = Literal[
    "fp8", "fp8_per_tensor", "fp8_per_block", "int8_per_channel_weight_only", "mxfp8", "awq", "awq_marlin", "gptq",
    "gptq_marlin", "compressed-tensors", "modelopt", "modelopt_fp4", "mxfp4", "experts_int8", "moe_wna16",
]  # fmt: skip
CacheDtype = Literal["auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"]
Loader = Literal["auto", "safetensors", "fastsafetensors", "instanttensor", "runai_streamer", "sharded_state", "dummy"]
Dialect = Literal["anthropic"]
Method = Literal["ngram", "suffix", "mtp", "eagle", "eagle3", "draft_model"]
Parser = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Template = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Architecture = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
PartName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Count = Annotated[int, Meta(ge=1)]


class Speculation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens guessed ahead and checked together. ``draft`` names a part of the variant, for methods with a model."""

    method: Method
    tokens: Count
    draft: PartName | None = None
    longest_match: Count | None = None


class VllmArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="vllm"):
    """Engine section of a variant. ``context_tokens`` are of one request, answer included; ``None``: the longest that
    the cache's memory allows.

    Left alone, ``quantization`` is what the checkpoint says. ``architecture`` is the class that the checkpoint's
    ``config.json`` names; the installed vLLM must know it. ``loras`` name parts of the variant, and are models of their
    own under ``PROFILE:LORA``. ``pipeline`` splits the cards into so many stages; within a stage tensors are split.
    ``template`` is one of ours, in ``templates/``, where the checkpoint's own knows no tools. ``sleeps``: its memory
    can leave the cards and come back; ``footprint.sleep`` says what that takes.
    """

    runtime: Runtime = "auto"
    architecture: Architecture
    context_tokens: Count | None = None
    slots: Count = 64
    dtype: Dtype = "auto"
    quantization: Quantization | None = None
    cache_dtype: CacheDtype = "auto"
    batch_tokens: Count | None = None
    pipeline: Count = 1
    expert_parallel: bool = False
    tool_parser: Parser | None = None
    reasoning_parser: Parser | None = None
    template: Template | None = None
    format: Literal["hf", "mistral"] = "hf"
    remote_code: bool = False
    task: Literal["generate", "embed", "rerank"] = "generate"
    images: int = 0
    loras: tuple[PartName, ...] = ()
    lora_rank: Literal[8, 16, 32, 64, 128, 256] = 16
    speculation: Speculation | None = None
    prefix_caching: bool = True
    eager: bool = False
    loader: Loader = "auto"
    sleeps: bool = False
    queued: Count | None = None
    dialects: tuple[Dialect, ...] = ()

    @property
    def request_tokens(self) -> int | None:
        """What one request may have, answer included."""
        return self.context_tokens
