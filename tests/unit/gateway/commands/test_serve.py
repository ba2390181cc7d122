"""``forebay serve`` refuses what is unsafe or impossible in a sentence, before anything starts."""

import re
import signal
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands import serve as module
from gateway.commands.serve import serve
from gateway.http.server import _Server
from tests.fakes.gateway import engine_profile


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of its own, and a server that ends as soon as it has said its address."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "m.yaml").write_text(engine_profile("m"))
    for name in ("state", "data", "cache", "profiles"):
        monkeypatch.setenv(f"FOREBAY_{name.upper()}_DIR", str(tmp_path / name))
    startup = _Server.startup

    async def start_and_end(self: _Server, sockets: list[socket.socket] | None = None) -> None:
        await startup(self, sockets)
        self.handle_exit(signal.SIGTERM, None)

    monkeypatch.setattr(_Server, "startup", start_and_end)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(serve, ["--port", "0", *arguments])


def test_the_first_line_is_the_address(home: Path) -> None:
    result = invoke()
    assert result.exit_code == 0
    assert re.fullmatch(r"forebay \S+ listening on http://127\.0\.0\.1:\d+\n", result.stdout)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_nobodys_leave(host: str, home: Path) -> None:
    result = invoke("--host", host)
    assert "refusing" not in result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gpu-box.example"])
def test_any_other_address_needs_an_explicit_yes(host: str, home: Path) -> None:
    result = invoke("--host", host)
    assert result.exit_code == 2
    assert f"refusing to listen on {host}: set FOREBAY_ALLOW_REMOTE=1 to mean it" in result.stderr
    assert result.stdout == ""


def test_and_a_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBAY_ALLOW_REMOTE", "1")
    refused = invoke("--host", "0.0.0.0")
    assert refused.exit_code == 2
    assert "forebay keys create" in refused.stderr
    monkeypatch.setenv("FOREBAY_API_KEY", "a-key-of-the-operator")
    assert invoke("--host", "0.0.0.0").exit_code == 0
    monkeypatch.delenv("FOREBAY_API_KEY")
    from gateway.commands.keys import keys

    assert CliRunner().invoke(keys, ["create", "somebody"]).exit_code == 0
    assert invoke("--host", "0.0.0.0").exit_code == 0


def test_a_setting_that_is_wrong_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBAY_IDLE_TIMEOUT", "soon")
    result = invoke()
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: settings: FOREBAY_IDLE_TIMEOUT: ")


def test_a_busy_port_is_a_sentence_and_makes_no_folder(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(serve, ["--port", str(port)])
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert not (home / "state").exists()


def test_a_state_folder_that_cannot_be_had_is_a_sentence(home: Path) -> None:
    (home / "state").write_text("a file")
    result = invoke()
    assert result.exit_code == 1
    assert result.stderr == f"Error: cannot use {home / 'state'}: File exists\n"


def test_a_state_database_that_is_damaged_is_a_sentence(home: Path) -> None:
    (home / "state").mkdir()
    (home / "state" / "forebay.db").write_bytes(b"this is no database at all" * 100)
    result = invoke()
    assert result.exit_code == 1
    assert "Error: the state database" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_of_profiles_that_is_not_there_is_refused(home: Path) -> None:
    result = invoke("--profiles", str(home / "absent"))
    assert result.exit_code == 2


def test_a_start_that_fails_otherwise_has_an_exit_code(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run", lambda *given: False)
    assert invoke().exit_code == 1
