"""From a trace's models to targets on a machine: where they may run, over how many cards, how they sleep. Pure."""

from gateway.scheduling.device import Inventory
from gateway.scheduling.simulate.trace import ModelSpec, Trace, VariantSpec
from gateway.scheduling.target import Sleep, Target


def targets(trace: Trace, inventory: Inventory) -> dict[str, tuple[Target, ...]]:
    """The variants of each model, the preferred first."""
    return {
        name: tuple(_target(name, spec, variant, inventory) for variant in spec.variants)
        for name, spec in trace.models.items()
    }


def _target(model: str, spec: ModelSpec, variant: VariantSpec, inventory: Inventory) -> Target:
    cards = len(inventory.gpus)
    return Target(
        variant_id=f"{model}:{variant.name}",
        profile_id=model,
        device_bytes=variant.device_bytes,
        host_bytes=variant.host_bytes,
        slots=spec.requests_at_once,
        load_seconds=variant.load_seconds,
        runs_on=variant.runs_on or "gpu_else_cpu",
        # Language models are split by their engines; a pipeline of images or video is not.
        split=variant.split or (max(1, cards) if spec.kind == "chat" else 1),
        speed=variant.speed,
        sleep=_sleep(spec, variant),
    )


def _sleep(spec: ModelSpec, variant: VariantSpec) -> Sleep | None:
    if spec.sleep_wake_seconds is None:
        return None
    return Sleep(wake_seconds=spec.sleep_wake_seconds, host_bytes=variant.device_bytes + variant.host_bytes)
