"""``forebay serve`` as a process of its own, in a short folder of its own: start, look, signal, look again."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from backends.process.identity import Identity, alive, identify
from tests.fakes.engine_control import FakeEngineControl

Begin = Callable[..., Awaitable["GatewayProcess"]]
ROOT = Path(__file__).parents[2]
DEADLINE = 30.0
CHAT = "/v1/chat/completions"


class GatewayProcess:
    """``root`` holds profiles, state, data and cache. ``start`` may be called again after the process has ended.

    ``module`` is what runs: another one with the same command line may stand in for ``gateway``.
    """

    def __init__(self, root: Path, profiles: dict[str, str], **settings: object) -> None:
        self.root = root
        self.state = root / "state"
        self.first_line = ""
        self.errors = b""
        (root / "profiles").mkdir(exist_ok=True)
        for stem, text in profiles.items():
            (root / "profiles" / f"{stem}.yaml").write_text(text, "utf-8")
        chosen = {
            "state_dir": self.state,
            "data_dir": root / "data",
            "cache_dir": root / "cache",
            "profiles_dir": root / "profiles",
            "access_log": "false",
            **settings,
        }
        (root / "t").mkdir(exist_ok=True)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("FOREBAY_")}
        self.env |= {f"FOREBAY_{name.upper()}": str(value) for name, value in chosen.items()}
        self.env["TMPDIR"] = str(root / "t")
        self.module = "gateway"
        self.process: asyncio.subprocess.Process | None = None
        self.client = httpx.AsyncClient()
        self._reading: asyncio.Task[None] | None = None

    async def spawn(self, *arguments: str, under: tuple[str, ...] = ()) -> asyncio.subprocess.Process:
        """Begins the process, ready or not; ``under`` is a command that runs the command behind it."""
        self.errors = b""
        self.process = process = await asyncio.create_subprocess_exec(
            *under, sys.executable, "-m", self.module, "serve", *(arguments or ("--port", "0")),
            cwd=ROOT, env=self.env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read_errors(process))
        return process

    async def start(self, *arguments: str) -> None:
        """Begins it and waits for its first line."""
        process = await self.spawn(*arguments)
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            self.first_line = (await process.stdout.readline()).decode()
        if not self.first_line:
            raise RuntimeError(f"the gateway did not start: {await self.ended()}, {self.errors.decode()}")
        await self.client.aclose()
        self.client = httpx.AsyncClient(base_url=self.first_line.split()[-1], timeout=DEADLINE)

    async def ended(self) -> int:
        """Its exit code, negative for a signal; all it printed to standard error is in ``errors`` then."""
        assert self.process is not None
        assert self._reading is not None
        async with asyncio.timeout(DEADLINE):
            code = await self.process.wait()
            await self._reading
        return code

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def close(self) -> None:
        """Ends whatever is left of it."""
        await self.client.aclose()
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.ended()

    # --- looking --------------------------------------------------------------------------------------------------

    async def residents(self) -> dict[str, dict[str, Any]]:
        """What ``/api/ps`` shows, by model."""
        return {r["model"]: r for r in (await self.client.get("/api/ps")).json()["residents"]}

    async def load(self, model: str) -> tuple[Identity, FakeEngineControl]:
        """Brings ``model`` in; the identity of its engine and the test's hand on it."""
        response = await self.client.post("/api/load", json={"model": model})
        assert response.status_code == 200, response.text
        return await self.engine(model)

    async def engine(self, model: str) -> tuple[Identity, FakeEngineControl]:
        """The engine of a resident."""
        found = identify((await self.residents())[model]["pid"])
        assert found is not None
        return found, control_of(found.pid)

    async def until_ready(self, *, status: int) -> httpx.Response:
        """Waits until ``/ready`` answers so."""
        async with asyncio.timeout(DEADLINE):
            while True:
                response = await self.client.get("/ready")
                if response.status_code == status:
                    return response
                await asyncio.sleep(0.005)

    def left_behind(self) -> list[str]:
        """Run folders and ledger entries that are still there."""
        places = (self.root / "t", self.state / "engines")
        return [str(path) for place in places if place.exists() for path in place.iterdir()]

    async def until_no_more(self, model: str) -> None:
        """Waits until ``model`` is nowhere in memory."""
        async with asyncio.timeout(DEADLINE):
            while model in await self.residents():
                await asyncio.sleep(0.005)

    async def until_gone(self, *identities: Identity) -> None:
        """Waits until none of these processes lives."""
        async with asyncio.timeout(DEADLINE):
            while any(alive(identity) for identity in identities):
                await asyncio.sleep(0.005)

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while data := await process.stderr.read(1 << 16):
            self.errors += data


def control_of(pid: int) -> FakeEngineControl:
    """The test's hand on the fake engine that runs as ``pid``."""
    command = psutil.Process(pid).cmdline()
    return FakeEngineControl(Path(command[command.index("--socket") + 1]))


async def loading_engine(pid_file: Path) -> FakeEngineControl:
    """The test's hand on an engine started with ``--pid-file``, as soon as it listens; it need not be ready."""
    async with asyncio.timeout(DEADLINE):
        while not pid_file.exists():
            await asyncio.sleep(0.005)
        control = control_of(json.loads(pid_file.read_text())[0])
        while not control.socket.exists():
            await asyncio.sleep(0.005)
    return control


def chat(model: str, order: str = "fake: {}", *, stream: bool = False) -> dict[str, Any]:
    """A request whose only message is an order to the fake engine."""
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": order}]}


def events_of(body: str) -> list[str]:
    """The data of a stream's events."""
    return [line[6:] for line in body.splitlines() if line.startswith("data: ")]


class Streamed:
    """A stream being read to its end; ``text`` is all that came."""

    def __init__(self, gateway: GatewayProcess, body: dict[str, object], path: str = CHAT) -> None:
        self.path = path
        self.text = ""
        self.status = 0
        self.broken = False
        self.task = asyncio.create_task(self._read(gateway.client, body))

    async def _read(self, client: httpx.AsyncClient, body: dict[str, object]) -> None:
        try:
            async with client.stream("POST", self.path, json=body) as response:
                self.status = response.status_code
                async for text in response.aiter_text():
                    self.text += text
        except httpx.TransportError:
            self.broken = True

    async def end(self) -> list[str]:
        async with asyncio.timeout(DEADLINE):
            await self.task
        return events_of(self.text)


def error_of(response: httpx.Response) -> dict[str, str]:
    found = response.json()["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return found


def assert_cut(events: list[str], *, code: str, whole: int) -> None:
    """``whole`` events, then the error, and no sign of a good end."""
    assert len(events) == whole + 1
    assert json.loads(events[-1])["error"]["code"] == code
    assert "[DONE]" not in events
