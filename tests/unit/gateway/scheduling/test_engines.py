"""The launcher of real engines: a process and its folder come and go together; foreign servers are only joined."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backends.contract import Call, LaunchPlan, LaunchRequest
from backends.environments.environments import Environments
from backends.errors import BackendError, Cause
from backends.process.ledger import Ledger
from backends.process.supervisor import EngineProcess
from backends.weights.store import WeightStore
from gateway.catalog.load import load
from gateway.routing.table import RouteTable
from gateway.scheduling.decision import Placement
from gateway.scheduling.engines import EngineLauncher
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.launcher import Running
from gateway.scheduling.target import Target
from tests.fakes.disk import full_disk
from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.engine_plan import fake_plan
from tests.fakes.gateway import engine_profile
from tests.fakes.gateway_process import control_of, loading_engine

DEADLINE = 30.0


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as name:  # socket paths are short
        (Path(name) / "t").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(Path(name) / "t"))
        yield Path(name)


class Launches:
    """A launcher over one profile, and the engines it started, ended with the test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = Ledger(root / "engines")
        self.started: list[Running] = []

    def launcher(self, profile: str) -> tuple[EngineLauncher, Target]:
        (self.root / "profiles").mkdir(exist_ok=True)
        name = profile.split()[1]
        (self.root / "profiles" / f"{name}.yaml").write_text(profile)
        result = load(self.root / "profiles")
        assert result.catalog is not None, result.problems
        table = RouteTable(result.catalog, Footprints(), lambda variant: True)
        launcher = EngineLauncher(
            lambda variant_id: table.route(variant_id).candidates[0],
            Environments(self.root / "environments"),
            WeightStore(self.root / "weights"),
            self.ledger,
        )
        return launcher, table.route(name).candidates[0].target

    async def launch(self, profile: str) -> Running:
        launcher, target = self.launcher(profile)
        running = await launcher.launch(target, Placement(variant_id=target.variant_id, shares=()))
        self.started.append(running)
        return running

    @property
    def folders(self) -> list[Path]:
        return list((self.root / "t").iterdir())


@pytest.fixture
async def launches(root: Path) -> AsyncIterator[Launches]:
    made = Launches(root)
    yield made
    for running in made.started:
        await running.stop()


async def test_a_started_engine_takes_calls_and_leaves_without_a_trace(launches: Launches) -> None:
    running = await launches.launch(engine_profile("m", "--load-message", "model loaded"))
    body = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    reply = await running.backend.open(Call(path="/v1/chat/completions", body=body))
    assert reply.status == 200
    assert running.backend.name == "external"
    assert running.pid is not None
    assert await running.memory() > 1 << 20
    assert "model loaded" in running.log_tail()
    assert len(launches.folders) == len(launches.ledger.entries()) == 1
    await asyncio.gather(running.stop(), running.stop())
    assert running.exited.result() == "signal SIGTERM"
    assert launches.folders == []
    assert launches.ledger.entries() == ()


async def test_an_engine_is_told_its_name_slots_and_socket_by_arguments_of_ours(launches: Launches) -> None:
    running = await launches.launch(engine_profile("m", "--context", "{context}"))
    assert running.pid is not None
    _, props = await control_of(running.pid).request("GET", "/props")
    assert props["model_alias"] == "m"
    assert props["default_generation_settings"]["n_ctx"] == 8192


async def test_its_end_is_told_in_words_without_its_log(launches: Launches) -> None:
    running = await launches.launch(engine_profile("m", "--load-message", "secret words"))
    assert running.pid is not None
    with pytest.raises(asyncio.IncompleteReadError):
        await control_of(running.pid).request("POST", "/fake/exit?code=3")
    async with asyncio.timeout(DEADLINE):
        assert await asyncio.shield(running.exited) == "exit code 3"
    assert "secret words" in running.log_tail()


async def test_killing_it_needs_no_grace(launches: Launches) -> None:
    profile = engine_profile("m", "--ignore-term").replace("stop_grace_seconds: 2", "stop_grace_seconds: 600")
    running = await launches.launch(profile)
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0)
    running.kill()
    async with asyncio.timeout(DEADLINE):
        await stopping
    assert running.exited.result() == "signal SIGKILL"
    assert launches.folders == []


async def test_a_load_that_fails_says_why_and_leaves_nothing(launches: Launches) -> None:
    with pytest.raises(BackendError) as caught:
        await launches.launch(engine_profile("m", "--exit-at-load", "3", "--load-message", "bad tensor"))
    assert caught.value.cause is Cause.LOAD_FAILED
    assert "exit code 3" in caught.value.detail
    assert "bad tensor" in caught.value.private
    assert launches.folders == []
    assert launches.ledger.entries() == ()


async def test_a_load_that_takes_too_long_is_ended(launches: Launches) -> None:
    with pytest.raises(BackendError, match=r"not ready within 0.3 s") as caught:
        await launches.launch(engine_profile("m", "--never-ready", start_timeout=0.3))
    assert caught.value.cause is Cause.LOAD_FAILED
    assert launches.folders == []
    assert launches.ledger.entries() == ()


async def test_a_cancelled_load_is_ended_too(launches: Launches) -> None:
    pid_file = launches.root / "pid"
    profile = engine_profile("m", "--hold-load", "--pid-file", str(pid_file))
    task = asyncio.create_task(launches.launch(profile))
    await loading_engine(pid_file)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert launches.folders == []
    assert launches.ledger.entries() == ()


@pytest.mark.parametrize("when", ["no folder", "no entry"])
async def test_a_full_disk_is_storage_and_starts_nothing(
    when: str, launches: Launches, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher, target = launches.launcher(engine_profile("m"))
    if when == "no folder":
        monkeypatch.setattr(tempfile, "tempdir", str(launches.root / "t" / "absent"))
    with full_disk(), pytest.raises(BackendError) as caught:
        await launcher.launch(target, Placement(variant_id=target.variant_id, shares=()))
    assert caught.value.cause is Cause.STORAGE
    assert str(launches.root) not in caught.value.detail
    assert launches.folders == []
    assert launches.ledger.entries() == ()


# --- what this machine lacks ------------------------------------------------------------------------------------------

WEIGHTS = """\
    weights:
      source: file:{path}
      files: [{{path: model.gguf, bytes: 4}}]
"""


def with_weights(path: Path) -> str:
    return engine_profile("m", "--load-message", "{weights}", variant_extra=WEIGHTS.format(path=path))


async def test_weights_that_are_here_are_named_to_the_engine(launches: Launches, root: Path) -> None:
    (root / "models").mkdir()
    (root / "models" / "model.gguf").write_bytes(b"GGUF")
    running = await launches.launch(with_weights(root / "models"))
    assert str(root / "models" / "model.gguf") in running.log_tail()


async def test_absent_weights_are_told_with_the_command_that_fetches_them(launches: Launches, root: Path) -> None:
    launcher, target = launches.launcher(with_weights(root / "absent"))
    with pytest.raises(BackendError) as caught:
        await launcher.launch(target, Placement(variant_id=target.variant_id, shares=()))
    assert (caught.value.cause, caught.value.code) == (Cause.LOAD_FAILED, "weights_missing")
    assert caught.value.detail.endswith("run: forebay pull m")
    assert launches.folders == []


PARTS = """\
    weights: {{source: 'file:{root}/base', folder: {{bytes: 1}}}}
    parts: {{text: {{source: 'file:{root}/text', folder: {{bytes: 1}}}},
      lora: {{source: 'file:{root}/loras', files: [{{path: a.safetensors, bytes: 1}}]}}}}
"""


async def test_all_parts_are_needed_and_told(launches: Launches, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[LaunchRequest] = []

    def plan(_: object, request: LaunchRequest, __: Environments) -> LaunchPlan:
        asked.append(request)
        raise BackendError(Cause.LOAD_FAILED, "far enough")

    monkeypatch.setattr("gateway.scheduling.engines.plan_of", plan)
    launcher, target = launches.launcher(engine_profile("m", variant_extra=PARTS.format(root=root)))
    for file in ("base/model_index.json", "text/model.safetensors", "loras/a.safetensors"):
        with pytest.raises(BackendError) as caught:
            await launcher.launch(target, Placement(variant_id=target.variant_id, shares=()))
        assert caught.value.code == "weights_missing", f"without {file}"
        (root / file).parent.mkdir()
        (root / file).write_bytes(b"x")
    with pytest.raises(BackendError, match="far enough"):
        await launcher.launch(target, Placement(variant_id=target.variant_id, shares=()))
    assert asked[0].folder == root / "base"
    assert asked[0].parts == {"text": root / "text", "lora": root / "loras" / "a.safetensors"}


async def test_an_engine_that_is_not_installed_is_told_with_the_command_that_installs_it(
    launches: Launches, root: Path
) -> None:
    (root / "model.gguf").write_bytes(b"GGUF")
    lines = [
        "      kind: llama_cpp" if "kind:" in line else line.replace(", rerank, score", "")
        for line in with_weights(root).splitlines()
        if "command:" not in line
    ]
    launcher, target = launches.launcher("\n".join(lines))
    with pytest.raises(BackendError) as caught:
        await launcher.launch(target, Placement(variant_id=target.variant_id, shares=()))
    assert caught.value.code == "engine_missing"
    assert "forebay engines install llama_cpp" in caught.value.detail


# --- servers that somebody else runs ----------------------------------------------------------------------------------


def foreign(url: str) -> str:
    text = engine_profile("m")
    lines = [f"      url: {url}" if line.strip().startswith("command:") else line for line in text.splitlines()]
    return "\n".join(lines) + "\n"


async def forward(socket: Path) -> asyncio.Server:
    """A loopback port in front of the Unix socket of a fake engine."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(pump(reader, back), pump(there, writer))

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def test_a_foreign_server_is_used_and_never_ended(launches: Launches, root: Path) -> None:
    process = await EngineProcess.start(fake_plan(root), launches.ledger)
    try:
        await process.wait_ready()
        server = await forward(process.plan.socket)
        async with server:
            port = server.sockets[0].getsockname()[1]
            running = await launches.launch(foreign(f"http://127.0.0.1:{port}/v1"))
            body = b'{"messages": [{"role": "user", "content": "hi"}]}'
            reply = await running.backend.open(Call(path="/v1/chat/completions", body=body))
            assert reply.status == 200
            assert (running.pid, await running.memory(), running.log_tail()) == (None, 0, "")
            running.kill()
            await running.stop()
            assert not running.exited.done()
        assert (await FakeEngineControl(process.plan.socket).request("GET", "/health"))[0] == 200
        assert launches.folders == []
    finally:
        await process.stop(0.0)


async def test_a_foreign_server_that_is_not_there_is_an_error(launches: Launches) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(BackendError, match="m:only does not answer") as caught:
        await launches.launch(foreign(f"http://127.0.0.1:{port}"))
    assert caught.value.cause is Cause.UPSTREAM_CONNECT
