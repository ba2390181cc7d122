"""The probes and the scrape: what each says in each stage of the process's life."""

from pathlib import Path

from tests.fakes.gateway import engine_profile, running_gateway


async def test_alive_ready_and_scraped():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        get = gateway.client.get
        assert ((await get("/health")).status_code, (await get("/health")).json()) == (200, {"status": "ok"})
        assert ((await get("/ready")).status_code, (await get("/ready")).json()) == (200, {"status": "ready"})
        scraped = await get("/metrics")
        assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "gateway_build_info{" in scraped.text


async def test_ready_says_why_it_is_not_and_health_goes_on():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        lifetime, get = gateway.services.lifetime, gateway.client.get
        lifetime.started = False
        assert ((await get("/ready")).status_code, (await get("/ready")).json()) == (503, {"status": "starting"})
        gateway.app.begin_drain()
        assert ((await get("/ready")).status_code, (await get("/ready")).json()) == (503, {"status": "draining"})
        assert (await get("/health")).status_code == 200


async def test_a_gateway_without_models_is_not_ready_until_it_has_one(tmp_path: Path):
    async with running_gateway({}, reload_every=0.02) as gateway:
        answer = await gateway.client.get("/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "no catalog"})
        (gateway.profiles / "m.yaml").write_text(engine_profile("m"), "utf-8")
        await gateway.until(lambda: gateway.services.catalog.catalog.profiles)
        assert (await gateway.client.get("/ready")).status_code == 200
