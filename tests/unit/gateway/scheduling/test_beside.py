"""Questions that take no slot, and an engine that is about to sleep: through the runtime."""

import asyncio

import pytest

from backends.contract import BackendState, Call
from backends.errors import BackendError, Cause
from gateway.scheduling.beside import Beside
from tests.fakes.effects import bed, model
from tests.fakes.launcher import FakeBackend, FakeRunning
from tests.fakes.runtime_stage import RuntimeStage, turns, until
from tests.unit.gateway.scheduling.test_runtime_sleep import CARD, use

CALL = Call(path="/v1/messages/count_tokens", body=b"{}")
A = model("a", 10, sleep=bed(10))
B = model("b", 10, sleep=bed(10))


class Question:
    """One that is under way until it is let go."""

    def __init__(self, engine: FakeRunning) -> None:
        self.engine = engine
        self.over = asyncio.Event()
        self.cut = False
        engine.fake.replies = self._answer

    async def _answer(self, call: Call):
        assert not self.engine.asleep, "it would hang"
        await self.over.wait()
        self.cut = self.engine.asleep
        raise BackendError(Cause.INVALID_REQUEST, "an answer")


async def asked(stage: RuntimeStage) -> tuple[Question, "asyncio.Task[object]"]:
    question = Question(stage.engine(A))
    backend = stage.runtime.ready("a")
    assert backend is not None
    task = asyncio.create_task(backend.open(CALL))
    await turns()
    return question, task


async def stage_with_a() -> RuntimeStage:
    stage = RuntimeStage(at_once=True)
    stage.runtime.scheduler.on_inventory(CARD)
    await use(stage, A)
    return stage


async def test_a_sleep_waits_for_a_question_and_takes_no_new_one() -> None:
    stage = await stage_with_a()
    late = stage.runtime.ready("a")
    question, task = await asked(stage)
    other = asyncio.create_task(use(stage, B))
    await turns()
    assert stage.state(A) is BackendState.STOPPING
    assert not stage.engine(A).asleep
    assert stage.runtime.ready("a") is None
    assert late is not None
    with pytest.raises(BackendError) as refused:
        async with asyncio.timeout(20):
            await late.open(CALL)
    assert refused.value.cause is Cause.UPSTREAM_CONNECT
    question.over.set()
    await other
    assert stage.engine(A).asleep
    assert not question.cut
    with pytest.raises(BackendError, match="an answer"):
        await task
    await stage.runtime.aclose()


async def test_who_is_asked_after_waking_answers_again() -> None:
    stage = await stage_with_a()
    await use(stage, B)
    assert stage.runtime.ready("a") is None
    await use(stage, A)
    question, task = await asked(stage)
    question.over.set()
    with pytest.raises(BackendError, match="an answer"):
        await task
    await stage.runtime.aclose()


async def test_a_question_that_is_given_up_holds_no_sleep_up() -> None:
    stage = await stage_with_a()
    _, task = await asked(stage)
    other = asyncio.create_task(use(stage, B))
    await turns()
    assert not other.done()
    task.cancel()
    await other
    assert stage.engine(A).depths == ["light"]
    await stage.runtime.aclose()


async def test_an_engine_that_answers_no_question_is_stopped_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.scheduling.engine_tasks._QUESTION_SECONDS", 0.0)
    stage = await stage_with_a()
    question, task = await asked(stage)
    await use(stage, B)
    assert (stage.state(A), stage.engine(A).stops, stage.engine(A).depths) == (None, 1, [])
    question.over.set()
    await asyncio.gather(task, return_exceptions=True)
    await stage.runtime.aclose()


async def test_the_engines_connections_are_not_closed_by_who_asks() -> None:
    backend = FakeBackend()
    beside = Beside(backend)
    assert (beside.name, (await beside.health()).ready) == ("fake", True)
    await beside.aclose()
    await until(lambda: backend.asked == 1)
