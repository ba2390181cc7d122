"""``python -m bench.videos [--cancels N] [--kills N]``: clips of the model that comes with Forebay, as durable jobs.

How long a clip takes, how fast a cancelled one frees its engine, how soon a killed gateway goes on with its jobs.
Needs the engine diffusers.
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import click

ROOT = Path(__file__).resolve().parents[1]
PROFILE = ROOT / "model_profiles" / "video" / "emoji-clip.yaml"
GOAL_MS = 500


class Gateway:
    """``forebay serve`` on a state of its own."""

    def __init__(self, root: Path) -> None:
        (root / "profiles").mkdir()
        shutil.copy(PROFILE, root / "profiles")
        chosen = {"STATE_DIR": root / "state", "PROFILES_DIR": root / "profiles", "ACCESS_LOG": "false"}
        self._env = dict(os.environ) | {f"FOREBAY_{name}": str(value) for name, value in chosen.items()}
        self._at = ("", 0)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--port", "0"], cwd=ROOT, env=self._env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self.process.stdout is not None
        host, _, port = self.process.stdout.readline().split()[-1].removeprefix("http://").rpartition(":")
        self._at = (host, int(port))

    def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> dict:
        connection = http.client.HTTPConnection(*self._at, timeout=120)
        headers = {"content-type": "application/json"} if body else {}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        return json.loads(connection.getresponse().read())

    def create(self, **fields: object) -> str:
        wanted = {"model": "emoji-clip", "prompt": "a cat to a lion", "seed": 7} | fields
        return self.ask("POST", "/v1/videos", wanted)["id"]

    def until(self, video: str, *statuses: str) -> dict:
        while (found := self.ask("GET", f"/v1/videos/{video}"))["status"] not in statuses:
            time.sleep(0.02)
        return found


@click.command()
@click.option("--cancels", default=20)
@click.option("--kills", default=3)
def main(cancels: int, kills: int) -> None:
    """Figures of clips."""
    with tempfile.TemporaryDirectory(prefix="fbb") as scratch:
        gateway = Gateway(Path(scratch))
        gateway.start()
        try:
            times: list[float] = []
            for _ in range(4):
                begun = time.perf_counter()
                gateway.until(gateway.create(), "completed")
                times.append(time.perf_counter() - begun)
            print(f"24 pictures of 256 x 256: {times[0]:.1f} s with its load, {min(times[1:]):.1f} s in memory")
            alone = statistics.median(_short(gateway) for _ in range(5))
            freed = [_cancel(gateway, Random(number)) - alone for number in range(cancels)]
            print(
                f"{cancels} cancels: the next clip begins {statistics.median(freed) * 1e3:.0f} ms (median) later than "
                f"on an idle engine, {max(freed) * 1e3:.0f} ms at most (goal: one step and {GOAL_MS} ms)"
            )
            again = [_kill(gateway) for _ in range(kills)]
            print(f"{kills} kills: the job runs again {max(again):.1f} s after the next start at most (goal 10 s)")
        finally:
            gateway.process.terminate()
            gateway.process.wait()


def _short(gateway: Gateway) -> float:
    """Seconds of the shortest clip there is."""
    begun = time.perf_counter()
    gateway.until(gateway.create(steps=1, seconds=0.1), "completed")
    return time.perf_counter() - begun


def _cancel(gateway: Gateway, random: Random) -> float:
    """Seconds until a clip that is asked for right after the cancel is there."""
    video = gateway.create(steps=50, seconds=8)
    gateway.until(video, "in_progress")
    time.sleep(random.random())  # at some step
    begun = time.perf_counter()
    gateway.ask("DELETE", f"/v1/videos/{video}")
    _short(gateway)
    seconds = time.perf_counter() - begun
    gateway.until(video, "cancelled")
    return seconds


def _kill(gateway: Gateway) -> float:
    video = gateway.create(steps=50)
    gateway.until(video, "in_progress")
    gateway.process.kill()
    gateway.process.wait()
    begun = time.perf_counter()
    gateway.start()
    gateway.until(video, "in_progress", "completed")
    seconds = time.perf_counter() - begun
    gateway.until(video, "completed")
    return seconds


if __name__ == "__main__":
    main()
