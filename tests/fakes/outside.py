# pyright: reportPrivateUsage=false
"""A whole gateway with two providers outside, each a fake cloud behind a fault proxy.

The gateway's clock for providers stands still: what waits in it moves the clock, and nobody waits in truth.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp.tracing import Trace
from msgspec.structs import replace

from backends.cloud.client import CloudClient
from backends.contract import Backend, Call, Health, Reply
from gateway.routing.payment import Account
from gateway.routing.route import Offered
from gateway.spending.budget import Budget
from gateway.spending.entry import Call as Paid
from tests.fakes.asking import Asking, Told, asking
from tests.fakes.cloud import FakeCloud, Script
from tests.fakes.far_away import certified, connector
from tests.fakes.fault_proxy import FaultProxy
from tests.fakes.gateway import RunningGateway, running_gateway

CHAT = "/v1/chat/completions"
HOSTS = {"far": "api.far-away.example", "near": "api.near-by.example"}
KEYS = {"FAR_KEY": "sk-far-canary-1a2b3c4d", "NEAR_KEY": "sk-near-canary-5e6f7a8b"}
ASKED = {"model": "one", "messages": [{"role": "user", "content": "canary-prompt-9c8d"}], "max_tokens": 10}
_PROVIDER = """\
id: {id}
name: {id}
kind: {kind}
base_url: https://{host}/v1
auth: {{secret: {secret}}}
concurrent: 256
privacy: {{country: XX, trains: "no", retention_days: 30, as_of: 2026-11-23, source: its terms}}
"""
OFFER = """\
  - {{provider: {id}, model: {id}-1, output_tokens: 1000, as_of: 2026-11-23, source: its list,
     price: {{tokens: {{input: 1, output: 2}}, as_of: 2026-11-23, source: its list}}}}
"""
_MODEL = """\
id: {id}
name: {id}
modality: llm
tasks: [chat, completion, embedding]
licence: proprietary
open_weights: false
cloud:
"""


class Time:
    """Stands still, but for those who wait: they move it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Hurried:
    """A backend whose calls get other limits of time than the gateway's."""

    def __init__(self, backend: Backend, limits: Mapping[str, float]) -> None:
        self.name = backend.name
        self._backend = backend
        self._limits = limits

    async def open(self, call: Call) -> Reply:
        return await self._backend.open(replace(call, **self._limits))

    async def health(self) -> Health:
        return await self._backend.health()

    async def aclose(self) -> None:
        await self._backend.aclose()


class Books:
    """The account, and what becomes of each reservation there."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lines: dict[str, tuple[str, list[str]]] = {}
        self.asked = 0

    def of(self, provider: str) -> list[tuple[str, ...]]:
        """The ends of each of its reservations, which should be one."""
        return [tuple(ends) for name, ends in self._lines.values() if name == provider]

    async def reserve(self, call: Paid, estimate: int, budget: Budget, seconds: float) -> str:
        self.asked += 1
        entry = await self._account.reserve(call, estimate, budget, seconds)
        self._lines[entry] = (call.provider, [])
        return entry

    async def reserve_durably(self, call: Paid, estimate: int, budget: Budget, seconds: float) -> str:
        raise AssertionError("texts are over with their answer")

    def settle(self, entry_id: str, spent: int) -> None:
        self._lines[entry_id][1].append("settled")
        self._account.settle(entry_id, spent)

    def release(self, entry_id: str) -> None:
        self._lines[entry_id][1].append("released")
        self._account.release(entry_id)

    def doubt(self, entry_id: str) -> None:
        self._lines[entry_id][1].append("unknown")
        self._account.doubt(entry_id)


@dataclass(frozen=True)
class Place:
    """A provider: what it is, and the way there."""

    cloud: FakeCloud
    proxy: FaultProxy


@dataclass
class Outside:
    """``far`` is asked first where a model (``both``) is offered by two; ``one`` is far's alone, ``other`` near's.

    ``attempts`` counts every call of the HTTP client by provider, also those that found nobody. ``limits`` are the
    fields of a call to far that are other than the gateway's: its limits of time.
    """

    gateway: RunningGateway
    far: Place
    near: Place
    time: Time
    attempts: Counter[str]
    books: Books
    limits: dict[str, float] = field(default_factory=dict[str, float])

    async def ask(self, model: str = "one", **fields: object) -> Told:
        """A chat, answered."""
        return await self.send(CHAT, ASKED | {"model": model} | fields, {})

    async def send(self, path: str, body: object, headers: Mapping[str, str]) -> Told:
        """The one answer there is: the connection ends after it, and nothing follows."""
        async with asking(self.gateway.address, body, path, headers) as client:
            return await client.rest()

    def asking(self, model: str = "one", path: str = CHAT, **fields: object) -> AbstractAsyncContextManager[Asking]:
        """A client whose chat is under way."""
        return asking(self.gateway.address, ASKED | {"model": model} | fields, path)

    async def until(self, condition: Callable[[], bool], deadline: float = 20.0) -> None:
        await self.gateway.until(condition, deadline)  # pyright: ignore[reportUnknownMemberType]

    async def booked(self, *wanted: str) -> None:
        """Waits until far's reservations, so many, have ended; each has once, and these are their ends."""
        await self.until(lambda: len(ends := self.books.of("far")) == len(wanted) and all(ends))
        assert sorted(self.books.of("far")) == sorted((each,) for each in wanted)

    def outcomes(self) -> Counter[str]:
        """How requests have ended, by the gateway's own count."""
        found: Counter[str] = Counter()
        for line in self.gateway.services.metrics.expose().decode().splitlines():
            if line.startswith("gateway_requests_total{"):
                found[line.partition('outcome="')[2].partition('"')[0]] += int(float(line.rpartition(" ")[2]))
        return found

    async def counted(self, **wanted: int) -> None:
        """Waits until requests have ended so, all of them: the count follows the answer."""
        await self.until(lambda: self.outcomes() == wanted)


@asynccontextmanager
async def outside(
    *scripts: Script,
    near: tuple[Script, ...] = (),
    kind: str = "openai",
    certificate: tuple[str, ...] = tuple(HOSTS.values()),
    connect_seconds: float | None = None,
    more: Mapping[str, str] = {},
    settings: Mapping[str, object] = {},
) -> AsyncGenerator[Outside]:
    """``scripts`` are far's, of ``kind``. ``certificate``: the hosts of the one that both show. ``connect_seconds``:
    how long a connection to far may take. ``more``: further profiles. ``settings``: fields of ``Settings``.
    """
    shown, trust = certified(*certificate)
    foreign, _ = certified("elsewhere.example")
    async with AsyncExitStack() as stack:
        places: dict[str, Place] = {}
        for name, given in (("far", scripts), ("near", near or scripts)):
            cloud = await stack.enter_async_context(FakeCloud.running(*given))
            proxy = await stack.enter_async_context(FaultProxy.running(cloud.port, shown, foreign))
            places[name] = Place(cloud, proxy)
        way = connector({HOSTS[name]: place.proxy.port for name, place in places.items()}, trust)
        attempts: Counter[str] = Counter()
        client = CloudClient(KEYS.get, lambda: _counting(way(), attempts, connect_seconds))
        given = {"cloud": "spill", "cloud_budget_day": 5.0, "keepalive_after": 600.0, **settings}
        gateway = await stack.enter_async_context(running_gateway(_profiles(kind) | dict(more), client=client, **given))  # type: ignore[arg-type]
        world = Outside(gateway, places["far"], places["near"], Time(), attempts, Books(_account(gateway)))
        _install(world)
        yield world


def _account(gateway: RunningGateway) -> Account:
    account = gateway.services.spillway.account
    assert account is not None, "it has begun"
    return account


def _install(world: Outside) -> None:
    spillway, dispatcher = world.gateway.services.spillway, world.gateway.services.dispatcher
    spillway.account = world.books
    spillway._clock = dispatcher._clock = world.time
    dispatcher._sleep = world.time.sleep
    dispatcher._chance = lambda: 0.0
    backend = spillway._backend

    def hurried(each: Offered) -> Backend:
        return Hurried(backend(each), world.limits) if each.provider.id == "far" else backend(each)

    spillway._backend = hurried


def _counting(way: aiohttp.BaseConnector, attempts: Counter[str], seconds: float | None) -> aiohttp.BaseConnector:
    """``seconds``: how long a connection to far may take, where that is not the client's own."""
    whole = way.connect
    names = {host: name for name, host in HOSTS.items()}

    async def connect(
        req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        name = names[req.url.host or ""]
        attempts[name] += 1
        if name == "far" and seconds is not None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=seconds)
        return await whole(req, traces, timeout)

    way.connect = connect
    return way


def _profiles(kind: str) -> dict[str, str]:
    profiles = {
        f"providers/{id_}": _PROVIDER.format(
            id=id_, host=host, secret=f"{id_.upper()}_KEY", kind=kind if id_ == "far" else "openai"
        )
        for id_, host in HOSTS.items()
    }
    for name, providers in (("one", ["far"]), ("other", ["near"]), ("both", ["far", "near"])):
        profiles[name] = _MODEL.format(id=name) + "".join(OFFER.format(id=each) for each in providers)
    return profiles
