"""One variant several times over: its routes, who of them gets a request, and servers of others that share one."""

import asyncio

import pytest
from msgspec import structs

from backends.contract import BackendState, Call, Pressure
from backends.errors import BackendError, Cause
from backends.external.args import ExternalArgs
from gateway.catalog.profile import Footprint, Variant
from gateway.routing.affinity import prefix_key
from gateway.routing.explain import explain
from gateway.routing.pick import Ask
from gateway.routing.replicas import count, nth
from gateway.scheduling.demand import Demand
from gateway.scheduling.policy import GIB
from tests.fakes.runtime_stage import until
from tests.unit.gateway.routing.stage import error, profile, variant

SERVERS = Variant(
    name="far",
    engine=ExternalArgs(urls=("https://a.example", "https://b.example", "https://c.example"), slots=4),
    footprint=Footprint(weights_bytes=0),
)


def twice(gib: float = 2.0, slots: int = 2, **fields) -> Variant:
    return structs.replace(variant("q8", gib=gib, slots=slots, **fields), replicas=2)


def ids(route) -> list[str]:
    return [candidate.target.variant_id for candidate in route.candidates]


def ask(number: int) -> Ask:
    return Ask(prefix=prefix_key("key", b"", str(number).encode()))


async def both_ready(here) -> None:
    """Each has answered once."""
    for name in ("alpha:q8", "alpha:q8#2"):
        await here.served(name)


def test_a_variant_has_as_many_engines_as_it_says():
    assert (count(variant("q8")), count(twice()), count(SERVERS)) == (1, 2, 3)
    assert nth(twice(), 2) == twice(), "of the same files"
    assert [nth(SERVERS, n).engine.url for n in (1, 2, 3)] == list(SERVERS.engine.urls)
    assert nth(SERVERS, 2).engine.urls == ()
    one = structs.replace(SERVERS, engine=ExternalArgs(url="https://a.example"))
    assert (count(one), nth(one, 1)) == (1, one)


def test_a_route_has_all_of_them_side_by_side(stage):
    here = stage(profile("alpha", twice(), variant("q4")), profile("beta", SERVERS))
    assert ids(here.table.route("alpha")) == ["alpha:q8", "alpha:q8#2", "alpha:q4"]
    assert ids(here.table.route("alpha:q8")) == ["alpha:q8", "alpha:q8#2"]
    assert [here.table.route(name).replicated for name in ("alpha", "alpha:q8", "alpha:q4")] == [True, True, False]
    assert ids(here.table.route("beta")) == ["beta:far", "beta:far#2", "beta:far#3"]
    assert not any(candidate.target.managed for candidate in here.table.route("beta").candidates)


def test_one_of_them_by_name(stage):
    here = stage(profile("alpha", twice(), variant("q4")), profile("beta", SERVERS))
    assert ids(here.table.route("alpha:q8#2")) == ["alpha:q8#2"]
    assert not here.table.route("alpha:q8#2").replicated
    assert here.table.route("beta:far#3").candidates[0].variant.engine.url == "https://c.example"
    for name in ("alpha:q8#3", "alpha:q8#0", "alpha:q8#1", "alpha:q8#02", "alpha:q4#2", "alpha#2", "alpha:q8#", "#2"):
        with pytest.raises(BackendError) as failure:
            here.table.route(name)
        assert failure.value.cause is Cause.NOT_FOUND, name


def test_they_share_what_is_known_of_their_memory_and_their_loads(stage):
    here = stage(profile("alpha", twice()))
    here.footprints.note("alpha:q8", here.catalog.profiles["alpha"].variants[0], 5 * GIB, device="cpu")
    here.footprints.note_load("alpha:q8", here.catalog.profiles["alpha"].variants[0], 77.0)
    targets = [candidate.target for candidate in here.table.route("alpha").candidates]
    assert {(target.device_bytes, target.load_seconds) for target in targets} == {(5 * GIB, 77.0)}
    sized = here.table.sized(here.table.route("alpha"), Demand(width=512, height=512))
    assert ids(sized) == ["alpha:q8", "alpha:q8#2"]
    assert sized.replicated


async def test_the_second_is_loaded_when_the_first_is_full(stage):
    here = stage(profile("alpha", twice()))
    opened = [await here.open("alpha") for _ in range(2)]
    assert here.launcher.begun == ["alpha:q8"]
    opened.append(await here.open("alpha"))
    assert here.launcher.begun == ["alpha:q8", "alpha:q8#2"]
    assert [each.lease.variant_id for each in opened] == ["alpha:q8"] * 2 + ["alpha:q8#2"]
    for each in opened:
        each.close()


async def test_a_conversation_stays_with_the_one_that_knows_it(stage):
    here = stage(profile("alpha", twice(slots=4)))
    await both_ready(here)
    chosen: dict[int, set[str]] = {}
    for number in (*range(20), *range(20)):
        opened = await here.open("alpha", ask=ask(number))
        chosen.setdefault(number, set()).add(opened.lease.variant_id)
        opened.close()
    assert {len(names) for names in chosen.values()} == {1}
    assert {name for names in chosen.values() for name in names} == {"alpha:q8", "alpha:q8#2"}


async def test_one_that_is_much_busier_than_the_other_gives_its_conversations_to_it(stage):
    here = stage(profile("alpha", twice(slots=8)))
    await both_ready(here)
    opened = [await here.open("alpha", ask=ask(1)) for _ in range(12)]
    got = [each.lease.variant_id for each in opened]
    assert got[:6] == [got[0]] * 6, "of up to six in all, six are no more than ceil(1.25 * 3) + 1 and one"
    assert abs(got.count("alpha:q8") - got.count("alpha:q8#2")) <= 4
    for each in opened:
        each.close()


async def test_what_one_of_them_was_measured_to_hold_keeps_nobody_from_the_other(stage):
    here = stage(profile("alpha", twice(slots=8)))
    await both_ready(here)
    own = (await here.served("alpha")).lease.variant_id
    here.footprints.note("alpha:q8", here.catalog.profiles["alpha"].variants[0], 3 * GIB, device="cpu", peak=True)
    here.table.forget()
    assert here.table.route("alpha").candidates[0].target.device_bytes == 3 * GIB
    assert (await here.served("alpha")).lease.variant_id == own


async def test_a_queue_in_an_engine_counts_as_its_load(stage):
    here = stage(profile("alpha", twice(slots=8)))
    await both_ready(here)
    own = await here.open("alpha", ask=ask(1))
    here.runtime.scheduler.on_pressure(own.lease.variant_id, Pressure(running=1, waiting=9))
    other = await here.open("alpha", ask=ask(1))
    assert other.lease.variant_id != own.lease.variant_id
    own.close()
    other.close()


async def test_one_that_fails_is_passed_over_and_not_blamed_on_the_other(stage):
    here = stage(profile("alpha", twice(slots=8)))
    await both_ready(here)
    own = (await here.served("alpha")).lease.variant_id
    here.backends[own].says.extend([error(Cause.UPSTREAM_ERROR)] * 5)
    for _ in range(5):
        assert (await here.served("alpha")).attempts == 2
    assert (await here.served("alpha")).attempts == 1, "its breaker is open: it is not even first"
    here.time.now += 15.0
    assert (await here.served("alpha")).lease.variant_id == own, "and it is tried again in its time"


async def test_an_engine_that_is_full_gives_its_request_to_the_other_at_once(stage):
    here = stage(profile("alpha", twice(slots=8)))
    await both_ready(here)
    own = (await here.served("alpha")).lease.variant_id
    here.backends[own].says.append(BackendError(Cause.NO_CAPACITY, "the backend answered 503", upstream_status=503))
    opened = await here.served("alpha")
    assert (opened.lease.variant_id != own, opened.attempts, here.slept) == (True, 2, [])


async def test_those_who_wait_stand_in_one_line_whichever_they_would_like_best(stage):
    here = stage(profile("alpha", twice(slots=1)))
    held = [await here.open("alpha") for _ in range(2)]
    waiting = [asyncio.create_task(here.open("alpha", ask=ask(number))) for number in range(6)]
    await until(lambda: len(here.runtime.scheduler.queue) == 6)
    assert len(here.runtime.scheduler.queue.lines()) == 1
    for each in held:
        each.close()
    for task in waiting:
        (await task).close()
    here.nothing_held()


async def test_each_of_the_servers_of_others_is_met_when_it_is_wanted(stage):
    here = stage(profile("beta", SERVERS))
    for number in range(30):
        opened = await here.open("beta", ask=ask(number))
        opened.close()
    assert sorted(here.launcher.begun) == ["beta:far", "beta:far#2", "beta:far#3"]
    assert min(here.called().values()) > 3


async def test_a_server_that_is_down_costs_one_attempt_and_leaves_the_others_alone(stage):
    here = stage(profile("beta", SERVERS))
    here.launcher.refuses["beta:far#2"] = BackendError(Cause.UPSTREAM_CONNECT, "nobody answers")
    attempts = []
    for number in range(30):
        opened = await here.open("beta", ask=ask(number))
        attempts.append(opened.attempts)
        opened.close()
    assert attempts.count(2) == 1
    assert set(here.called()) == {"beta:far", "beta:far#3"}


async def test_what_is_ready_goes_before_what_is_on_its_way_and_that_before_what_is_not_there(stage):
    here = stage(profile("alpha", structs.replace(variant("q8", slots=1), replicas=3), variant("q4")))
    order = here.dispatcher._order
    route = here.table.route("alpha")
    assert [c.target.variant_id for c in order.of(route, Ask())] == ids(route)
    await here.served("alpha:q8#3")
    here.launcher.at_once = False
    loading = asyncio.create_task(here.open("alpha:q8#2"))
    await until(lambda: here.launcher.is_loading("alpha:q8#2"))
    assert [c.target.variant_id for c in order.of(route, Ask())] == ["alpha:q8#3", "alpha:q8#2", "alpha:q8", "alpha:q4"]
    here.launcher.finish("alpha:q8#2")
    (await loading).close()
    outgrown = Ask(context_tokens=100_000)
    assert len(order.of(route, outgrown)) == 4


async def test_an_operator_unloads_all_and_sees_one_variant(stage):
    here = stage(profile("alpha", twice(slots=1), variant("q4")))
    held = [await here.open("alpha") for _ in range(2)]
    said = explain(here.table.route("alpha"), here.runtime, here.launcher.missing)
    assert [(view.variant, view.replicas, view.decision) for view in said.candidates] == [
        ("q8", 2, "join"),
        ("q4", 1, "load"),
    ]
    assert said.serves == "q8"
    for each in held:
        each.close()
    assert explain(here.table.route("alpha"), here.runtime, here.launcher.missing).candidates[0].decision == "serve"
    assert all(here.runtime.unload(name) for name in ids(here.table.route("alpha:q8")))
    await until(lambda: len(here.runtime.scheduler.occupants) == 0)


async def test_a_question_beside_the_slots_asks_one_that_is_there(stage):
    here = stage(profile("alpha", twice()))
    await here.served("alpha:q8#2")
    await here.dispatcher.ask(here.table.route("alpha"), lambda _: Call(path="/tokenize", body=b""), "key")
    assert len(here.backends["alpha:q8#2"].calls) == 2
    occupant = here.runtime.scheduler.occupants.get("alpha:q8#2")
    assert occupant is not None
    assert occupant.state is BackendState.READY
