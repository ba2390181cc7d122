"""Names to routes, once a name; what a candidate carries for the scheduler and the request."""

import msgspec
import pytest
from msgspec import Raw

from backends.contract import Task
from backends.errors import BackendError, Cause
from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.vllm.args import VllmArgs
from gateway.catalog.catalog import build_catalog
from gateway.catalog.profile import Defaults, Footprint, Limits, Variant
from gateway.routing import table as table_module
from gateway.routing.table import RouteTable, variant_id
from gateway.scheduling.footprint import Footprints
from tests.unit.gateway.routing.stage import profile, variant

GIB = 1 << 30
FULL = Variant(
    name="q8",
    engine=LlamaCppArgs(slots=3),
    footprint=Footprint(weights_bytes=1000, kv_bytes=20, compute_bytes=3, host_bytes=4, load_seconds=7.0),
    idle_unload_seconds=60.0,
    pin=True,
)


def table(tmp_path, *profiles, fits=lambda _: True) -> RouteTable:
    return RouteTable(build_catalog({p.id: p for p in profiles}, {}, "1"), Footprints(), fits)


def test_a_route_in_the_profiles_order(tmp_path):
    alpha = profile("alpha", FULL, variant("q4"), to="beta", when=(Cause.CANNOT_FIT,), aliases=("a-*",))
    routes = table(tmp_path, alpha, profile("beta", variant("q8")))
    route = routes.route("alpha")
    assert [c.target.variant_id for c in route.candidates] == ["alpha:q8", "alpha:q4"]
    assert [rule.to for rule in route.fallbacks] == ["beta"]
    assert routes.route("alpha") is route
    assert routes.route("a-b").profile is alpha


def test_a_variant_by_name_stands_alone(tmp_path):
    alpha = profile("alpha", FULL, variant("q4"), to="beta", when=(Cause.CANNOT_FIT,))
    route = table(tmp_path, alpha, profile("beta", FULL)).route("alpha:q4")
    assert [c.target.variant_id for c in route.candidates] == ["alpha:q4"]
    assert route.fallbacks == ()
    assert variant_id("alpha", FULL) == "alpha:q8"


def test_what_the_scheduler_has_to_know(tmp_path):
    target = table(tmp_path, profile("alpha", FULL)).route("alpha").candidates[0].target
    assert (target.profile_id, target.device_bytes, target.host_bytes, target.slots) == ("alpha", 1023, 4, 3)
    assert (target.load_seconds, target.idle_unload_seconds, target.pin, target.managed) == (7.0, 60.0, True, True)


def test_cards_of_a_split_each_have_what_work_takes(tmp_path):
    footprint = Footprint(weights_bytes=10 * GIB, kv_bytes=GIB, compute_bytes=3 * GIB)
    spread = Variant(name="v", engine=VllmArgs(architecture="X"), footprint=footprint, split=4)
    small = Variant(name="q", engine=LlamaCppArgs(), footprint=Footprint(weights_bytes=1, compute_bytes=1), split=2)
    found = [c.target for c in table(tmp_path, profile("alpha", spread, small)).route("alpha").candidates]
    assert [(t.split_overhead_bytes, t.split_evenly) for t in found] == [(3 * GIB, True), (GIB // 2, False)]


def test_a_measurement_above_the_profile_counts(tmp_path):
    routes = table(tmp_path, profile("alpha", FULL))
    routes._footprints.note("alpha:q8", FULL, 5000, device="card")
    assert routes.route("alpha").candidates[0].target.device_bytes == 5000


def test_a_server_of_somebody_else_takes_no_memory_of_ours(tmp_path):
    foreign = Variant(
        name="there", engine=ExternalArgs(url="http://localhost:9"), footprint=Footprint(weights_bytes=1000)
    )
    target = table(tmp_path, profile("alpha", foreign)).route("alpha").candidates[0].target
    assert (target.managed, target.device_bytes) == (False, 0)


@pytest.mark.parametrize(
    ("defaults", "most", "encoded"),
    [
        (Defaults(), None, {}),
        (Defaults(temperature=0.5, top_k=3), None, {"temperature": 0.5, "top_k": 3}),
        (Defaults(), 100, {"max_tokens": 100}),
        (Defaults(max_tokens=50), 100, {"max_tokens": 50}),
        (Defaults(max_tokens=500), 100, {"max_tokens": 100}),
        (Defaults(max_tokens=500), None, {"max_tokens": 500}),
    ],
)
def test_defaults_of_the_profile_under_its_cap(tmp_path, defaults, most, encoded):
    made = profile("alpha", FULL, defaults=defaults, limits=Limits(max_output_tokens=most))
    carried = table(tmp_path, made).route("alpha").candidates[0].defaults
    assert all(isinstance(value, Raw) for value in carried.values())
    assert msgspec.json.decode(msgspec.json.encode(carried)) == encoded


def test_unknown_names_are_refused_and_cost_no_memory(tmp_path):
    routes = table(tmp_path, profile("alpha", FULL))
    for number in range(100):
        with pytest.raises(BackendError) as caught:
            routes.route(f"alpha{number}")
        assert caught.value.cause is Cause.NOT_FOUND
    assert routes._routes == {}


def test_names_under_a_wildcard_are_kept_up_to_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "_MOST_NAMES", 5)
    routes = table(tmp_path, profile("alpha", FULL, aliases=("a-*",)))
    for number in range(20):
        assert routes.route(f"a-{number}").profile.id == "alpha"
    assert len(routes._routes) == 5


def test_a_selector_asks_the_machine_each_time(tmp_path):
    fitting = ["q8"]
    routes = table(
        tmp_path, profile("alpha", FULL, tier="A"), profile("beta", variant("q4"), tier="B"),
        fits=lambda each: each.name in fitting,
    )  # fmt: skip
    assert routes.route("auto:chat").profile.id == "alpha"
    fitting[:] = ["q4"]
    assert routes.route("auto:chat").profile.id == "beta"
    assert Task.CHAT in routes.route("auto:chat").profile.tasks
