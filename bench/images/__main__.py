"""``python -m bench.images [--rounds N] [--steps N] [--cancels N]``: a picture through the gateway, and by itself.

Both run the same tiny pipeline with one thread, in turn in the same run; the medians are compared.
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

import click

from backends.environments.environments import Environments
from bench.images import cancels as cancelling
from bench.images import embedded, kills

ROOT = Path(__file__).resolve().parents[2]
PROFILE = """\
id: tiny
name: tiny
modality: image
tasks: [image]
licence: Apache-2.0
open_weights: true
picture: {{width: {side}, height: {side}, multiple: 8, least_side: 8, steps: {steps}, most_steps: 1000, guidance: 5.0}}
variants:
  - name: fp32
    engine: {{kind: diffusers, dtype: fp32, threads: 1, pipelines: {{generate: StableDiffusionPipeline}}}}
    weights: {{source: 'file:{folder}', folder: {{bytes: 2000000}}}}
    footprint: {{weights_bytes: 10000000, load_seconds: 5}}
"""


@click.command()
@click.option("--rounds", default=15)
@click.option("--steps", default=20)
@click.option("--side", default=256)
@click.option("--cancels", default=50)
def main(rounds: int, steps: int, side: int, cancels: int) -> None:
    """What the gateway and its worker add to a picture."""
    python = Environments().python("diffusers")
    if python is None:
        sys.exit("the engine diffusers is not installed; run: forebay engines install diffusers")
    with tempfile.TemporaryDirectory(prefix="fbb") as scratch:
        root = Path(scratch)
        folder = root / "weights"
        environment = dict(os.environ, PYTHONPATH=str(ROOT), HF_HUB_OFFLINE="1")
        subprocess.run(
            [python, "-m", "tests.tiny_models", "stable_diffusion", folder], env=environment, check=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        alone = subprocess.Popen(
            [python, Path(__file__).with_name("alone.py"), folder, str(steps), str(side)], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        gateway, address = _gateway(root, PROFILE.format(side=side, steps=steps, folder=folder))
        try:
            assert alone.stdout.readline() == "ready\n"
            _alone(alone), _asked(address)
            pairs = [(_alone(alone), _asked(address)) for _ in range(rounds)]
            kills.measure(address, gateway.pid)
            embedded.measure(address, gateway.pid, rounds)
        finally:
            for process in (alone, gateway):
                process.terminate()
                process.wait()
        if cancels:
            cancelling.measure(python, folder, cancels)
    made = statistics.median(pair[0][0] for pair in pairs)
    encoded = statistics.median(pair[0][1] for pair in pairs)
    asked = statistics.median(pair[1] for pair in pairs)
    more = statistics.median(pair[1] - pair[0][0] for pair in pairs)
    print(
        f"alone {made * 1e3:.0f} ms, with PNG and base64 {encoded * 1e3:.0f} ms; "
        f"through the gateway {asked * 1e3:.0f} ms"
    )
    print(f"more, median of {rounds} pairs: {more * 1e3:.1f} ms, {more / made:.1%} (goals: 50 ms, 3 % at 1 s)")


def _gateway(root: Path, profile: str) -> tuple[subprocess.Popen[str], str]:
    (root / "profiles").mkdir()
    (root / "profiles" / "tiny.yaml").write_text(profile)
    shutil.copy(ROOT / "model_profiles" / "image" / "emoji.yaml", root / "profiles")
    command = [Path(sys.executable).with_name("forebay"), "serve", "--port", "0", "--profiles", str(root / "profiles")]
    environment = dict(os.environ, FOREBAY_STATE_DIR=str(root / "state"), FOREBAY_LOG_LEVEL="ERROR")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = process.stdout.readline()
    return process, line.split("http://")[1].split()[0].rstrip("/")


def _alone(process: subprocess.Popen[str]) -> tuple[float, float]:
    process.stdin.write("\n")
    process.stdin.flush()
    made, encoded = process.stdout.readline().split()
    return float(made), float(encoded)


def _asked(address: str) -> float:
    connection = http.client.HTTPConnection(address, timeout=300)
    begun = time.perf_counter()
    body = json.dumps({"model": "tiny", "prompt": "a cat", "seed": 7})
    connection.request("POST", "/v1/images/generations", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    seconds = time.perf_counter() - begun
    assert answer.status == 200, said
    connection.close()
    return seconds


if __name__ == "__main__":
    main()
