"""A launch that cannot work says why before anything runs, and leaves nothing behind."""

import os
import socket as sockets
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from backends.contract import LaunchPlan
from backends.errors import BackendError, Cause
from backends.process.identity import Identity, alive
from backends.process.launch import abandon, clear_socket, spawn
from backends.process.trampoline import main as trampoline


def plan_for(run_dir: Path, *argv: str) -> LaunchPlan:
    return LaunchPlan(argv=argv, env={"PATH": "/usr/bin:/bin", "MARK": "1"}, socket=run_dir / "s", cwd=run_dir)


def nothing(identity: Identity) -> None:
    assert identity.pid > 0


def refused(plan: LaunchPlan) -> BackendError:
    with pytest.raises(BackendError) as caught:
        spawn(plan, nothing)
    assert caught.value.cause is Cause.LOAD_FAILED
    return caught.value


def test_the_child_is_the_command_under_the_recorded_pid_with_the_plans_environment(run_dir: Path):
    seen: list[Identity] = []
    child, identity = spawn(plan_for(run_dir, "sh", "-c", 'echo $$ $MARK "$@"; pwd', "sh", "a b", "$(id)"), seen.append)
    assert child.stdout is not None
    assert child.stdout.read().decode().split("\n")[:2] == [f"{child.pid} 1 a b $(id)", str(run_dir)]
    assert seen == [identity]
    abandon(child)


def test_the_command_does_not_run_before_it_is_written_down(run_dir: Path):
    started: list[Identity] = []

    def fail(identity: Identity) -> None:
        started.append(identity)
        raise BackendError(Cause.STORAGE, "the disk is full")

    with pytest.raises(BackendError, match="disk is full"):
        spawn(plan_for(run_dir, "touch", str(run_dir / "ran")), fail)
    assert not alive(started[0])
    assert not (run_dir / "ran").exists()


def test_the_engine_leads_a_session_of_its_own_and_dumps_no_core(run_dir: Path):
    code = "import os, resource; print(os.getsid(0) == os.getpid(), resource.getrlimit(resource.RLIMIT_CORE))"
    child, _ = spawn(plan_for(run_dir, sys.executable, "-I", "-c", code), nothing)
    assert child.stdout is not None
    assert child.stdout.read() == b"True (0, 0)\n"
    abandon(child)


@pytest.mark.parametrize("argv", [(), ("no-such-command-at-all",), ("/etc/passwd",)])
def test_a_command_that_is_none(run_dir: Path, argv: tuple[str, ...]):
    error = refused(plan_for(run_dir, *argv))
    assert error.detail == "the engine's command was not found"


def test_a_missing_working_directory(run_dir: Path):
    plan = msgspec.structs.replace(plan_for(run_dir, "true"), cwd=run_dir / "gone")
    assert "working directory" in refused(plan).detail


def test_an_argument_that_no_system_call_takes(run_dir: Path):
    assert "could not be started" in refused(plan_for(run_dir, "true", "x" * (4 << 20))).detail


def test_a_file_that_the_kernel_does_not_run_reports_through_its_exit(run_dir: Path):
    script = run_dir / "engine"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o700)
    child, _ = spawn(plan_for(run_dir, str(script)), nothing)
    assert child.stdout is not None
    assert b"cannot start" in child.stdout.read()
    assert child.wait() == 127
    abandon(child)


def test_a_stale_socket_is_removed_and_a_live_one_is_not(run_dir: Path):
    path = run_dir / "s"
    with sockets.socket(sockets.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(BackendError, match="another process listens"):
            clear_socket(path)
        assert path.exists()
    clear_socket(path)
    assert not path.exists()
    clear_socket(path)


def test_a_listener_too_busy_to_answer_is_a_listener(run_dir: Path):
    path = run_dir / "s"
    with sockets.socket(sockets.AF_UNIX) as server, sockets.socket(sockets.AF_UNIX) as first:
        server.bind(str(path))
        server.listen(0)
        first.connect(str(path))  # fills the queue of one
        with pytest.raises(BackendError, match="another process listens"):
            clear_socket(path)
        assert path.exists()


def test_no_other_file_is_removed(run_dir: Path):
    (run_dir / "s").write_text("precious")
    with pytest.raises(BackendError, match="in the place of"):
        clear_socket(run_dir / "s")
    assert (run_dir / "s").read_text() == "precious"


def test_a_socket_path_beyond_the_limit(run_dir: Path):
    with pytest.raises(BackendError, match="too long"):
        clear_socket(run_dir / ("x" * 100))


def test_the_trampoline_leaves_when_its_parent_went_first(run_dir: Path):
    script = sys.modules[trampoline.__module__].__file__
    assert script is not None
    command = [sys.executable, "-I", "-S", script, str(os.getpid()), "touch", str(run_dir / "ran")]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 1
    command[4] = "1"
    assert subprocess.run(command, input=b"\n", check=False).returncode == (1 if sys.platform == "linux" else 0)
    assert (run_dir / "ran").exists() == (sys.platform != "linux")
