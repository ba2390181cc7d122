"""Affinity over many keys and any loads: balanced within its bound, stable when engines come and go, and kept by
conversations while the load allows it."""

import json
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.affinity import Standing, most, preferred, prefix_key

KEYS = [prefix_key("k", json.dumps([{"role": "user", "content": f"question {n}"}]).encode()) for n in range(2000)]
NAMES = [f"qwen3-32b:fp8#{n}" for n in range(2, 10)]


def idle(count: int) -> list[Standing]:
    return [Standing(name, 0, open=True) for name in NAMES[:count]]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.binary(min_size=8, max_size=8), st.data())
def test_nobody_is_preferred_beyond_the_bound_and_all_are_named_once(loads, key, data):
    open_ = data.draw(st.lists(st.booleans(), min_size=len(loads), max_size=len(loads)))
    there = [Standing(NAMES[n], load, takes) for n, (load, takes) in enumerate(zip(loads, open_, strict=True))]
    order = preferred(key, there)
    assert sorted(order) == sorted(each.id for each in there)
    by_name = {each.id: each for each in there}
    takers = [by_name[name].open for name in order]
    assert takers == sorted(takers, reverse=True), "who takes nothing is last"
    bound = most(sum(loads), len(loads))
    if any(each.open and each.load <= bound for each in there):
        assert by_name[order[0]].load <= bound


@given(st.integers(2, 8), st.randoms(use_true_random=False))
def test_requests_that_stay_are_spread_within_the_bound(count, chance):
    loads = Counter(dict.fromkeys(NAMES[:count], 0))
    running: list[str] = []
    for key in chance.sample(KEYS, 300):
        there = [Standing(name, load, open=True) for name, load in loads.items()]
        chosen = preferred(key, there)[0]
        assert loads[chosen] <= most(sum(loads.values()), count)
        loads[chosen] += 1
        running.append(chosen)
        while len(running) > 6 * count:
            loads[running.pop(chance.randrange(len(running)))] -= 1


def test_idle_engines_get_equal_parts_of_the_keys():
    for count in (2, 3, 4, 8):
        got = Counter(preferred(key, idle(count))[0] for key in KEYS)
        assert len(got) == count
        assert max(got.values()) < 1.25 * len(KEYS) / count
        assert min(got.values()) > 0.75 * len(KEYS) / count


def test_one_more_engine_takes_its_part_and_moves_nothing_else():
    for count in (1, 2, 3, 4, 7):
        before = [preferred(key, idle(count))[0] for key in KEYS]
        after = [preferred(key, idle(count + 1))[0] for key in KEYS]
        moved = [new for old, new in zip(before, after, strict=True) if old != new]
        assert set(moved) == {NAMES[count]}, "only to the new one"
        assert abs(len(moved) / len(KEYS) - 1 / (count + 1)) < 0.05


def test_conversations_find_their_cache():
    """Forty conversations, four engines, sixteen requests at once, turn after turn in any order."""
    chance = random.Random(7)
    turns: list[list[dict[str, str]]] = [[{"role": "system", "content": "be brief " * 400}] for _ in range(40)]
    loads = Counter(dict.fromkeys(NAMES[:4], 0))
    seen: dict[int, set[str]] = {}
    running: list[str] = []
    again = hits = 0
    for step in range(1200):
        number = chance.randrange(40)
        turns[number].append({"role": "user", "content": f"{number}: {step}?"})
        key = prefix_key("k", json.dumps(turns[number]).encode())
        chosen = preferred(key, [Standing(name, load, open=True) for name, load in loads.items()])[0]
        if number in seen:
            again += 1
            hits += chosen in seen[number]
        seen.setdefault(number, set()).add(chosen)
        turns[number].append({"role": "assistant", "content": "so"})
        loads[chosen] += 1
        running.append(chosen)
        if len(running) > 16:
            loads[running.pop(chance.randrange(16))] -= 1
    assert again > 1000
    assert hits / again > 0.9
