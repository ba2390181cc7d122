"""A request goes over the spillway: when it must, when it may, what it costs, and what the client sees."""

import json

import httpx
import pytest

from tests.fakes.cloud import RESET, USAGE, Script, answer, chunk, completion, events
from tests.fakes.gateway import engine_profile
from tests.fakes.spilling import ASKED, OFFER, OPEN, SECRET, TOO_LARGE, ask, serving, spent


async def test_what_only_a_provider_serves_is_served_by_it_under_our_name() -> None:
    async with serving(answer(completion()), **OPEN) as (gateway, cloud):
        got = await ask(gateway, "closed", max_tokens=50)
        assert got.status_code == 200, got.text
        assert got.json()["choices"][0]["message"]["content"] == "Hello"
        shown = {name: got.headers[f"x-forebay-{name}"] for name in ("model", "variant", "backend", "where", "reason")}
        assert shown == {"model": "closed", "variant": "far", "backend": "far", "where": "cloud", "reason": "asked for"}
        (sent,) = cloud.sent
        assert sent.headers["authorization"] == "Bearer s3cret"
        assert sent.fields == {"model": "far-1", "messages": ASKED["messages"], "max_tokens": 50}
        await gateway.until(lambda: spent(gateway) == [("far", 1, 5 * 1000 + 2 * 2000, 0)])


async def test_what_does_not_fit_spills_where_its_profile_says_so() -> None:
    async with serving(events(chunk("Hel"), chunk("lo", "stop"), USAGE), **OPEN) as (gateway, cloud):
        got = await ask(gateway, "spilling", stream=True)
        assert got.headers["x-forebay-reason"] == "spill:cannot_fit"
        assert got.text.endswith("data: [DONE]\n\n")
        assert "usage" not in got.text, "the client did not ask for it"
        assert (await ask(gateway, "staying")).status_code == 503
        assert len(cloud.sent) == 1
        await gateway.until(lambda: spent(gateway) == [("far", 1, 9000, 0)])


async def test_what_fits_stays_and_a_name_may_ask_for_one_side() -> None:
    async with serving(answer(completion()), **OPEN) as (gateway, cloud):
        assert (await ask(gateway, "local")).headers["x-forebay-where"] == "local"
        assert cloud.sent == []
        assert (await ask(gateway, "cloud/local")).headers["x-forebay-where"] == "cloud"
        assert (await ask(gateway, "local/spilling")).status_code == 503
        assert len(cloud.sent) == 1


@pytest.mark.parametrize(
    ("shut", "headers", "word"),
    [
        ({"cloud": "off"}, {}, "FOREBAY_CLOUD"),
        ({"cloud_budget_day": None}, {}, "may not use the cloud"),
        ({"key": None}, {}, "no key for Far"),
        ({}, {"x-forebay-local-only": "true"}, "local models only"),
        ({}, {"x-forebay-local-only": "whatever"}, "local models only"),
    ],
)
async def test_not_a_byte_leaves_while_any_switch_is_off(
    shut: dict[str, object], headers: dict[str, str], word: str
) -> None:
    async with serving(answer(completion()), **OPEN | shut) as (gateway, cloud):
        named = await ask(gateway, "closed", headers)
        assert named.status_code == 403
        assert word in named.json()["error"]["message"]
        assert "local takes its place" in named.json()["error"]["message"]
        assert (await ask(gateway, "spilling", headers)).status_code == 503
        assert (await ask(gateway, "cloud/spilling", headers)).status_code == 403
        for path in ("/v1/messages", "/v1/responses"):
            body = {"model": "closed", "max_tokens": 9, "messages": ASKED["messages"], "input": SECRET}
            assert (await gateway.client.post(path, json=body, headers=headers)).status_code == 403, path
        assert (cloud.sent, cloud.connections) == ([], 0)


async def test_a_gateway_that_serves_what_is_asked_for_does_not_spill() -> None:
    async with serving(answer(completion()), **OPEN | {"cloud": "named"}) as (gateway, cloud):
        assert (await ask(gateway, "spilling")).status_code == 503
        assert (await ask(gateway, "closed")).status_code == 200
        assert len(cloud.sent) == 1


async def test_a_budget_is_kept_before_anything_is_sent() -> None:
    async with serving(answer(completion()), **OPEN | {"cloud_budget_day": 0.001}) as (gateway, cloud):
        got = await ask(gateway, "closed", max_tokens=1000)
        assert (got.status_code, got.json()["error"]["code"]) == (402, "budget_exceeded")
        assert cloud.connections == 0
        assert (await ask(gateway, "closed", max_tokens=10)).status_code == 200


@pytest.mark.parametrize(
    ("script", "status", "code", "open_"),
    [
        (answer({"error": {"message": "no"}}, 401), 502, "provider_account", False),
        (answer({"error": {"message": "what?", "param": "top_p"}}, 400), 400, None, False),
        (answer({"error": {"message": "oops"}}, 500), 502, "upstream_error", False),
        ((RESET,), 502, "upstream_error", True),
    ],
)
async def test_a_refusal_costs_nothing_and_an_unknown_outcome_stays_open(
    script: Script, status: int, code: str | None, open_: bool
) -> None:
    async with serving(script, **OPEN) as (gateway, cloud):
        got = await ask(gateway, "closed", max_tokens=10)
        assert (got.status_code, got.json()["error"]["code"]) == (status, code)
        assert len(cloud.sent) == 1, "nothing is paid for twice"
        assert "s3cret" not in got.text
        await gateway.until(lambda: (sum(line[3] for line in spent(gateway)) > 0) is open_)
        assert sum(line[2] for line in spent(gateway)) == 0


async def test_a_cut_stream_is_told_as_one_and_stays_open() -> None:
    async with serving(events(chunk("Hel"), done=False, end=RESET), **OPEN) as (gateway, _):
        got = await ask(gateway, "closed", stream=True)
        last = json.loads(got.text.strip().rpartition("data: ")[2])
        assert last["error"]["code"] == "stream_broken"
        assert "[DONE]" not in got.text
        await gateway.until(lambda: sum(line[3] for line in spent(gateway)) > 0)


async def test_a_failing_provider_is_left_alone_and_found_again_by_one_probe() -> None:
    async with serving(answer({"error": {"message": "oops"}}, 500), **OPEN) as (gateway, cloud):
        for _ in range(30):
            assert (await ask(gateway, "closed", max_tokens=10)).status_code in (502, 503)
        assert len(cloud.sent) <= 10
        assert (await ask(gateway, "closed", max_tokens=10)).json()["error"]["code"] == "no_capacity"


async def test_a_budget_that_refuses_a_probe_does_not_shut_the_provider_for_ever() -> None:
    broken = answer({"error": {"message": "oops"}}, 500)
    async with serving(*[broken] * 5, answer(completion()), **OPEN | {"cloud_budget_day": 0.01}) as (gateway, cloud):
        for _ in range(5):
            await ask(gateway, "closed", max_tokens=10)
        spillway = gateway.services.spillway
        now = spillway._clock()
        spillway._clock = lambda: now + 60
        dear = await ask(gateway, "closed", max_tokens=1000, n=8)
        assert dear.json()["error"]["code"] == "budget_exceeded", dear.text
        assert (await ask(gateway, "closed", max_tokens=10)).status_code == 200
        assert len(cloud.sent) == 6


async def test_clients_of_every_dialect_are_served() -> None:
    async with serving(answer(completion()), **OPEN) as (gateway, cloud):
        body = {"model": "closed", "max_tokens": 9, "messages": ASKED["messages"]}
        message = await gateway.client.post("/v1/messages", json=body)
        assert message.json()["content"] == [{"type": "text", "text": "Hello"}], message.text
        response: httpx.Response = await gateway.client.post("/v1/responses", json={"model": "closed", "input": "Hi"})
        assert response.json()["output"][0]["content"][0]["text"] == "Hello", response.text
        assert [sent.path for sent in cloud.sent] == ["/v1/chat/completions"] * 2


async def test_an_offer_is_asked_for_its_own_tasks_only() -> None:
    chats = OFFER.replace("output_tokens: 1000,", "output_tokens: 1000, tasks: [chat],")
    local = engine_profile("local", size=TOO_LARGE, extra=chats + "spill: {}")
    async with serving(answer(completion()), local=local, **OPEN) as (gateway, cloud):
        asked = {"model": "local", "prompt": SECRET}
        assert (await gateway.client.post("/v1/completions", json=asked)).status_code >= 400
        assert cloud.sent == []
        assert (await ask(gateway, "local")).status_code == 200
        assert len(cloud.sent) == 1


async def test_an_answer_that_the_profile_bounds_is_reserved_at_that_length() -> None:
    """The profile's bound goes along, so that the longest answer of all would take a budget that is large enough."""
    local = engine_profile("local", size=TOO_LARGE, extra=OFFER + "spill: {}\ndefaults: {max_tokens: 10}")
    settings = {"cloud": "spill", "cloud_budget_day": 0.0005}
    async with serving(answer(completion()), local=local, **settings) as (gateway, cloud):
        assert (await ask(gateway, "local")).status_code == 200
        assert cloud.sent[0].fields["max_tokens"] == 10
        assert (await ask(gateway, "spilling")).status_code != 200
        assert len(cloud.sent) == 1
