"""Who hangs and who is only slow. Times are handed in."""

import asyncio

import pytest

from gateway.scheduling.watchdog import GRACE, Watchdog
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


async def frozen_for(silence: float, *, at: float, heard_late: float) -> float:
    """Seconds from the freeze until it is found, by looks a second apart. Until then it answers at once, and for
    ``heard_late`` more its canary still counts as an answer."""
    watchdog, engine, now = Watchdog.within(silence), FakeRunning("a"), 0.0
    while True:
        now += 1.0
        engine.fake.healthy = now < at + heard_late
        if watchdog.look({"a": engine}, now):
            return now - at
        await turns()  # whoever is asked answers between two looks


@pytest.mark.parametrize("silence", [15.0, 20.0, 30.0, 60.0, 300.0])
@pytest.mark.parametrize("heard_late", [0.0, 5.0])
async def test_a_frozen_engine_is_found_within_the_longest_silence_and_two_seconds(
    silence: float, heard_late: float
) -> None:
    after = [await frozen_for(silence, at=100 + tenth / 10, heard_late=heard_late) for tenth in range(0, 130, 7)]
    assert max(after) <= silence + GRACE
    assert min(after) >= silence / 3


@pytest.mark.parametrize("silence", [1.0, 5.0, 10.0, 60.0])
async def test_who_answers_after_five_seconds_is_busy_however_short_the_silence(silence: float, monkeypatch) -> None:
    monkeypatch.setattr("gateway.scheduling.watchdog._PAUSE", 0.0)
    watchdog, engine = Watchdog.within(silence), FakeRunning("a")
    asked_at: int | None = None
    for now in range(60):
        engine.fake.healthy = asked_at is not None and now >= asked_at + 5
        assert watchdog.look({"a": engine}, float(now)) == []
        await turns()
        if engine.fake.asked:
            asked_at = None if engine.fake.healthy else now if asked_at is None else asked_at
            engine.fake.asked = 0
    watchdog.close()


async def test_who_is_left_is_asked_nothing_more_until_it_is_seen_again() -> None:
    watchdog, engine = Watchdog(10, 60), FakeRunning("a")
    engine.fake.healthy = False
    watchdog.leave("a")
    watchdog.look({"a": engine}, 0)
    watchdog.look({"a": engine}, 10)
    await until(lambda: engine.fake.asked == 1)
    watchdog.leave("a")
    await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert watchdog.look({"a": engine}, 75) == [], "it was left, and begins anew"
    watchdog.close()
