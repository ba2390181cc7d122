"""From a variant of the catalog to what the scheduler has to know of it. Pure; bytes and seconds."""

from backends.external.args import ExternalArgs
from backends.vllm.args import VllmArgs
from gateway.catalog.profile import Sleep as SleepProfile
from gateway.catalog.profile import Variant
from gateway.scheduling.replica import replica_id
from gateway.scheduling.target import Bed, Sleep, Target

_SPLIT_OVERHEAD = 512 * 1024**2
"""The least that each card of a split needs besides its part: a driver's context, buffers for the exchange."""


def variant_id(profile_id: str, variant: Variant) -> str:
    """``profile:variant``, unique in a catalog; also a model name a client may send."""
    return f"{profile_id}:{variant.name}"


def target_of(
    profile_id: str, variant: Variant, device_bytes: int, host_bytes: int, load_seconds: float, replica: int = 1
) -> Target:
    """The target of ``variant``, or of one of its replicas, with the bytes that are expected of it here."""
    engine = variant.engine
    managed = not (isinstance(engine, ExternalArgs) and (engine.url is not None or engine.urls))
    return Target(
        variant_id=replica_id(variant_id(profile_id, variant), replica),
        profile_id=profile_id,
        device_bytes=device_bytes if managed else 0,
        host_bytes=host_bytes if managed else 0,
        slots=variant.engine.slots,
        load_seconds=load_seconds,
        pin=variant.pin,
        managed=managed,
        idle_unload_seconds=variant.idle_unload_seconds,
        runs_on=variant.runs_on,
        split=variant.split,
        split_overhead_bytes=max(_SPLIT_OVERHEAD, variant.footprint.compute_bytes) if variant.split > 1 else 0,
        split_evenly=isinstance(variant.engine, VllmArgs),
        speed=variant.speed,
        fixed=variant.footprint.activation is None,
        sleep=None if variant.footprint.sleep is None else _sleep(variant.footprint.sleep, device_bytes, host_bytes),
    )


def _sleep(said: SleepProfile, device_bytes: int, process_bytes: int) -> Sleep:
    host = device_bytes + process_bytes if said.host_bytes is None else said.host_bytes
    deep = None
    if said.deep is not None:
        deep = Bed(
            wake_seconds=said.deep.wake_seconds,
            host_bytes=process_bytes if said.deep.host_bytes is None else said.deep.host_bytes,
            device_bytes=said.device_bytes if said.deep.device_bytes is None else said.deep.device_bytes,
        )
    return Sleep(wake_seconds=said.wake_seconds, host_bytes=host, device_bytes=said.device_bytes, deep=deep)
