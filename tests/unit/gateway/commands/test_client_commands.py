"""ps and explain against a gateway that runs, and what is said when none does."""

import asyncio
import socket
import threading

import pytest

from gateway.commands.client import NotRunning, ask
from gateway.settings import Settings
from tests.fakes.gateway import engine_profile, running_gateway

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]}


async def test_ps_and_explain_ask_the_gateway(shell):
    async with running_gateway({"echo": engine_profile("echo")}) as gateway:
        shell.set("port", gateway.address.rpartition(":")[2])
        assert await asyncio.to_thread(shell.json, "ps") == []
        assert (await gateway.client.post("/v1/chat/completions", json=CHAT)).status_code == 200
        (resident,) = await asyncio.to_thread(shell.json, "ps")
        assert (resident["model"], resident["state"]) == ("echo", "ready")
        assert "echo" in await asyncio.to_thread(shell.ok, "ps")
        found = await asyncio.to_thread(shell.json, "explain", "echo")
        assert found["candidates"][0]["decision"] == "serve"
        done = await asyncio.to_thread(shell.run, "explain", "ecko")
        assert done.exit_code == 1
        assert "did you mean echo" in done.stderr


async def test_replicas_in_the_same_state_are_one_line(shell):
    async with running_gateway({"echo": engine_profile("echo", variant_extra="    replicas: 2")}) as gateway:
        shell.set("port", gateway.address.rpartition(":")[2])
        for name in ("echo:only", "echo:only#2"):
            assert (await gateway.client.post("/api/load", json={"model": name})).status_code == 200
        assert [r["replica"] for r in await asyncio.to_thread(shell.json, "ps")] == [1, 2]
        (line,) = (await asyncio.to_thread(shell.ok, "ps")).splitlines()[1:]
        assert "only x2" in line
        assert "0/8" in line


async def test_a_key_is_presented(shell):
    async with running_gateway({"echo": engine_profile("echo")}, api_key="secret-of-the-operator") as gateway:
        shell.set("port", gateway.address.rpartition(":")[2])
        assert (await asyncio.to_thread(shell.run, "ps")).exit_code == 1
        shell.set("api_key", "secret-of-the-operator")
        assert await asyncio.to_thread(shell.json, "ps") == []


def test_no_gateway(shell):
    done = shell.run("ps")
    assert done.exit_code == 1
    assert "no gateway answers at 127.0.0.1:9" in done.stderr
    with pytest.raises(NotRunning):
        ask(Settings(), "GET", "/api/ps", dict[str, object])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "no gateway, or one of another version"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is no gateway"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", "is no gateway"),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad", "the gateway answered 502"),
    ],
)
def test_something_else_answers(shell, answer, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        shell.set("port", str(listener.getsockname()[1]))

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        done = shell.run("ps")
        thread.join()
    assert done.exit_code == 1
    assert words in done.stderr


def test_help_names_every_command(shell):
    text = shell.ok("--help")
    for name in ("serve", "check", "models", "pull", "ps", "explain", "doctor", "engines", "keys"):
        assert f"\n  {name}" in text
    assert shell.run("abacus").exit_code == 2
    assert shell.ok("--version").startswith("forebay")
