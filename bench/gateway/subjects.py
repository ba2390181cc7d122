"""What is measured: Forebay and its peers, each started on a free loopback port before the same mock engine."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRATCH = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "forebay" / "bench"
PROFILE = """\
id: m
name: bench
modality: llm
tasks: [chat]
licence: none
open_weights: true
variants:
  - name: mock
    engine: {{kind: external, url: "http://127.0.0.1:{port}", slots: 4096}}
    footprint: {{weights_bytes: 1}}
"""


class Subject:
    """A running gateway. ``stop`` ends exactly it."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, key: str = "none") -> None:
        self.name, self.process, self.port, self.key = name, process, port, key

    def cpu(self) -> float:
        """User and system seconds so far."""
        return cpu_seconds(self.process.pid)

    def rss(self) -> float:
        """Resident MB."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in process_tree(self.process.pid))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def process_tree(root: int) -> list[int]:
    """``root`` and all its descendants."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            todo += map(int, task.read_text().split())
    return found


def cpu_seconds(root: int) -> float:
    """User and system seconds of a process tree so far."""
    ticks = 0
    for pid in process_tree(root):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def forebay(upstream: int, folder: Path) -> Subject:
    """With a key, metrics, access log and scheduling on."""
    profiles = folder / "profiles"
    profiles.mkdir()
    (profiles / "m.yaml").write_text(PROFILE.format(port=upstream))
    env = dict(
        os.environ,
        FOREBAY_STATE_DIR=str(folder / "state"),
        FOREBAY_DATA_DIR=str(folder / "data"),
        FOREBAY_CACHE_DIR=str(folder / "cache"),
        FOREBAY_MAX_IN_FLIGHT="4096",
        FOREBAY_MAX_IN_FLIGHT_PER_KEY="4096",
    )
    key = subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "create", "bench", "--all-scopes"],
        cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ).stdout.strip()  # fmt: skip
    with (folder / "access.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--port", "0", "--profiles", str(profiles)],
            cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    line = process.stdout.readline().decode()
    return Subject("forebay", process, int(line.rsplit(":", 1)[1]), key)


def nginx(upstream: int, folder: Path) -> Subject | None:
    """The floor: buffering off, it decides nothing."""
    binary = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if binary is None:
        return None
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;"
        "events { worker_connections 8192; } http { access_log off; client_body_temp_path /tmp; proxy_temp_path /tmp;"
        f"upstream u {{ server 127.0.0.1:{upstream}; keepalive 64; }} server {{ listen 127.0.0.1:{port};"
        'location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";'
        "proxy_buffering off; } } }"
    )
    process = subprocess.Popen([binary, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    return _answering(Subject("nginx (floor)", process, port))


def vllm_router(upstream: int, folder: Path) -> Subject:
    python = _venv("vllm-router", "vllm-router==0.1.17")
    port = free_port()
    command = [str(python), "-m", "vllm_router.launch_router", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--worker-urls", f"http://127.0.0.1:{upstream}", "--policy", "round_robin"]
    command += ["--prometheus-port", str(free_port())]
    log = (folder / "vllm-router.log").open("wb")
    return _answering(Subject("vllm-router 0.1.17", subprocess.Popen(command, stdout=log, stderr=log), port))


def litellm(upstream: int, folder: Path) -> Subject:
    python = _venv("litellm", "litellm[proxy]==1.106.0")
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/m\n"
        f"      api_base: http://127.0.0.1:{upstream}/v1\n      api_key: none\n"
    )
    command = [str(python.with_name("litellm")), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    log = (folder / "litellm.log").open("wb")
    key = f"sk-{secrets.token_hex(32)}"  # it refuses to start without one, or with a short one
    env = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MASTER_KEY=key)
    return _answering(Subject("LiteLLM proxy", subprocess.Popen(command, stdout=log, stderr=log, env=env), port, key))


def mock(folder: Path) -> Subject:
    log = (folder / "mock.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.gateway.upstream", "0"], cwd=ROOT, stdout=subprocess.PIPE, stderr=log
    )
    return Subject("mock", process, int(process.stdout.readline()))


def _venv(name: str, requirement: str) -> Path:
    python = SCRATCH / name / "bin" / "python"
    stamp = SCRATCH / name / requirement.replace("[", "-").replace("]", "")
    if not stamp.exists():
        print(f"== installing {requirement} into {SCRATCH / name}", flush=True)
        SCRATCH.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(SCRATCH / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", requirement], check=True)
        stamp.touch()
    return python


def _answering(subject: Subject, seconds: float = 90.0) -> Subject:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if subject.process.poll() is not None:
            raise RuntimeError(f"{subject.name} ended with {subject.process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{subject.port}/health", timeout=2).read()
        except urllib.error.HTTPError:
            return subject
        except OSError:
            time.sleep(0.1)
        else:
            return subject
    subject.stop()
    raise RuntimeError(f"{subject.name} did not answer")


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="fb-bench-")
