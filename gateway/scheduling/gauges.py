"""The scheduler's state as gauges, read at scrape time."""

from collections import Counter
from collections.abc import Iterator

from backends.contract import BackendState
from gateway.scheduling.runtime import Runtime
from gateway.scheduling.views import devices

_PHASES = tuple(BackendState)


def scheduling_gauges(runtime: Runtime) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """(metric, labels, value) of residents, queue and devices."""
    scheduler = runtime.scheduler
    queued = Counter(ticket.target.profile_id for ticket in scheduler.queue)
    in_flight: Counter[str] = Counter()
    phases: dict[str, set[BackendState]] = {}
    up: dict[tuple[str, str], float] = {}
    for occupant in scheduler.occupants:
        model = occupant.target.profile_id
        in_flight[model] += occupant.in_flight
        phases.setdefault(model, set()).add(occupant.state)
        running = runtime.running.get(occupant.target.variant_id)
        if running is not None:
            labels = (model, running.backend.name)
            up[labels] = max(up.get(labels, 0.0), float(occupant.state is BackendState.READY))
        if occupant.pressure is not None and occupant.state is BackendState.READY:
            which, said = (model, occupant.target.variant_id.partition(":")[2]), occupant.pressure
            yield "gateway_engine_running_requests", which, said.running
            yield "gateway_engine_waiting_requests", which, said.waiting
            yield "gateway_engine_cache_usage_ratio", which, said.cache_usage
            yield "gateway_engine_slots", which, occupant.slots
    for labels, value in up.items():
        yield "gateway_backend_up", labels, value
    for model in phases.keys() | queued.keys():
        yield "gateway_inflight_requests", (model,), in_flight[model]
        yield "gateway_queued_requests", (model,), queued[model]
        yield "gateway_model_demand", (model,), in_flight[model] + queued[model]
        for phase in _PHASES:
            yield "gateway_model_phase", (model, phase.value), float(phase in phases.get(model, ()))
    for device in devices(runtime):
        free = device.usable_bytes - device.reserved_bytes
        for kind, value in (
            ("total", device.total_bytes),
            ("foreign", device.foreign_bytes),
            ("reserved", device.reserved_bytes),
            ("free", max(0, free)),
        ):
            yield "gateway_memory_bytes", (device.id, kind), value
