"""What a request over the spillway may ask, and what it hears: successors, pictures, costs, explanations."""

import pytest

from tests.fakes.cloud import SILENCE, answer, completion
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.spilling import ASKED, ONLY, OPEN, ask, serving

GONE = """\
id: old
name: Old
modality: llm
tasks: [chat]
licence: proprietary
open_weights: false
lifecycle: retired
why_not: its maker has switched it off
successor: local
"""


@pytest.mark.parametrize(
    ("policy", "warned"), [("off", None), ("warn", "old is gone; local answered instead"), ("auto", None)]
)
async def test_a_successor_answers_where_the_operator_says_so(policy: str, warned: str | None) -> None:
    async with running_gateway({"old": GONE, "local": engine_profile("local")}, successors=policy) as gateway:
        got = await ask(gateway, "old")
        if policy == "off":
            assert got.status_code in (404, 503)
            assert "switched it off" in got.json()["error"]["message"]
            return
        assert got.status_code == 200, got.text
        assert (got.headers["x-forebay-model"], got.headers["x-forebay-reason"]) == ("local", "successor:old")
        assert got.headers.get("x-forebay-warning") == warned


async def test_pictures_go_only_to_who_reads_them() -> None:
    shown = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
    async with serving(answer(completion()), **OPEN) as (gateway, cloud):
        got = await ask(gateway, "closed", messages=[{"role": "user", "content": shown}])
        assert (got.status_code, cloud.sent) == (400, [])
        assert "reads no pictures" in got.json()["error"]["message"]


async def test_an_explanation_says_who_may_be_asked_and_why_not() -> None:
    async def offers(gateway: RunningGateway, model: str) -> list[tuple[bool, str]]:
        said = (await gateway.client.get("/api/explain", params={"model": model})).json()
        return [(each["open"], each["why"]) for each in said["offers"]]

    async with serving(answer(completion()), **OPEN) as (gateway, _):
        assert await offers(gateway, "closed") == [(True, "nothing here serves the model")]
        assert await offers(gateway, "local") == [(True, "over the spillway")]
        assert await offers(gateway, "staying") == [(True, "by cloud/NAME only")]
    async with serving(answer(completion()), cloud="off") as (gateway, _):
        ((open_, why),) = await offers(gateway, "closed")
        assert not open_
        assert "FOREBAY_CLOUD" in why


async def test_a_whole_answer_says_what_it_has_cost() -> None:
    async with serving(answer(completion()), **OPEN) as (gateway, _):
        assert (await ask(gateway, "closed")).headers["x-forebay-cost-usd"] == "0.000009"
        assert "x-forebay-cost-usd" not in (await ask(gateway, "local")).headers
        told = {"model": "closed", "max_tokens": 9, "messages": ASKED["messages"]}
        assert (await gateway.client.post("/v1/messages", json=told)).headers["x-forebay-cost-usd"] == "0.000009"


PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}]}]}),
        ("/v1/responses", {"input": [{"role": "user", "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}]}]}),
    ],
    ids=["messages", "responses"],
)  # fmt: skip
async def test_clients_of_both_dialects_show_pictures_to_who_reads_them(path: str, asked: dict[str, object]) -> None:
    seeing = ONLY.replace("model: far-1,", "model: far-1, images: true,").replace("id: closed", "id: seeing")
    async with serving(answer(completion()), more={"seeing": seeing}, **OPEN) as (gateway, cloud):
        got = await gateway.client.post(path, json=asked | {"model": "seeing"})
        assert got.status_code == 200, got.text
        assert PICTURE in cloud.sent[0].body.decode()


async def test_a_plain_answer_is_waited_for_as_long_as_the_operator_says() -> None:
    async with serving((SILENCE,), cloud_answer_timeout=0.2, **OPEN) as (gateway, _):
        got = await ask(gateway, "closed")
        assert (got.status_code, got.json()["error"]["code"]) == (504, "upstream_timeout")


async def test_what_is_spent_and_who_rests_is_in_the_metrics() -> None:
    def said(text: str, name: str) -> list[str]:
        return [line.split()[-1] for line in text.splitlines() if line.startswith(name)]

    async with serving(answer(completion()), answer({}, 401), **OPEN) as (gateway, _):
        await ask(gateway, "closed")
        before = (await gateway.client.get("/metrics")).text
        await ask(gateway, "closed")
        after = (await gateway.client.get("/metrics")).text
    assert said(after, "gateway_cloud_spent_dollars_total") == ["9e-06"]
    assert [said(text, "gateway_provider_resting") for text in (before, after)] == [["0.0"], ["1.0"]]
