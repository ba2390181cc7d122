"""What is measured: each server in a process of its own, the same model, eight conversations at once."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from backends.contract import LaunchRequest
from backends.environments.environments import Environments
from backends.environments.paths import default_wheels
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.command import plan
from bench.gateway.subjects import ROOT, SCRATCH, cpu_seconds, free_port

SLOTS = 8
SLOT_CONTEXT = 1024
_RAW = Path(__file__).with_name("raw_xllamacpp.py")
_DEADLINE = 120.0


class Subject:
    """A running server. ``client`` is bound to it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], client: httpx.AsyncClient) -> None:
        self.name, self.process, self.client = name, process, client

    def cpu(self) -> float:
        """User and system seconds of its process tree so far."""
        return cpu_seconds(self.process.pid)


@contextmanager
def forebay(model: Path, runtime: str) -> Generator[Subject]:
    """Our worker as the gateway starts it."""
    python = _python(runtime)
    with TemporaryDirectory(prefix="fbb") as folder:
        request = LaunchRequest(
            variant_id="m",
            served_name="m",
            weights=(model,),
            shares=(),
            run_dir=Path(folder),
            slots=SLOTS,
            context_tokens=SLOTS * SLOT_CONTEXT,
        )
        launch = plan(LlamaCppArgs(), request, python, runtime)
        environment = launch.env | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(launch.argv, env=environment, cwd=folder, stdin=subprocess.DEVNULL)
        transport = httpx.AsyncHTTPTransport(uds=str(launch.socket))
        client = httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=300)
        name = "forebay worker" if runtime == "llama_cpp_python" else "forebay, xllamacpp"
        yield from _running(Subject(name, process, client), httpx.HTTPTransport(uds=str(launch.socket)))


@contextmanager
def raw_xllamacpp(model: Path, threads: int = 0) -> Generator[Subject]:
    """xllamacpp's server with its own defaults, or with so many threads."""
    port = free_port()
    command = [_python("xllamacpp"), _RAW, model, port, SLOTS, SLOTS * SLOT_CONTEXT, threads]
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    name = f"xllamacpp, {threads} thread" if threads else "xllamacpp"
    yield from _running(Subject(name, process, _client(port)), httpx.HTTPTransport(), port)


@contextmanager
def llama_cpp_server(model: Path) -> Generator[Subject]:
    """llama-cpp-python's server; without interrupting requests it serves one after the other."""
    port = free_port()
    command = [_server_environment(), "-m", "llama_cpp.server", "--model", model, "--port", port]
    command += ["--n_ctx", SLOT_CONTEXT, "--interrupt_requests", "False", "--verbose", "False"]
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield from _running(Subject("llama_cpp.server", process, _client(port)), httpx.HTTPTransport(), port)


def _client(port: int) -> httpx.AsyncClient:
    # A connection a chat: llama.cpp's server drops idle ones just when they are used again.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=600, limits=limits)


def _running(subject: Subject, transport: httpx.HTTPTransport, port: int = 0) -> Generator[Subject]:
    try:
        deadline = time.monotonic() + _DEADLINE
        with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port or 80}") as probe:
            while not _answers(probe):
                if subject.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{subject.name} does not start ({subject.process.poll()})")
                time.sleep(0.1)
        yield subject
    finally:
        subject.process.kill()
        subject.process.wait()


def _answers(probe: httpx.Client) -> bool:
    try:
        return any(probe.get(path).status_code == 200 for path in ("/health", "/v1/models"))
    except httpx.TransportError:
        return False


def _python(runtime: str) -> Path:
    python = Environments().python("llama_cpp", runtime)
    if python is None:
        raise SystemExit(f"{runtime} is not installed: forebay engines install llama_cpp --runtime {runtime}")
    return python


def _server_environment() -> Path:
    """An environment with llama-cpp-python's server, made once from the wheel that the engine environment used."""
    python = SCRATCH / "llama-cpp-server" / "bin" / "python"
    stamp = SCRATCH / "llama-cpp-server" / "ready"
    if not stamp.exists():
        wheel = next(default_wheels().glob("llama-cpp-python-*/*.whl"), None)
        if wheel is None:
            raise SystemExit("no llama-cpp-python wheel is cached; run: forebay engines install llama_cpp --build")
        print(f"== installing {wheel.name}[server]", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(SCRATCH / "llama-cpp-server")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", f"{wheel}[server]"], check=True)
        stamp.touch()
    return python
