"""Two engines of one variant behind a whole gateway: conversations stay with theirs, nobody waits inside an engine."""

import asyncio
import json
from pathlib import Path

import httpx

from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway

TWICE = {"echo": engine_profile("echo", slots=4, variant_extra="    replicas: 2")}
NAMES = ("echo:only", "echo:only#2")


def said(*texts: str, **fields: object) -> dict[str, object]:
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"model": "echo", "messages": [{"role": "system", "content": "be brief " * 300}, *messages], **fields}


def fake(**orders: object) -> str:
    return f"fake: {json.dumps(orders)}"


def control(gateway: RunningGateway, name: str) -> FakeEngineControl:
    path = gateway.services.runtime.running[name].backend._pool.address.path  # type: ignore[attr-defined]
    return FakeEngineControl(Path(path))


async def chat(gateway: RunningGateway, body: dict[str, object], **headers: str) -> httpx.Response:
    return await gateway.client.post("/v1/chat/completions", json=body, headers=headers)


async def both(gateway: RunningGateway) -> list[FakeEngineControl]:
    """Each is loaded by its name, as an operator would."""
    for name in NAMES:
        assert (await gateway.client.post("/api/load", json={"model": name})).status_code == 200
    return [control(gateway, name) for name in NAMES]


async def asked(engine: FakeEngineControl) -> list[str]:
    """The first question of each chat it got."""
    return [call["body"]["messages"][1]["content"] for call in await engine.calls()]


async def test_turns_of_a_conversation_reach_one_engine_in_every_dialect():
    async with running_gateway(TWICE) as gateway:
        engines = await both(gateway)
        for number in range(8):
            first = f"question {number}"
            for texts in ((first,), (first, "so", "and?"), (first, "so", "and?", "no", "why?")):
                assert (await chat(gateway, said(*texts))).status_code == 200
        one, two = [await asked(engine) for engine in engines]
        assert not set(one) & set(two), "each conversation has one engine"
        assert one, "and both have some, whatever each of them was measured to hold"
        assert two
        system = said("x")["messages"][0]["content"]  # type: ignore[index]
        for number in range(8):
            messages = {"system": system, "messages": [{"role": "user", "content": f"question {number}"}]}
            asking = {"model": "echo", "max_tokens": 50, **messages}
            assert (await gateway.client.post("/v1/messages", json=asking)).status_code == 200
            asking = {"model": "echo", "instructions": system, "input": f"question {number}"}
            assert (await gateway.client.post("/v1/responses", json=asking)).status_code == 200
        translated = [(await asked(engine))[len(own) :] for engine, own in zip(engines, (one, two), strict=True)]
        for own in translated:
            assert sorted(own) == sorted([*set(own), *set(own)]), "both dialects say the same chat"


async def test_a_named_session_counts_more_than_its_words():
    async with running_gateway(TWICE) as gateway:
        engines = await both(gateway)
        for number in range(6):
            await chat(gateway, said(f"header {number}"), **{"x-forebay-session": "s-1"})
        for number in range(6):
            await chat(gateway, said(f"key {number}", prompt_cache_key="s-2"))
        counts = [[text.split()[0] for text in await asked(engine)] for engine in engines]
        for word in ("header", "key"):
            assert sorted(own.count(word) for own in counts) == [0, 6]


async def test_the_second_engine_is_loaded_for_who_would_wait_and_both_are_one_in_ps():
    async with running_gateway(TWICE) as gateway:
        held = [asyncio.create_task(chat(gateway, said(fake(hold=0)))) for _ in range(4)]
        await gateway.until(lambda: gateway.in_flight() == 4)
        answer = await chat(gateway, said("and me?"))
        assert (answer.status_code, answer.headers["x-forebay-variant"]) == (200, "only")
        residents = (await gateway.client.get("/api/ps")).json()["residents"]
        assert sorted((r["variant"], r["replica"], r["in_flight"]) for r in residents) == [
            ("only", 1, 4),
            ("only", 2, 0),
        ]
        listed = (await gateway.client.get("/v1/models/echo")).json()["forebay"]["variants"]
        assert [(variant["name"], variant["replicas"]) for variant in listed] == [("only", 2)]
        await control(gateway, "echo:only").release()
        assert {(await task).status_code for task in held} == {200}


async def test_an_engine_that_says_it_is_busy_is_spared_and_its_requests_go_to_the_other():
    async with running_gateway(TWICE) as gateway:
        engines = await both(gateway)
        strained, other = engines
        await strained.load(running=1, waiting=3, usage=0.97)
        await other.load(running=0, waiting=0, usage=0.1)
        occupants = gateway.services.runtime.scheduler.occupants

        def slots() -> list[int]:
            there = [occupant for name in NAMES if (occupant := occupants.get(name)) is not None]
            return [occupant.slots for occupant in there if occupant.pressure is not None]

        gateway.services.runtime.signals._asked.clear()  # they said nothing when they were asked first
        await gateway.until(lambda: slots() == [1, 4])
        text = (await gateway.client.get("/metrics")).text
        assert 'gateway_engine_waiting_requests{model="echo",variant="only"} 3.0' in text
        assert 'gateway_engine_cache_usage_ratio{model="echo",variant="only#2"} 0.1' in text
        held = [asyncio.create_task(chat(gateway, said(fake(hold=0), f"{n}", "?"))) for n in range(5)]
        await gateway.until(lambda: gateway.in_flight() == 5)
        assert len(await other.wait("held", 4)) == 4
        assert len(await strained.wait("held")) == 1, "one is always given"
        await strained.load(running=0, waiting=0, usage=0.1)
        await gateway.until(lambda: slots() == [4, 4])
        for engine in engines:
            await engine.release()
        assert {(await task).status_code for task in held} == {200}


async def test_an_engine_that_turns_away_at_its_door_is_not_blamed():
    async with running_gateway({"echo": engine_profile("echo", slots=8)}, queue_wait=20) as gateway:
        assert (await chat(gateway, said("hi"))).status_code == 200
        engine = control(gateway, "echo:only")
        await engine.orders(queued=1)
        held = asyncio.create_task(chat(gateway, said(fake(hold=0))))
        await engine.wait("held")
        late = asyncio.create_task(chat(gateway, said("late")))
        await engine.wait("received", 3)
        await engine.release()
        answer = await late
        assert (answer.status_code, int(answer.headers["x-forebay-attempts"]) > 1) == (200, True), "asked again, served"
        assert (await held).status_code == 200


async def test_a_prompt_that_is_too_long_for_an_engine_says_so_in_both_dialects():
    words = (
        "This model's maximum context length is 1024 tokens. However, your prompt contains 2000 input tokens, which."
    )
    async with running_gateway({"echo": engine_profile("echo")}) as gateway:
        refused = await chat(gateway, said(fake(status=400, message=words)))
        told = refused.json()["error"]
        assert (refused.status_code, told["code"], told["message"]) == (400, "context_length_exceeded", words)
        asking = {
            "model": "echo",
            "max_tokens": 5,
            "messages": [{"role": "user", "content": fake(status=400, message=words)}],
        }
        refused = await gateway.client.post("/v1/messages", json=asking)
        assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
        assert refused.json()["error"]["message"] == "prompt is too long: 2000 tokens > 1024 maximum"
