"""Who starts on a card, and who waits: by turns of the loop, without a clock."""

import asyncio

import pytest

from gateway.scheduling.device import HOST
from gateway.scheduling.turns import Turns
from tests.fakes.runtime_stage import turns


class Starts:
    """Starts that last until they are let go; ``log`` is the order in which they began."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.log: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.over: dict[str, asyncio.Event] = {}

    def begin(self, name: str, *devices: str) -> None:
        self.over[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._start(name, devices))

    async def _start(self, name: str, devices: tuple[str, ...]) -> None:
        async with self.turns.on(devices):
            self.log.append(name)
            await self.over[name].wait()

    async def end(self, name: str) -> None:
        self.over[name].set()
        await self.tasks[name]
        await turns()


async def test_one_after_the_other_in_order_of_arrival() -> None:
    starts = Starts()
    for name in "abc":
        starts.begin(name, "gpu0", HOST)
    await turns()
    assert starts.log == ["a"]
    await starts.end("a")
    assert starts.log == ["a", "b"]
    await starts.end("b")
    assert starts.log == ["a", "b", "c"]
    await starts.end("c")


async def test_other_cards_and_host_ram_have_nothing_to_wait_for() -> None:
    starts = Starts()
    for name, device in (("a", "gpu0"), ("b", "gpu1"), ("c", HOST), ("d", HOST)):
        starts.begin(name, device)
    await turns()
    assert starts.log == ["a", "b", "c", "d"]
    for name in "abcd":
        await starts.end(name)


async def test_several_cards_named_in_any_order_never_block_each_other_for_good() -> None:
    starts = Starts()
    starts.begin("a", "gpu1", "gpu0")
    starts.begin("b", "gpu0", "gpu1")
    starts.begin("c", "gpu1", "gpu0", "gpu0")
    starts.begin("d", "gpu2", "gpu1")
    async with asyncio.timeout(20):
        for name in "abcd":
            starts.over[name].set()
        await asyncio.gather(*starts.tasks.values())
    assert sorted(starts.log) == list("abcd")
    assert starts.log.index("a") < starts.log.index("b") < starts.log.index("c")


async def test_who_gives_up_its_place_holds_nobody_up() -> None:
    starts = Starts()
    starts.begin("a", "gpu0")
    starts.begin("b", "gpu0", "gpu1")
    starts.begin("c", "gpu0", "gpu1")
    await turns()
    starts.tasks["b"].cancel()
    await asyncio.gather(starts.tasks["b"], return_exceptions=True)
    await starts.end("a")
    assert starts.log == ["a", "c"]
    starts.tasks["c"].cancel()
    await asyncio.gather(starts.tasks["c"], return_exceptions=True)
    starts.begin("d", "gpu1", "gpu0")
    await turns()
    assert starts.log == ["a", "c", "d"], "also one that is ended in the middle of its start"
    await starts.end("d")


async def test_a_start_that_fails_ends_its_turn() -> None:
    each = Turns()
    with pytest.raises(OSError, match="broken"):
        async with each.on(("gpu0",)):
            raise OSError("broken")
    async with asyncio.timeout(20), each.on(("gpu0",)):
        pass
