"""From the catalog to the scheduler: how a variant sleeps."""

from backends.vllm.args import VllmArgs
from gateway.catalog.profile import DeepSleep, Footprint, Sleep, Variant
from gateway.routing.targets import target_of
from gateway.scheduling.target import Bed
from gateway.scheduling.target import Sleep as Wanted


def sleeping(sleep: Sleep | None) -> Wanted | None:
    footprint = Footprint(weights_bytes=100, kv_bytes=50, host_bytes=7, sleep=sleep)
    variant = Variant(name="v", engine=VllmArgs(architecture="A", sleeps=True), footprint=footprint)
    return target_of("m", variant, 150, 7, 30.0).sleep


def test_who_does_not_sleep() -> None:
    assert sleeping(None) is None


def test_what_the_profile_leaves_out_follows_from_the_rest() -> None:
    assert sleeping(Sleep(wake_seconds=2)) == Wanted(wake_seconds=2, host_bytes=157)
    told = sleeping(Sleep(wake_seconds=2, device_bytes=3, deep=DeepSleep(wake_seconds=9)))
    assert told == Wanted(
        wake_seconds=2, host_bytes=157, device_bytes=3, deep=Bed(wake_seconds=9, host_bytes=7, device_bytes=3)
    )


def test_what_the_profile_says_counts() -> None:
    deep = DeepSleep(wake_seconds=9, host_bytes=5, device_bytes=0)
    told = sleeping(Sleep(wake_seconds=2, host_bytes=120, device_bytes=3, deep=deep))
    assert told == Wanted(
        wake_seconds=2, host_bytes=120, device_bytes=3, deep=Bed(wake_seconds=9, host_bytes=5, device_bytes=0)
    )
    assert told.bed("deep").wake_seconds == 9
    assert told.bed("light").wake_seconds == 2
