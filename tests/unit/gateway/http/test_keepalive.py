"""Who has sent the head: the life signs or nobody yet. Exactly one of them does."""

import asyncio

from litestar.types import Message

from gateway.http.keepalive import KeepAlive

EVENT = b"data: {}\n\n"


class Client:
    """What came, and a door before the head that the test may keep shut."""

    def __init__(self) -> None:
        self.came: list[Message] = []
        self.door = asyncio.Event()
        self.door.set()
        self.changed = asyncio.Event()

    async def send(self, message: Message) -> None:
        await self.door.wait()
        self.came.append(message)
        self.changed.set()

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.came]


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_before_its_time_nothing_is_sent() -> None:
    client = Client()
    assert await KeepAlive(client.send, lambda: EVENT, after=60, every=60).stop() is False
    assert client.came == []


async def test_after_it_the_head_is_out_and_events_follow() -> None:
    client = Client()
    keepalive = KeepAlive(client.send, lambda: EVENT, after=0, every=0)
    async with asyncio.timeout(20):
        while len(client.came) < 4:
            client.changed.clear()
            await client.changed.wait()
    assert await keepalive.stop() is True
    assert client.kinds[:2] == ["http.response.start", "http.response.body"]
    assert client.kinds.count("http.response.start") == 1
    sent = len(client.came)
    await turns(5)
    assert len(client.came) == sent


async def test_an_answer_between_the_timer_and_the_head_is_told_that_there_is_none() -> None:
    client = Client()
    client.door.clear()
    for steps in range(4):
        keepalive = KeepAlive(client.send, lambda: EVENT, after=0, every=60)
        await turns(steps)
        assert await keepalive.stop() is False
    client.door.set()
    await turns(5)
    assert client.came == []


async def test_a_client_that_is_gone_hears_nothing_more() -> None:
    client = Client()
    keepalive = KeepAlive(client.send, lambda: EVENT, after=0, every=0)
    async with asyncio.timeout(20):
        await client.changed.wait()
    keepalive.cancel()
    sent = len(client.came)
    await turns(5)
    assert len(client.came) <= sent + 1
    KeepAlive(client.send, lambda: EVENT, after=60, every=60).cancel()
