"""Each fault of a provider has one documented outcome, over real sockets: one answer, exactly so many attempts, and
what becomes of the money. The table is that of ``docs/cloud.md``.
"""

import asyncio

import pytest

from gateway.errors import TABLE
from tests.fakes.asking import Told
from tests.fakes.cloud import Script, answer, chunk, completion, events
from tests.fakes.outside import KEYS, Outside, outside
from tests.faults.cloud_cases import BREAKS, CASES, EITHER, Case, Mode, Row
from tests.tree import text

FINE: dict[Mode, Script] = {"plain": answer(completion()), "stream": events(chunk("Hel"), chunk("lo", "stop"))}
ALL = [
    pytest.param(case, mode, id=f"{case.fault}{case.note and f' ({case.note})'}, {mode}")
    for case in CASES
    for mode in case.modes
]
AT_ONCE = 5
"""So many failures in a row, and a provider rests."""


def told_by(told: Told, case: Case) -> bool:
    """It is the answer that the table promises, and says nothing that only the provider and we may know."""
    assert told.status == case.status, told.body
    row = next(row for row in TABLE.values() if (row.status, row.code) == (case.status, case.code))
    shown = told.body.decode()
    assert not [secret for secret in (*KEYS.values(), "<html", "canary-prompt") if secret in shown]
    assert told.headers["content-type"] == "application/json", "nothing had begun"
    assert (told.error["code"], told.error["type"]) == (case.code, row.openai_type)
    return True


def served(told: Told) -> bool:
    return told.status == 200 and b'"error"' not in told.body and told.headers["x-forebay-backend"] == "near"


async def left_alone(world: Outside, *, stream: bool) -> bool:
    """The provider rests: it is not asked."""
    before = world.attempts.copy()
    told = await world.ask(stream=stream)
    assert (told.status, told.error["code"]) == (503, "no_capacity")
    assert int(told.headers["retry-after"]) > 0
    return world.attempts == before


async def again(world: Outside, case: Case, *, stream: bool) -> None:
    """So often that a provider which is blamed has failed as often as it may."""
    for told in await asyncio.gather(*(world.ask(stream=stream) for _ in range(AT_ONCE - 2))):
        assert told_by(told, case)


@pytest.mark.parametrize(("case", "mode"), ALL)
async def test_a_fault_has_one_outcome(case: Case, mode: Mode) -> None:
    stream = mode == "stream"
    outcome = next(row.outcome for row in TABLE.values() if (row.status, row.code) == (case.status, case.code))
    async with outside(case.script, near=(FINE[mode],), connect_seconds=case.connect_seconds) as world:
        case.begin(world)
        assert told_by(await world.ask(stream=stream), case)
        assert world.attempts == {"far": 1}, "nothing is sent twice"
        assert world.far.proxy.requests <= 1
        await world.booked(case.money)
        await world.counted(**{outcome: 1})

        second = await world.ask("both", stream=stream)
        asked = 1 if case.against == "rests" else 2
        assert served(second) if case.passes_on else told_by(second, case)
        assert world.attempts == {"far": asked} | ({"near": 1} if case.passes_on else {})
        await world.booked(*[case.money] * asked)
        if case.heavy:
            return
        if case.against == "rests":
            assert await left_alone(world, stream=stream)
            return
        await again(world, case, stream=stream)
        assert world.attempts["far"] == AT_ONCE
        await world.booked(*[case.money] * AT_ONCE)
        if case.against == "yes":
            assert await left_alone(world, stream=stream)
        else:
            assert told_by(await world.ask(stream=stream), case), "it is as good as before"


def documented() -> dict[str, Row]:
    """The table of the page, by its first column."""
    page = text("docs/cloud.md").partition("## What each fault becomes")[2].partition("\n## ")[0]
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in page.splitlines() if line[:2] == "| "
    ]
    return {name: (client, further, money, against) for name, client, further, money, against in rows[2:]}


def test_the_page_says_what_is_tested() -> None:
    tested: dict[str, Row] = {}
    for each in (*CASES, *BREAKS):
        assert tested.setdefault(each.fault, each.row) == each.row, f"one outcome: {each.fault}"
    assert documented() == tested


def test_both_kinds_of_requests_meet_every_fault() -> None:
    met = {fault: {mode for case in CASES if case.fault == fault for mode in case.modes} for fault in documented()}
    assert not [fault for fault, modes in met.items() if modes not in ({*EITHER}, set())]
