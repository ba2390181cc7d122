"""The types between gateway and engines: defaults that promises rest on, and data that cannot change."""

from pathlib import Path

import msgspec
import pytest

from backends.contract import (
    BackendState,
    Call,
    DeviceShare,
    Health,
    LaunchPlan,
    LaunchRequest,
    MemoryReport,
    Task,
)

REQUEST = LaunchRequest(
    variant_id="m:q8", served_name="m", weights=(Path("a"),), shares=(DeviceShare("cpu", 5),), run_dir=Path("r"),
    slots=2, context_tokens=512,
)  # fmt: skip
PLAN = LaunchPlan(argv=("serve",), env={}, socket=Path("s"), cwd=Path("c"))


def test_a_call_is_a_plain_post_of_json_with_bounds_on_every_wait() -> None:
    call = Call(path="/v1/x", body=b"{}")
    assert (call.method, call.content_type, call.stream, call.terminator) == (
        "POST", "application/json", False, b"[DONE]",
    )  # fmt: skip
    assert 0 < call.idle_timeout < call.first_event_timeout < call.answer_timeout


def test_a_plan_has_a_deadline_a_grace_and_a_way_to_ask() -> None:
    assert (PLAN.start_timeout > 0, PLAN.stop_grace > 0, PLAN.ready_path) == (True, True, "/health")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (Call(path="/", body=b""), "body"),
        (PLAN, "argv"),
        (REQUEST, "run_dir"),
        (Health(ready=True), "ready"),
        (DeviceShare("cpu", 1), "bytes"),
        (MemoryReport(device_bytes=1, host_bytes=2), "device_bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_that_crosses_a_boundary_cannot_change(value: msgspec.Struct, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(value, field, None)


def test_a_share_is_a_device_and_bytes_by_position() -> None:
    assert DeviceShare("gpu0", 7) == DeviceShare(device_id="gpu0", bytes=7) != DeviceShare("gpu1", 7)


@pytest.mark.parametrize("kind", [Task, BackendState])
def test_names_on_the_wire_are_the_lower_case_names_of_the_members(kind: type[Task] | type[BackendState]) -> None:
    for member in kind:
        assert member.value == member.name.lower()
        assert msgspec.json.decode(msgspec.json.encode(member), type=kind) is member
