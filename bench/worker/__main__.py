"""python -m bench.worker [--rounds N] [--chats N] [--neighbours N] [--json FILE]: medians and ratios of one run.

Every subject is measured in every round. Neighbours are busy loops beside it: on a shared machine threads that spin
while they wait cost what they take from others.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bench.worker import subjects
from bench.worker.load import Figures, measure
from tests.llama_cpp_fixtures import smollm2

OURS = "forebay worker"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chats", type=int, default=8)
    parser.add_argument("--neighbours", type=int, default=0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    model = smollm2()
    starters: list[Callable[[], AbstractContextManager[subjects.Subject]]] = [
        partial(subjects.forebay, model, "llama_cpp_python"),
        partial(subjects.forebay, model, "xllamacpp"),
        partial(subjects.raw_xllamacpp, model),
        partial(subjects.raw_xllamacpp, model, 1),
        partial(subjects.llama_cpp_server, model),
    ]
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(chosen.neighbours)]
    try:
        results = run(starters, chosen.rounds, chosen.chats)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    table(results)
    if chosen.json:
        chosen.json.write_text(json.dumps({name: [_numbers(each) for each in all_] for name, all_ in results.items()}))


def run(
    starters: list[Callable[[], AbstractContextManager[subjects.Subject]]], rounds: int, chats: int
) -> dict[str, list[Figures]]:
    """The figures of every subject, round by round."""
    results: dict[str, list[Figures]] = {}
    for number in range(rounds):
        for start in starters:
            with start() as subject:
                figures = asyncio.run(measure(subject, chats, seed=number))
            results.setdefault(subject.name, []).append(figures)
            print(f"round {number + 1}  {subject.name:20} {_line(figures)}", flush=True)
    return results


def _numbers(figures: Figures) -> dict[str, float]:
    return {
        "tokens_per_cpu_second": figures.tokens / figures.cpu,
        "tokens_per_second": figures.tokens / figures.wall,
        "first_token_seconds": statistics.median(figures.first),
    }


def _line(figures: Figures) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in _numbers(figures).items())


def table(results: dict[str, list[Figures]]) -> None:
    """Medians over the rounds; ratios are ours to theirs."""
    medians = {
        name: {key: statistics.median(_numbers(each)[key] for each in rounds) for key in _numbers(rounds[0])}
        for name, rounds in results.items()
    }
    ours = medians[OURS]
    print(f"\n{'':22}{'tokens / CPU-s':>20}{'tokens / s':>18}{'first token s':>20}")
    for name, values in medians.items():
        cells = [f"{value:9.2f} ({ours[key] / value:4.2f}x)" for key, value in values.items()]
        print(f"{name:22}{cells[0]:>20}{cells[1]:>18}{cells[2]:>20}")
    print("in brackets: the forebay worker's value as a multiple of this one")


main()
