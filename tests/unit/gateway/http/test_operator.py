"""The operator's API: what is loaded, queued and known, loading and unloading by hand, and refusals with names."""

import asyncio

import pytest

from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of


async def test_load_show_unload():
    async with running_gateway({"m": engine_profile("m", "--load-message", "hello from the engine")}) as gateway:
        get, post = gateway.client.get, gateway.client.post
        assert (await get("/api/ps")).json() == {"residents": []}
        loaded = await post("/api/load", json={"model": "m", "pin": True})
        assert (loaded.status_code, loaded.json()["model"], loaded.json()["variant"]) == (200, "m", "only")
        (resident,) = (await get("/api/ps")).json()["residents"]
        assert (resident["model"], resident["variant"], resident["state"]) == ("m", "only", "ready")
        assert (resident["pinned"], resident["in_flight"], resident["slots"]) == (True, 0, 4)
        assert resident["pid"] > 1
        assert resident["state_seconds"] >= 0
        await gateway.until(lambda: "hello" in gateway.services.runtime.running["m:only"].log_tail())
        (resident,) = (await get("/api/ps")).json()["residents"]
        assert resident["log_tail"].endswith("hello from the engine")
        unloaded = await post("/api/unload", json={"model": "m:only"})
        assert unloaded.json() == {"model": "m", "stopping": ["m:only"]}
        await gateway.until(lambda: not gateway.services.runtime.running)
        assert (await post("/api/unload", json={"model": "m"})).json() == {"model": "m", "stopping": []}


async def test_devices_and_catalog():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        (device, *_) = (await gateway.client.get("/api/devices")).json()["devices"]
        assert device["healthy"]
        assert 0 < device["usable_bytes"] <= device["total_bytes"]
        catalog = (await gateway.client.get("/api/catalog")).json()
        assert (catalog["models"], catalog["problems"]) == (1, [])
        assert catalog["loaded_at"] > 1_700_000_000


async def test_the_queue_shows_who_waits_and_how_long():
    async with running_gateway({"m": engine_profile("m", slots=1)}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        engine = control_of(gateway.services.runtime.running["m:only"].pid)
        first = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 0}')))
        await engine.wait("held")
        second = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
        await gateway.until(lambda: len(list(gateway.services.runtime.scheduler.queue)) == 1)
        (waiting,) = (await gateway.client.get("/api/queue")).json()["queue"]
        assert (waiting["model"], waiting["variant"], waiting["key"]) == ("m", "only", "anonymous")
        assert waiting["waited"] >= 0
        await engine.release()
        assert [answer.status_code for answer in await asyncio.gather(first, second)] == [200, 200]


async def test_explain_tells_what_would_happen():
    async with running_gateway({"m": engine_profile("m"), "big": engine_profile("big", size=1 << 60)}) as gateway:
        explained = (await gateway.client.get("/api/explain", params={"model": "m"})).json()
        assert explained["serves"] == "only"
        refused = (await gateway.client.get("/api/explain", params={"model": "big"})).json()
        assert refused["serves"] is None
        unknown = await gateway.client.get("/api/explain", params={"model": "nope"})
        assert unknown.status_code == 404


@pytest.mark.parametrize("path", ["/api/load", "/api/unload"])
async def test_refusals_name_the_field(path):
    rows = [
        ({}, 400, "model"),
        ({"model": 1}, 400, "model"),
        ({"model": "m", "force": True}, 400, "force"),
        ({"model": "m", "args": ["--port", "1"]}, 400, "args"),
        ({"model": "nope"}, 404, "model"),
        ({"model": ""}, 404, "model"),
        ({"model": "x" * 10_000}, 404, "model"),
    ]
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        for body, status, param in rows:
            answer = await gateway.client.post(path, json=body)
            error = answer.json()["error"]
            assert (answer.status_code, error["param"]) == (status, param), body
            assert len(answer.text) < 1_000
        text = await gateway.client.post(path, content=b'{"model":"m"}', headers={"content-type": "text/plain"})
        assert text.status_code == 415
        assert not list(gateway.services.runtime.scheduler.occupants)


async def test_a_load_that_cannot_be_says_why():
    profiles = {"big": engine_profile("big", size=1 << 60), "bad": engine_profile("bad", "--exit-at-load", "3")}
    async with running_gateway(profiles) as gateway:
        for model, code in (("big", "cannot_fit"), ("bad", "load_failed")):
            answer = await gateway.client.post("/api/load", json={"model": model})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
            assert str(gateway.root) not in answer.text
