"""What a profile may say about a diffusers engine: typed fields, never free text, never Python."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from backends.wire.media_job import MediaTask

ClassName = Annotated[str, Meta(pattern=r"^[A-Z][A-Za-z0-9]{2,63}$")]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Argument = Annotated[str, Meta(pattern=r"^_?[a-z][a-z0-9_]{0,63}$")]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
Runtime = Literal["auto", "diffusers", "diffusers_cpu"]
Dtype = Literal["bf16", "fp16", "fp32"]
Quantise = Literal["fp8_layerwise", "int8", "nf4", "gguf", "prequantised"]
Attention = Literal["native", "math", "efficient", "cudnn", "flash", "flash_3", "sage", "xformers", "flex"]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from a file."""


class FirstBlockCache(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="first_block"):
    """Steps whose first block changes less than ``threshold`` reuse the rest."""

    threshold: float = 0.08


class TaylorSeerCache(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="taylorseer"):
    """All but every ``interval``-th step are extrapolated, after ``warmup`` steps."""

    interval: Positive = 5
    warmup: Positive = 3
    order: Positive = 1


class MagCache(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="mag"):
    """``ratios`` were measured for one model and number of steps."""

    ratios: tuple[float, ...]
    threshold: float = 0.06
    max_skip: Positive = 3
    retention: Share = 0.2


class CacheDit(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="cache_dit"):
    """The cache-dit package, for transformers that have no cache of their own."""

    threshold: float = 0.08
    compute_first_blocks: Positive = 8
    warmup: Positive = 4


Cache = FirstBlockCache | TaylorSeerCache | MagCache | CacheDit


class PartClass(_Strict, frozen=True, kw_only=True):
    """How a component of another source is loaded: its class, where in the source it lies, its own settings."""

    class_name: ClassName
    subfolder: str = ""
    config: dict[Argument, bool | int | float | str] = {}


class LoraFile(_Strict, frozen=True, kw_only=True):
    """An adapter. ``part`` names the variant's ``parts`` entry it comes from; ``always``: every job gets it."""

    part: Name
    file: str | None = None
    scale: float = 1.0
    always: bool = False
    into: Literal["transformer", "transformer_2"] = "transformer"


class DiffusersArgs(_Strict, frozen=True, kw_only=True, tag_field="kind", tag="diffusers"):
    """Engine section of a variant.

    ``pipelines`` names the class of each task; the first loads the weights, the others share its components.
    ``steps`` and ``guidance`` replace the profile's defaults for this variant. ``native`` is the size at which the
    model works, whatever is asked for: the picture is scaled to that.
    """

    pipelines: dict[MediaTask, ClassName]
    runtime: Runtime = "auto"
    dtype: Dtype = "bf16"
    file_variant: Literal["fp16", "bf16"] | None = None
    single_file: bool = False
    quantise: dict[Argument, Quantise] = {}
    parts: dict[Argument, PartClass] = {}
    omit: tuple[Argument, ...] = ()
    config: dict[Argument, bool | int | float | str] = {}
    scheduler: dict[Argument, bool | int | float | str | None] = {}
    offload: Literal["none", "model", "group"] = "none"
    vae_tiling: bool = False
    vae_slicing: bool = False
    cache: Cache | None = None
    attention: Attention = "native"
    compile: bool = False
    loras: dict[Name, LoraFile] = {}
    guidance_argument: Argument | None = "guidance_scale"
    call: dict[Argument, bool | int | float | str | tuple[float, ...]] = {}
    steps: Positive | None = None
    guidance: float | None = None
    native: tuple[Positive, Positive] | None = None
    batch: Positive = 1
    threads: Positive | None = None

    @property
    def slots(self) -> int:
        """One job at a time: pipelines keep state in their modules."""
        return 1

    @property
    def context_tokens(self) -> None:
        """Prompts are cut by the pipelines themselves."""
        return

    @property
    def request_tokens(self) -> None:
        """Neither has a request any."""
        return
