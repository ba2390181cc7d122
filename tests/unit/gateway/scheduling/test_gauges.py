"""Gauges are read from the scheduler at scrape time."""

import asyncio

from backends.contract import BackendState
from gateway.scheduling.gauges import scheduling_gauges
from gateway.scheduling.policy import GIB
from gateway.scheduling.wanted import Wanted
from gateway.telemetry.metrics import OBSERVED
from tests.fakes.effects import model
from tests.fakes.runtime_stage import RuntimeStage, turns

A, B = model("a", 6), model("b", 6)
Samples = dict[tuple[str, ...], float]


def read(stage: RuntimeStage) -> Samples:
    samples: Samples = {}
    for name, labels, value in scheduling_gauges(stage.runtime):
        assert len(labels) == len(OBSERVED[name][1]), "as many values as labels"
        assert (name, *labels) not in samples, "each series once"
        samples[name, *labels] = value
    return samples


async def test_an_empty_machine_shows_its_memory_only() -> None:
    samples = read(RuntimeStage(gib=10))
    assert {key[0] for key in samples} == {"gateway_memory_bytes"}
    assert samples["gateway_memory_bytes", "cpu", "total"] == 10 * GIB
    assert samples["gateway_memory_bytes", "cpu", "reserved"] == samples["gateway_memory_bytes", "cpu", "foreign"] == 0
    assert samples["gateway_memory_bytes", "cpu", "free"] == 10 * GIB


async def test_work_demand_and_phases_are_per_model() -> None:
    stage = RuntimeStage(gib=10)
    await stage.resident(A)
    lease = stage.runtime.acquire_now(A)
    assert lease is not None
    waiting = [asyncio.create_task(stage.runtime.acquire(Wanted(target=target), "k", 60)) for target in (A, B, B)]
    await turns()
    samples = read(stage)
    for name, a, b in (("inflight_requests", 1, 0), ("queued_requests", 1, 2), ("model_demand", 2, 2)):
        assert (samples[f"gateway_{name}", "a"], samples[f"gateway_{name}", "b"]) == (a, b)
    phases = {phase: samples["gateway_model_phase", "a", phase.value] for phase in BackendState}
    assert phases == {phase: float(phase is BackendState.READY) for phase in BackendState}
    assert not any(samples["gateway_model_phase", "b", phase.value] for phase in BackendState), "nowhere yet"
    assert samples["gateway_backend_up", "a", "fake"] == 1
    assert ("gateway_backend_up", "b", "fake") not in samples
    assert samples["gateway_memory_bytes", "cpu", "reserved"] == 6 * GIB
    for task in waiting:
        task.cancel()
    await turns()


async def test_what_is_leaving_is_not_up_and_its_memory_not_free() -> None:
    stage = RuntimeStage(gib=10)
    engine = await stage.resident(A)
    engine.gone.clear()
    engine.exited.set_result("signal SIGKILL")
    await turns()
    samples = read(stage)
    assert samples["gateway_model_phase", "a", "stopping"] == 1
    assert samples["gateway_model_phase", "a", "ready"] == 0
    assert samples.get(("gateway_backend_up", "a", "fake"), 0) == 0
    assert samples["gateway_memory_bytes", "cpu", "reserved"] == 6 * GIB
    engine.gone.set()
    await turns()
    assert read(stage)["gateway_memory_bytes", "cpu", "reserved"] == 0


async def test_more_reserved_than_usable_is_nothing_free_not_less() -> None:
    stage = RuntimeStage(gib=10)
    await stage.resident(model("huge", 10))
    assert read(stage)["gateway_memory_bytes", "cpu", "free"] == 0
