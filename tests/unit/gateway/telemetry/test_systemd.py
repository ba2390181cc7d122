"""sd_notify on a socket of the test's own, and silence without one."""

import socket
from pathlib import Path

import pytest

from gateway.telemetry.systemd import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_states_arrive_as_datagrams(monkeypatch, tmp_path: Path, abstract):
    name = f"@{tmp_path.name}" if abstract else str(tmp_path / "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if abstract else name)
        listener.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        for state in ("READY=1", "WATCHDOG=1", "STOPPING=1"):
            notify(state)
            assert listener.recv(100) == state.encode()


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/there/n"])
def test_without_a_socket_nothing_happens(monkeypatch, address):
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
