"""A model that says what a test wrote, one answer for each turn, behind a whole gateway; agents run against it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from gateway.commands.agents.served import Served
from tests.agents.agent import Run
from tests.fakes.engine_control import FakeEngineControl
from tests.fakes.gateway import RunningGateway, engine_profile, running_gateway
from tests.fakes.gateway_process import control_of

CONTEXT = 131_072
_END = 90.0
_NUMBERS = count()
"""No id is used twice: Claude Code drops a call whose id it knows."""


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def words(text: str, finish: str = "stop") -> dict[str, Any]:
    """An answer of plain words, streamed or whole."""
    message = {"role": "assistant", "content": text}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    return {"events": [chunk(message), chunk({}, finish)], "body": whole}


def calling(*calls: tuple[str, dict[str, Any] | str], thought: str = "") -> dict[str, Any]:
    """An answer that calls tools, all at once, their pieces mixed as backends mix them."""
    heads, tails = [], []
    ids = [f"call_{next(_NUMBERS)}" for _ in calls]
    for index, (name, given) in enumerate(calls):
        text = given if isinstance(given, str) else json.dumps(given)
        function = {"name": name, "arguments": text[:3]}
        heads.append(
            chunk({"tool_calls": [{"index": index, "id": ids[index], "type": "function", "function": function}]})
        )
        tails.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": text[3:]}}]}))
    thoughts = [chunk({"reasoning_content": thought})] if thought else []
    return {"events": [chunk({"role": "assistant"}), *thoughts, *heads, *tails, chunk({}, "tool_calls")]}


def after(prompt: int, turn: dict[str, Any]) -> dict[str, Any]:
    """A turn whose request was ``prompt`` tokens long, as the engine says."""
    usage = {"prompt_tokens": prompt, "completion_tokens": 50, "total_tokens": prompt + 50}
    return turn | {"events": [*turn["events"], json.dumps({"choices": [], "usage": usage})]}


TITLE = words("A title")


class Played:
    """What an agent did: its exit code, what it printed, and the chats with tools that reached the model."""

    def __init__(self, code: int, output: str, chats: list[dict[str, Any]]) -> None:
        self.code = code
        self.output = output
        self.requests = [chat for chat in chats if chat.get("tools")]
        self.asides = [chat for chat in chats if not chat.get("tools")]

    @property
    def results(self) -> list[str]:
        """Of tools, as the model saw them in the last turn."""
        return [str(message["content"]) for message in self.requests[-1]["messages"] if message["role"] == "tool"]


class Scripted:
    """A gateway whose model ``m`` plays turns."""

    def __init__(self, gateway: RunningGateway, control: FakeEngineControl) -> None:
        self.gateway = gateway
        self._control = control

    def served(self, context: int = CONTEXT) -> Served:
        """As ``forebay agent`` sees it."""
        return Served(model="m", address=self.gateway.address, context=context, output=context // 8)

    async def play(self, turns: list[dict[str, Any]], run: Run) -> Played:
        """Runs an agent while the model says ``turns``, the last one again and again."""
        await self._control.turns(turns, TITLE)
        process = await asyncio.create_subprocess_exec(
            *run.argv, cwd=run.cwd, env=run.environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_END):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        calls = await self._control.calls()
        chats = [call["body"] for call in calls if call["path"] == "/v1/chat/completions"]
        bodies = [chat if isinstance(chat, dict) else json.loads(chat) for chat in chats]
        return Played(process.returncode or 0, output.decode(), bodies)


@asynccontextmanager
async def scripted(**settings: object) -> AsyncIterator[Scripted]:
    profile = engine_profile("m", context=CONTEXT)
    async with running_gateway({"m": profile}, **settings) as gateway:
        headers = {"authorization": f"Bearer {settings.get('api_key')}"}
        loaded = await gateway.client.post("/api/load", json={"model": "m"}, headers=headers)
        assert loaded.status_code == 200, loaded.text
        (pid,) = [running.pid for running in gateway.services.runtime.running.values()]
        assert pid is not None
        yield Scripted(gateway, control_of(pid))
