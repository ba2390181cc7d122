"""An engine that answers with an error because it has died inside is ended, and the next one answers the request."""

from backends.errors import BackendError, Cause
from gateway.scheduling.suspicion import is_dead
from tests.unit.gateway.routing.stage import profile, variant


def failed() -> BackendError:
    return BackendError(Cause.UPSTREAM_ERROR, "the backend answered 500", upstream_status=500)


async def ready(stage):
    here = stage(profile("alpha", variant("q8")))
    await here.served("alpha")
    (engine,) = here.launcher.engines["alpha:q8"]
    engine.pid = 7
    return here, engine


async def test_a_dead_engine_is_ended_and_the_next_one_answers(stage):
    here, engine = await ready(stage)
    backend = here.backends["alpha:q8"]
    backend.healthy = False
    backend.says.append(failed())
    opened = await here.served("alpha")
    assert opened.candidate.variant.name == "q8"
    assert engine.kills == 1
    assert len(here.launcher.engines["alpha:q8"]) == 2


async def test_an_engine_that_is_well_is_left_alone_and_its_error_is_the_answer(stage):
    here, engine = await ready(stage)
    here.backends["alpha:q8"].says.append(failed())
    assert (await here.failing("alpha")).upstream_status == 500
    assert engine.kills == 0
    assert here.backends["alpha:q8"].asked == 1


async def test_only_a_servers_error_raises_suspicion(stage):
    here, engine = await ready(stage)
    backend = here.backends["alpha:q8"]
    backend.healthy = False
    backend.says.append(BackendError(Cause.INVALID_REQUEST, "no", upstream_status=400))
    assert (await here.failing("alpha")).cause is Cause.INVALID_REQUEST
    assert (engine.kills, backend.asked) == (0, 0)


async def test_a_server_of_others_is_never_ended(stage):
    here, engine = await ready(stage)
    engine.pid = None
    here.backends["alpha:q8"].healthy = False
    assert not await is_dead(here.runtime.engines, "alpha:q8", "alpha")
    assert engine.kills == 0


async def test_one_that_has_gone_by_now_is_dead(stage):
    here, _ = await ready(stage)
    assert await is_dead(here.runtime.engines, "alpha:q4", "alpha")
