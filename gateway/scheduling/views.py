"""What operators see of the scheduler: residents, devices, queue. Read-only snapshots in plain words and numbers."""

from datetime import datetime, timedelta

from msgspec import Struct

from backends.contract import BackendState, Pressure
from gateway.scheduling.occupants import Occupant
from gateway.scheduling.policy import Policy
from gateway.scheduling.replica import base_of, number_of
from gateway.scheduling.runtime import Runtime
from gateway.telemetry.redact import redact


class ResidentView(Struct, frozen=True, kw_only=True):
    """One variant in memory or on its way. Seconds are ages. ``draining`` ends its requests and takes no more.

    ``waits_for`` names those whose memory it will get: until they have left, its bytes are only reserved. ``replica``
    is its number, where its variant may be there several times. ``takes``: requests it is given at once as things are,
    at most ``slots``; ``engine`` is what the engine says of its own load.
    """

    model: str
    variant: str
    replica: int
    state: str
    device_bytes: int
    devices: list[str]
    in_flight: int
    slots: int
    takes: int
    engine: Pressure | None
    queued: int
    pinned: bool
    waits_for: list[str]
    pid: int | None
    state_seconds: float
    idle_seconds: float
    log_tail: str


class DeviceView(Struct, frozen=True, kw_only=True):
    """Bytes of one device; ``usable`` leaves out head-room and what other programs hold."""

    id: str
    name: str
    healthy: bool
    total_bytes: int
    foreign_bytes: int
    reserved_bytes: int
    usable_bytes: int


class QueueView(Struct, frozen=True, kw_only=True):
    """One waiting request, in order of arrival. ``predicted_wait`` is in seconds from now; ``why`` it waits."""

    model: str
    variant: str
    key: str
    priority: str
    waited: float
    predicted_wait: float
    why: str
    request: str


class DecisionView(Struct, frozen=True, kw_only=True):
    """One decision: what was done for whom, and why. ``at`` in UTC, ``waited`` in seconds; ``leavers`` made room."""

    at: str
    decision: str
    model: str
    variant: str
    why: str
    leavers: list[str]
    waited: float | None
    request: str


def decisions(runtime: Runtime, now: float, wall: datetime) -> list[DecisionView]:
    """The last thousand, newest first. ``now`` and ``wall`` are the same moment on both clocks."""
    return [
        DecisionView(
            at=(wall - timedelta(seconds=now - entry.at)).isoformat(timespec="milliseconds"),
            decision=entry.kind,
            model=entry.model,
            variant=entry.variant_id.partition(":")[2],
            why=entry.why,
            leavers=list(entry.leavers),
            waited=None if entry.waited is None else round(entry.waited, 3),
            request=entry.request,
        )
        for entry in reversed(tuple(runtime.scheduler.journal))
    ]


def residents(runtime: Runtime, now: float) -> list[ResidentView]:
    """Everything that occupies memory."""
    queue = runtime.scheduler.queue
    views: list[ResidentView] = []
    for occupant in runtime.scheduler.occupants:
        target = occupant.target
        running = runtime.running.get(target.variant_id)
        views.append(
            ResidentView(
                model=target.profile_id,
                variant=base_of(target.variant_id).partition(":")[2],
                replica=number_of(target.variant_id) or 1,
                state="draining" if _drains(occupant) else occupant.state.value,
                device_bytes=sum(s.bytes for s in occupant.shares),
                devices=[s.device_id for s in occupant.shares],
                in_flight=occupant.in_flight,
                slots=target.slots,
                takes=occupant.slots,
                engine=occupant.pressure,
                queued=queue.count(target.variant_id),
                pinned=occupant.pinned,
                waits_for=sorted(occupant.awaiting),
                pid=None if running is None else running.pid,
                state_seconds=round(now - occupant.since, 3),
                idle_seconds=round(now - occupant.last_used, 3) if occupant.last_used and not occupant.in_flight else 0,
                log_tail="" if running is None else redact(running.log_tail()),
            )
        )
    return views


def _drains(occupant: Occupant) -> bool:
    return occupant.state is BackendState.READY and occupant.leave_when_idle is not None


def devices(runtime: Runtime, policy: Policy | None = None) -> list[DeviceView]:
    """The inventory with what is reserved on it."""
    rules = policy or runtime.scheduler.state.policy
    return [
        DeviceView(
            id=device.id,
            name=device.name,
            healthy=device.healthy,
            total_bytes=device.total_bytes,
            foreign_bytes=device.foreign_bytes,
            reserved_bytes=sum(
                s.bytes for o in runtime.scheduler.occupants for s in o.shares if s.device_id == device.id
            ),
            usable_bytes=rules.usable(device),
        )
        for device in runtime.scheduler.inventory.devices
    ]


def queued(runtime: Runtime, now: float) -> list[QueueView]:
    """Waiting requests in order of arrival."""
    scheduler = runtime.scheduler
    return [
        QueueView(
            model=ticket.target.profile_id,
            variant=ticket.target.variant_id.partition(":")[2],
            key=ticket.key,
            priority=ticket.priority.name.lower(),
            waited=round(now - ticket.enqueued, 3),
            predicted_wait=round(scheduler.forecast.left(ticket), 3),
            why=ticket.told,
            request=ticket.request,
        )
        for ticket in scheduler.queue
    ]
