"""A model that says what a test wrote, one answer for each turn, behind a whole gateway; agents run against it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import control_of

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PROGRAMS = _CACHE / "forebay" / "agents" / "node_modules" / ".bin"
"""Where ``make agents`` installs them."""
_END = 60.0


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def words(text: str) -> dict[str, Any]:
    """An answer of plain words, streamed or whole."""
    message = {"role": "assistant", "content": text}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return {"events": [chunk(message), chunk({}, "stop")], "body": whole}


def calling(*calls: tuple[str, dict[str, Any] | str]) -> dict[str, Any]:
    """An answer that calls tools, all at once, their pieces mixed as backends mix them."""
    heads, tails = [], []
    for index, (name, given) in enumerate(calls):
        text = given if isinstance(given, str) else json.dumps(given)
        function = {"name": name, "arguments": text[:3]}
        heads.append(
            chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "type": "function", "function": function}]})
        )
        tails.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": text[3:]}}]}))
    return {"events": [chunk({"role": "assistant"}), *heads, *tails, chunk({}, "tool_calls")]}


class Played:
    """What an agent did: its exit code, its words, and the chat requests that reached the model."""

    def __init__(self, code: int, output: str, requests: list[dict[str, Any]]) -> None:
        self.code = code
        self.output = output
        self.requests = requests

    @property
    def results(self) -> list[str]:
        """Of tools, as the model saw them in the last turn."""
        return [str(message["content"]) for message in self.requests[-1]["messages"] if message["role"] == "tool"]


class Scripted:
    """A gateway whose model ``m`` plays turns."""

    def __init__(self, gateway: RunningGateway, control: FakeEngineControl) -> None:
        self.address = gateway.address
        self._control = control

    async def play(
        self, turns: list[dict[str, Any]], argv: list[str], cwd: Path, environment: dict[str, str]
    ) -> Played:
        """Runs an agent while the model says ``turns``, the last one again and again."""
        await self._control.orders(**turns[0])
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=cwd, env={"PATH": os.environ["PATH"], **environment}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        turning = asyncio.create_task(self._turn(turns[1:]))
        try:
            async with asyncio.timeout(_END):
                output, _ = await process.communicate()
        finally:
            turning.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()
        calls = [call["body"] for call in await self._control.calls()]
        bodies = [body if isinstance(body, dict) else json.loads(body) for body in calls]
        return Played(process.returncode or 0, output.decode(), bodies)

    async def _turn(self, turns: list[dict[str, Any]]) -> None:
        for number, turn in enumerate(turns, start=1):
            await self._control.wait("received", number)
            await self._control.orders(**turn)


@asynccontextmanager
async def scripted(**settings: object) -> AsyncIterator[Scripted]:
    async with running_gateway({"m": engine_profile("m")}, **settings) as gateway:
        await gateway.client.post("/api/load", json={"model": "m"})
        (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
        assert pid is not None
        yield Scripted(gateway, control_of(pid))
