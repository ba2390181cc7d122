"""The composition root: what begins, what is undone, and what its background work does when something fails."""

import asyncio
import logging
import stat
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from backends.errors import BackendError, Cause
from gateway import lifespan as lifespan_module
from gateway.app import create_app
from gateway.database import open_database
from gateway.keys.key import Key, digest
from gateway.keys.ring import KeyRing
from gateway.lifespan import _running, _watch_keys
from gateway.settings import Settings
from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, chat, control_of


def settings(root: Path, **fields: object) -> Settings:
    (root / "profiles").mkdir(exist_ok=True)
    places = {f"{name}_dir": root / name for name in ("profiles", "state", "data", "cache")}
    return Settings(**{**places, **fields})


def test_making_it_starts_nothing_and_keeps_its_folder_private(tmp_path: Path):
    app = create_app(settings(tmp_path))
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert list((tmp_path / "state").iterdir()) == []
    assert not app.services.lifetime.started
    assert app.services.origin.check(b"localhost", None) is None


@pytest.mark.parametrize(
    ("host", "taken"), [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True)]
)
def test_addresses_as_host_are_for_public_gateways(tmp_path: Path, host, taken):
    rules = create_app(settings(tmp_path, host=host)).services.origin
    if taken:
        rules.check(b"192.168.0.9", None)
    else:
        with pytest.raises(BackendError):
            rules.check(b"192.168.0.9", None)


def test_a_key_file_that_holds_none_refuses_the_start(tmp_path: Path):
    (tmp_path / "key").touch()
    with pytest.raises(BackendError) as refused:
        create_app(settings(tmp_path, api_key_file=tmp_path / "key"))
    assert refused.value.cause is Cause.STORAGE


async def begin(given: Settings) -> BaseException | None:
    """What the start of a gateway fails with; ``None`` when it starts and ends well."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    try:
        async with create_app(given).litestar.lifespan():
            return None
    except BaseExceptionGroup as group:
        return group.exceptions[0]
    except (BackendError, RuntimeError) as error:
        return error
    finally:
        root.handlers[:] = handlers


async def test_a_state_folder_has_one_gateway():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        failure = await begin(settings(gateway.root))
        assert isinstance(failure, BackendError), failure
        assert (await gateway.client.get("/ready")).status_code == 200, "the first one does not notice"


async def test_a_start_that_fails_leaves_nothing_locked(tmp_path: Path):
    given = settings(tmp_path)
    given.state_dir.mkdir()
    (given.state_dir / "forebay.db").write_bytes(b"no database at all " * 300)
    failure = await begin(given)
    assert isinstance(failure, BackendError)
    assert failure.cause is Cause.STORAGE
    (given.state_dir / "forebay.db").unlink()
    assert await begin(given) is None
    assert await begin(given) is None, "and the end leaves nothing locked either"


async def test_the_end_stops_engines():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200
        runtime = gateway.services.runtime
        pid = runtime.running["m:only"].pid
        assert psutil.pid_exists(pid)
    assert not runtime.running
    assert not psutil.pid_exists(pid)


async def test_a_drain_refuses_new_work_and_lets_the_old_run_out():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        engine = control_of(gateway.services.runtime.running["m:only"].pid)
        running = asyncio.create_task(gateway.client.post(CHAT, json=chat("m", 'fake: {"hold": 0}')))
        await engine.wait("held")
        gateway.app.begin_drain()
        gateway.app.begin_drain()
        refused = await gateway.client.post(CHAT, json=chat("m"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
        await engine.release()
        assert (await running).status_code == 200


async def test_the_second_request_to_end_kills_engines():
    """The engine ignores SIGTERM and has ten minutes to end; the test does not wait for that."""
    profile = engine_profile("m", "--ignore-term").replace("stop_grace_seconds: 2", "stop_grace_seconds: 600")
    async with asyncio.timeout(60), running_gateway({"m": profile}) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        (engine,) = gateway.services.runtime.running.values()
        gateway.app.begin_drain()
        gateway.app.hurry()
        process = psutil.Process(engine.pid)
    assert not process.is_running()
    assert "SIGKILL" in await engine.exited


async def test_a_broken_profile_is_in_the_metric_the_catalog_and_not_in_service():
    async with running_gateway({"m": engine_profile("m")}, reload_every=0.02) as gateway:
        assert "gateway_config_reload_success 1.0" in (await gateway.client.get("/metrics")).text
        file = gateway.profiles / "m.yaml"
        good = file.read_text("utf-8")
        file.write_text(good + "unknown_key: 1\n", "utf-8")
        await gateway.until(lambda: gateway.services.catalog.last_problems)
        assert "gateway_config_reload_success 0.0" in (await gateway.client.get("/metrics")).text
        assert (await gateway.client.post(CHAT, json=chat("m"))).status_code == 200, "the old catalog serves"
        file.write_text(good, "utf-8")
        await gateway.until(lambda: not gateway.services.catalog.last_problems)
        assert "gateway_config_reload_success 1.0" in (await gateway.client.get("/metrics")).text


class Store:
    """A key store that fails once and then has one key."""

    def __init__(self) -> None:
        self.reads = 0
        self.read = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def all(self) -> tuple[Key, ...]:
        self.reads += 1
        if self.reads == 1:
            raise BackendError(Cause.STORAGE, "the key store cannot be read", private="canary")
        self.loop.call_soon_threadsafe(self.read.set)
        return (Key(id="k2", name="n", digest=digest("new"), hint="", scopes=("inference",), created_at=""),)


async def test_a_store_that_cannot_be_read_keeps_the_keys_that_are_known(monkeypatch, caplog):
    monkeypatch.setattr(lifespan_module, "_KEYS_EVERY", 0)
    store, ring = Store(), KeyRing(operator_secret="old")
    with caplog.at_level(logging.ERROR, "forebay"):
        async with asyncio.timeout(20), _running(_watch_keys(store, ring)):
            await store.read.wait()
            while ring.check(b"old", "inference").id == "operator":
                try:
                    assert ring.check(b"new", "inference").id == "k2"
                    break
                except BackendError:
                    await asyncio.sleep(0)
    assert "the key store cannot be read" in [record.getMessage() for record in caplog.records]
    assert "canary" not in caplog.text


async def test_background_work_that_ends_in_an_error_is_heard_of_and_takes_nobody_with_it(caplog):
    async def broken() -> None:
        raise ValueError("defect")

    with caplog.at_level(logging.CRITICAL, "forebay"):
        async with _running(broken()):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    (record,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert "a background task ended" in record.getMessage()


async def test_keys_are_read_again_while_it_runs():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        database = open_database(gateway.root / "state" / "forebay.db")
        with database.begin() as connection:
            row = {
                "id": "key_1",
                "name": "n",
                "digest": digest("fb-x"),
                "hint": "",
                "scopes": "inference",
                "at": "2026",
            }
            connection.execute(
                text("INSERT INTO api_keys (id, name, digest, hint, scopes, created_at) "
                     "VALUES (:id, :name, :digest, :hint, :scopes, :at)"), row,
            )  # fmt: skip
        await gateway.until(lambda: gateway.services.keys.guarded)
        assert (await gateway.client.get("/v1/models")).status_code == 401
        database.dispose()
