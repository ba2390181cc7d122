"""What would happen now, candidate by candidate; asking changes nothing."""

import pytest

from backends.errors import Cause
from gateway.routing.explain import explain
from tests.fakes.effects import NO_HEADROOM
from tests.unit.gateway.routing.stage import error, profile, variant


def explained(here, name: str = "alpha"):
    return explain(here.table.route(name), here.runtime, here.launcher.missing, NO_HEADROOM)


def words(here, name: str = "alpha") -> list[str]:
    return [view.decision for view in explained(here, name).candidates]


async def test_nothing_is_loaded_by_asking(stage):
    here = stage(profile("alpha", variant("q8", 4.0), variant("huge", 99.0), to="beta", when=(Cause.CANNOT_FIT,)))
    found = explained(here)
    assert (found.model, found.serves, found.fallbacks) == ("alpha", "q8", ["cannot_fit -> beta"])
    assert words(here) == ["load", "refuse"]
    view = found.candidates[0]
    assert (view.variant, view.engine, view.weights_bytes, view.available) == ("q8", "llama_cpp", 4 << 30, True)
    assert view.device_bytes == view.weights_bytes + view.kv_bytes + view.compute_bytes
    assert view.why
    assert here.launcher.begun == []
    here.nothing_held()


async def test_the_arithmetic_comes_with_it_and_a_measurement_replaces_what_it_comes_to(stage):
    here = stage(profile("alpha", variant("q8", 4.0)))
    view = explained(here).candidates[0]
    assert (view.source, view.measured_at) == ("declared", "")
    assert sum(term.bytes for term in view.terms) == view.device_bytes == 4 << 30
    here.footprints.note("alpha:q8", here.table.route("alpha").candidates[0].variant, 5 << 30, device="card")
    here.table.forget()
    view = explained(here).candidates[0]
    assert (view.source, view.device_bytes, view.weights_bytes) == ("measured", 5 << 30, 4 << 30)
    assert view.measured_at


async def test_what_is_in_memory_serves_or_is_joined(stage):
    here = stage(profile("alpha", variant("q8")))
    opened = await here.open("alpha")
    assert words(here) == ["join"]
    opened.close()
    assert words(here) == ["serve"]


async def test_a_full_machine_makes_wait(stage):
    here = stage(profile("alpha", variant("q8", 8.0)), profile("beta", variant("q8", 8.0)))
    opened = await here.open("beta")
    assert words(here) == ["wait"]
    opened.close()
    assert words(here) == ["load"], "what is idle makes room"


async def test_what_this_machine_lacks(stage):
    here = stage(profile("alpha", variant("q8"), variant("q4"), variant("huge", 99.0)))
    for name in ("alpha:q8", "alpha:huge"):
        here.launcher.lacks[name] = error(Cause.LOAD_FAILED, "run: forebay pull alpha")
    found = explained(here)
    assert [view.available for view in found.candidates] == [False, True, False]
    assert found.serves == "q4"
    assert found.candidates[0].why == "run: forebay pull alpha"
    assert "pull" not in found.candidates[2].why, "fetching would not make it fit"


async def test_what_is_cooling_down_is_refused_for_now(stage):
    here = stage(profile("alpha", variant("q8")))
    here.launcher.refuses["alpha:q8"] = error(Cause.LOAD_FAILED, "it stopped while loading")
    await here.failing("alpha")
    found = explained(here)
    assert (found.serves, found.candidates[0].decision) == (None, "refuse")
    here.clock.now += 3600
    assert explained(here).serves == "q8"


@pytest.mark.parametrize("name", ["alpha", "alpha:q8"])
async def test_without_a_policy_the_usual_one_holds(stage, name):
    here = stage(profile("alpha", variant("q8")))
    assert explain(here.table.route(name), here.runtime, here.launcher.missing).serves == "q8"
