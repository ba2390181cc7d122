"""Who hangs and who is only slow. Times are handed in."""

import asyncio

from gateway.scheduling.watchdog import Watchdog
from tests.fakes.launcher import FakeRunning
from tests.fakes.runtime_stage import turns, until


async def test_an_engine_that_answers_is_asked_again_after_a_while() -> None:
    watchdog, engine = Watchdog(10, 60), FakeRunning("a")
    engines = {"a": engine}
    for now in (0, 5, 9.9):
        assert watchdog.look(engines, now) == []
    await turns()
    assert engine.fake.asked == 0
    assert watchdog.look(engines, 10) == []
    await until(lambda: engine.fake.asked == 1)
    await turns()
    assert watchdog.look(engines, 1000) == [], "the answer has come, however late anybody looks"
    assert watchdog.look(engines, 1009) == []
    await turns()
    assert engine.fake.asked == 1
    assert watchdog.look(engines, 1010) == []
    await until(lambda: engine.fake.asked == 2)


async def test_silence_is_death_once_and_only_after_its_patience() -> None:
    watchdog, engine = Watchdog(10, 60), FakeRunning("a")
    engine.fake.healthy = False
    assert watchdog.look({"a": engine}, 0) == []
    assert watchdog.look({"a": engine}, 10) == []
    await until(lambda: engine.fake.asked == 1)
    assert watchdog.look({"a": engine}, 69) == []
    assert watchdog.look({"a": engine}, 70) == ["a"]
    assert watchdog.look({}, 71) == []


async def test_an_answer_to_a_later_question_saves_it(monkeypatch) -> None:
    monkeypatch.setattr("gateway.scheduling.watchdog._PAUSE", 0.0)
    watchdog, engine = Watchdog(10, 60), FakeRunning("a")
    engine.fake.healthy = False
    watchdog.look({"a": engine}, 0)
    watchdog.look({"a": engine}, 10)
    await until(lambda: engine.fake.asked > 3)
    engine.fake.healthy = True
    await turns()
    assert watchdog.look({"a": engine}, 500) == []


async def test_a_successor_starts_anew_and_nobody_asks_for_the_dead() -> None:
    watchdog, old, new = Watchdog(10, 60), FakeRunning("a"), FakeRunning("a")
    old.fake.healthy = False
    watchdog.look({"a": old}, 0)
    watchdog.look({"a": old}, 10)
    await until(lambda: old.fake.asked == 1)
    before = asyncio.all_tasks()
    assert watchdog.look({"a": new}, 80) == [], "the silence was the old one's"
    await turns()
    assert len(asyncio.all_tasks()) == len(before) - 1
    watchdog.look({"a": new}, 90)
    watchdog.close()
    await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}
