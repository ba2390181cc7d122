"""The folder of profiles changes under a running gateway: whole catalogs replace each other, streams never notice."""

import asyncio

from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of, events_of

EVERY = 0.02


async def models(gateway: RunningGateway) -> set[str]:
    return {m["id"] for m in (await gateway.client.get("/v1/models")).json()["data"]}


async def catalog(gateway: RunningGateway) -> dict[str, object]:
    return (await gateway.client.get("/api/catalog")).json()


def metric(gateway: RunningGateway, name: str) -> float:
    lines = gateway.services.metrics.expose().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))


async def until_generation(gateway: RunningGateway, generation: int) -> None:
    await gateway.until(lambda: gateway.services.catalog.generation >= generation)


async def test_a_new_file_is_a_new_model() -> None:
    async with running_gateway({"m": engine_profile("m")}, reload_every=EVERY) as gateway:
        assert await models(gateway) == {"m"}
        generation = gateway.services.catalog.generation
        (gateway.profiles / "new.yaml").write_text(engine_profile("new"))
        await until_generation(gateway, generation + 1)
        assert await models(gateway) == {"m", "new"}
        assert (await gateway.client.post(CHAT, json=chat("new"))).status_code == 200


async def test_a_changed_profile_drains_under_a_stream_and_comes_back_as_what_it_is_now() -> None:
    async with running_gateway({"m": engine_profile("m", slots=2)}, reload_every=EVERY) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        pid = gateway.services.runtime.running["m:only"].pid
        assert pid is not None
        old = control_of(pid)
        running = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 1}', stream=True)))
        await old.wait("held")
        generation = gateway.services.catalog.generation
        (gateway.profiles / "m.yaml").write_text(engine_profile("m", slots=5))
        await until_generation(gateway, generation + 1)
        late = asyncio.create_task(gateway.client.post(CHAT, json=chat("m")))
        await gateway.until(lambda: len(gateway.services.runtime.scheduler.queue) == 1)
        await old.release()
        assert events_of((await running).text)[-1] == "[DONE]"
        assert (await late).status_code == 200
        shown = (await gateway.client.get("/api/ps")).json()["residents"]
        assert [(r["model"], r["slots"]) for r in shown] == [("m", 5)]
        assert shown[0]["pid"] != pid


async def test_a_removed_profile_is_404_at_once_and_its_engine_leaves_after_its_stream() -> None:
    profiles = {"m": engine_profile("m"), "other": engine_profile("other")}
    async with running_gateway(profiles, reload_every=EVERY) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        pid = gateway.services.runtime.running["m:only"].pid
        assert pid is not None
        control = control_of(pid)
        running = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 1}', stream=True)))
        await control.wait("held")
        generation = gateway.services.catalog.generation
        (gateway.profiles / "m.yaml").unlink()
        await until_generation(gateway, generation + 1)
        assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 404
        assert "m:only" in gateway.services.runtime.running
        await control.release()
        assert events_of((await running).text)[-1] == "[DONE]"
        await gateway.until(lambda: not gateway.services.runtime.running)


async def test_a_broken_file_keeps_the_old_catalog_and_is_told_everywhere() -> None:
    async with running_gateway({"m": engine_profile("m")}, reload_every=EVERY) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        before = await catalog(gateway)
        assert before["problems"] == []
        assert metric(gateway, "gateway_config_reload_success") == 1
        stamp = metric(gateway, "gateway_config_reload_timestamp_seconds")
        text = engine_profile("m", slots=9).replace("modality: llm", "modalety: llm")
        (gateway.profiles / "m.yaml").write_text(text)
        await gateway.until(lambda: bool(gateway.services.catalog.last_problems))
        after = await catalog(gateway)
        assert {**after, "problems": []} == before, "the same generation and version serve on"
        problems = after["problems"]
        assert isinstance(problems, list)
        assert any("m.yaml" in p and "modalety" in p and "modality" in p for p in problems)
        assert metric(gateway, "gateway_config_reload_success") == 0
        assert metric(gateway, "gateway_config_reload_timestamp_seconds") == stamp
        answer = await gateway.client.post(CHAT, json=chat("m"))
        assert (answer.status_code, answer.headers["x-forebay-reason"]) == (200, "resident")
        (gateway.profiles / "m.yaml").write_text(engine_profile("m", slots=9))
        await gateway.until(lambda: not gateway.services.catalog.last_problems)
        assert metric(gateway, "gateway_config_reload_success") == 1
        assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200


async def test_one_broken_file_among_good_changes_changes_nothing() -> None:
    async with running_gateway({"m": engine_profile("m")}, reload_every=EVERY) as gateway:
        (gateway.profiles / "bad.yaml").write_text("id: [")
        (gateway.profiles / "good.yaml").write_text(engine_profile("good"))
        await gateway.until(lambda: len(gateway.services.catalog.last_problems) == 1)
        assert await models(gateway) == {"m"}
        assert (await gateway.client.get("/ready")).status_code == 200
        (gateway.profiles / "bad.yaml").unlink()
        await gateway.until(lambda: not gateway.services.catalog.last_problems)
        assert await models(gateway) == {"m", "good"}
