"""What must not leave does not, whatever is asked for; and a provider's key is seen by that provider alone.

Every byte counts: the proxies before the providers keep all that came, after TLS.
"""

import datetime as dt
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from gateway.database import open_database
from gateway.keys.policy import Policy
from gateway.keys.store import KeyStore
from tests.fakes.cloud import FakeCloud, answer, chunk, completion, events
from tests.fakes.fault_proxy import Fault
from tests.fakes.gateway import engine_profile
from tests.fakes.outside import HOSTS, KEYS, OFFER, Outside, outside
from tests.spending_fixtures import NOON

OPERATOR = "operator-canary-0a1b2c3d4e"
PROMPT = "canary-prompt-9c8d"
CHATS = [{"role": "user", "content": PROMPT}]
ENDPOINTS: dict[str, dict[str, object]] = {
    "/v1/chat/completions": {"messages": CHATS},
    "/v1/messages": {"messages": CHATS, "max_tokens": 10},
    "/v1/responses": {"input": PROMPT},
    "/v1/completions": {"prompt": PROMPT},
    "/v1/embeddings": {"input": PROMPT},
}
STREAMS = [path for path in ENDPOINTS if path != "/v1/embeddings"]
TOO_LARGE = 10**15
_CLOUD = "cloud:\n" + OFFER.format(id="far")
LOCAL = {
    "spilling": engine_profile("spilling", size=TOO_LARGE, extra=f"{_CLOUD}spill: {{}}"),
    "staying": engine_profile("staying", size=TOO_LARGE, extra=_CLOUD),
    "unoffered": engine_profile("unoffered", size=TOO_LARGE),
}
"""None of them fits: one may spill, one has an offer and may not, one has none."""
EVERY = ("one", "both", "cloud/one", "spilling", "cloud/spilling", "staying", "unoffered", "cloud/unoffered")
ONLY_LOCAL = {"x-forebay-local-only": "true"}
FINE = answer(completion())


async def everything_refused(world: Outside, models: tuple[str, ...], headers: dict[str, str]) -> None:
    for path, body in ENDPOINTS.items():
        for model in models:
            for stream in (False, True) if path in STREAMS else (False,):
                fields = {"model": model, "stream": stream, **body}
                told = await world.send(path, fields, headers)
                assert told.status in (400, 403, 404, 503), (path, model, told)
                assert PROMPT not in told.body.decode()


def nothing_left(world: Outside) -> bool:
    """Not a name was looked up, not a connection made, not a byte sent, not a cent put aside."""
    proxies = (world.far.proxy, world.near.proxy)
    return (world.attempts.total(), [(p.connections, bytes(p.received)) for p in proxies], world.books.of("far")) == (
        0, [(0, b"")] * 2, [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        pytest.param({"cloud": "off"}, {}, id="the server says no"),
        pytest.param({"cloud_budget_day": None}, {}, id="the operator's key has no budget"),
        pytest.param({}, ONLY_LOCAL, id="the request says no"),
        pytest.param({"cloud": "off", "cloud_budget_day": None}, ONLY_LOCAL, id="all say no"),
    ],
)
async def test_not_a_byte_leaves_by_any_endpoint_while_a_switch_is_off(
    settings: dict[str, object], headers: dict[str, str]
) -> None:
    async with outside(FINE, more=LOCAL, settings=settings) as world:
        await everything_refused(world, EVERY, headers)
        assert nothing_left(world)


@asynccontextmanager
async def guarded(policy: Policy) -> AsyncGenerator[tuple[Outside, dict[str, str]]]:
    """A gateway with keys, and the headers of one with that policy."""
    async with outside(FINE, more=LOCAL, settings={"api_key": OPERATOR}) as world:
        database = open_database(world.gateway.root / "state" / "forebay.db")
        store = KeyStore(database, lambda: dt.datetime.fromtimestamp(NOON, dt.UTC))
        _, secret = store.create("somebody", ("inference",), policy)
        world.gateway.services.keys.replace(store.all())
        try:
            yield world, {"authorization": f"Bearer {secret}"}
        finally:
            database.dispose()


@pytest.mark.parametrize("policy", [Policy(), Policy(cloud=True), Policy(budget_day=10**9)], ids=repr)
async def test_not_a_byte_leaves_for_a_key_without_the_cloud_or_without_money(policy: Policy) -> None:
    async with guarded(policy) as (world, headers):
        for path, body in ENDPOINTS.items():
            for model in EVERY:
                told = await world.send(path, {"model": model, **body}, headers)
                assert told.status in (400, 402, 403, 404, 503), (path, model, told)
        assert nothing_left(world)


async def test_not_a_byte_leaves_for_a_model_without_an_offer_or_without_leave_to_spill() -> None:
    async with outside(FINE, more=LOCAL) as world:
        await everything_refused(world, ("staying", "unoffered", "cloud/unoffered"), {})
        assert nothing_left(world)


async def test_with_every_switch_on_the_same_requests_do_leave() -> None:
    """Else the tests above would hold for a gateway that serves nobody."""
    async with outside(FINE, more=LOCAL) as world:
        world.far.cloud.choose = lambda sent: (
            events(chunk("Hel"), chunk("lo", "stop")) if sent.fields.get("stream") else FINE
        )
        for path, body in ENDPOINTS.items():
            assert (await world.send(path, {"model": "one", **body}, {})).status == 200, path
            assert (await world.send(path, {"model": "spilling", **body}, {})).status == 200, path
        assert world.attempts == {"far": 2 * len(ENDPOINTS)}
        assert bytes(world.far.proxy.received).count(PROMPT.encode()) == 2 * len(ENDPOINTS)


async def test_each_provider_is_shown_its_own_key_and_nothing_of_the_client() -> None:
    headers = {
        "authorization": f"Bearer {OPERATOR}", "cookie": "session=canary-cookie", "x-own": "canary-header",
        "x-request-id": "canary-request", "user-agent": "canary-agent",
    }  # fmt: skip
    who = {"user": "canary-user", "metadata": {"a": "canary-metadata"}, "safety_identifier": "canary-safety"}
    async with outside(
        answer({"error": {"message": "oops"}}, 500), near=(FINE,), settings={"api_key": OPERATOR}
    ) as world:
        for model in ("both", "one", "other"):
            fields = {"model": model, **ENDPOINTS["/v1/chat/completions"], **who}
            await world.send("/v1/chat/completions?key=canary-query", fields, headers)
        assert world.attempts == {"far": 2, "near": 2}
    for place, own, other in ((world.far, "FAR_KEY", "NEAR_KEY"), (world.near, "NEAR_KEY", "FAR_KEY")):
        came = place.proxy.received.decode()
        assert came.count(KEYS[own]) == 2, "once a request"
        assert KEYS[other] not in came
        assert OPERATOR not in came
        assert came.count("canary") == came.count(PROMPT) + came.count(KEYS[own])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["near", "itself", "plain"])
async def test_a_redirect_is_followed_by_nothing(status: int, to: str) -> None:
    async with FakeCloud.running(FINE) as elsewhere:
        places = {
            "near": f"https://{HOSTS['near']}/v1/chat/completions",
            "itself": "/v1/other",
            "plain": f"http://127.0.0.1:{elsewhere.port}/v1/chat/completions",
        }
        async with outside(answer(b"", status, location=places[to]), near=(FINE,)) as world:
            for stream in (False, True):
                told = await world.ask(stream=stream)
                assert (told.status, told.error["code"]) == (502, "upstream_protocol")
                assert places[to] not in told.body.decode()
            assert world.attempts == {"far": 2}
            assert world.far.proxy.requests == 2
            assert (elsewhere.connections, world.near.proxy.connections) == (0, 0)


async def test_a_certificate_of_another_host_gets_no_key_though_we_trust_it() -> None:
    async with outside(FINE, certificate=(HOSTS["near"],)) as world:
        assert (await world.ask()).error["code"] == "upstream_connect"
        assert (await world.ask("other")).status == 200
        assert bytes(world.far.proxy.received) == b""


async def test_a_certificate_of_nobody_gets_no_key() -> None:
    async with outside(FINE) as world:
        world.far.proxy.fault = Fault("foreign")
        assert (await world.ask("both")).headers["x-forebay-backend"] == "near"
        assert bytes(world.far.proxy.received) == b""
        assert KEYS["FAR_KEY"] not in world.near.proxy.received.decode()
