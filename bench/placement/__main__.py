"""``python -m bench.placement [--json] [--seeds N] [--write] [TRACE ...]``: the figures of placement.

Deterministic but for ``decide``. ``--seeds`` shows the ratios under other seeds, ``--write`` makes files of the traces
for ``forebay simulate``.
"""

from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.placement.decide import Timing, measure
from bench.placement.traces import Workload, workloads
from gateway.scheduling.device_spec import parse
from gateway.scheduling.simulate.report import Report
from gateway.scheduling.simulate.run import POLICIES, simulate

_OURS = "forebay"
_MOST_MICROSECONDS = 200.0
_HALF, _NEVER, _MOST_ABOVE_HALF = 0.5, 1.0, 1
_SWAPS_COUNT = ("alternating", "thrash")


class Result(Struct, frozen=True):
    """One trace under every policy; ``ratio`` of the interactive p95 to the better baseline's, and that of swaps."""

    trace: str
    seed: int
    devices: str
    reports: dict[str, Report]
    ratio: float
    swaps_ratio: float


class Bench(Struct, frozen=True):
    """Everything that one run showed."""

    results: list[Result]
    decide: Timing


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
@click.option("--seeds", default=0, help="Show the ratios under so many other seeds.")
@click.option("--write", is_flag=True, help="Write the traces to the folder traces.")
def main(names: tuple[str, ...], seeds: int, *, as_json: bool, write: bool) -> None:
    """Waits and swaps of the scheduler on seeded traces, beside two baselines."""
    if write:
        _write()
        return
    bench = Bench([_result(load) for load in workloads() if not names or load.name in names], measure())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(bench)).decode())
        return
    _show(bench)
    for shift in range(100, 100 * (seeds + 1), 100):
        others = [_result(load) for load in workloads(shift) if not names or load.name in names]
        click.echo(f"seeds + {shift}: " + ", ".join(f"{r.trace} {r.ratio:.2f}" for r in others))


def _result(load: Workload) -> Result:
    inventory = parse(load.devices)
    reports = {name: simulate(load.trace, inventory, name) for name in POLICIES}
    ours = reports[_OURS].total
    others = [report.total for name, report in reports.items() if name != _OURS]
    return Result(
        load.name,
        load.seed,
        load.devices,
        reports,
        _ratio(ours.interactive_wait_p95, min(figures.interactive_wait_p95 for figures in others)),
        _ratio(ours.swaps, min(figures.swaps for figures in others)),
    )


def _ratio(ours: float, best: float) -> float:
    return round(ours / best, 3) if best else float(ours > 0)


def _write() -> None:
    folder = Path("traces")
    folder.mkdir(exist_ok=True)
    for load in workloads():
        header = msgspec.json.encode({"models": load.trace.models})
        lines = [msgspec.json.encode(request) for request in load.trace.requests]
        path = folder / f"{load.name}.jsonl"
        path.write_bytes(b"\n".join((header, *lines)) + b"\n")
        click.echo(f"forebay simulate {path} --devices {load.devices!r}")


def _show(bench: Bench) -> None:
    console = Console(width=150)
    columns = ("trace (seed)", "requests", "policy", "p50", "p95", "p95 people", "ratio", "longest", "swaps", "starved")
    table = Table(*columns, "over-commit", "refused")
    for result in bench.results:
        for name, report in result.reports.items():
            ours, total = name == _OURS, report.total
            waits = (total.wait_p50, total.wait_p95, total.interactive_wait_p95)
            table.add_row(
                f"{result.trace} ({result.seed})" if ours else "",
                str(total.requests) if ours else "",
                name,
                *(f"{wait:.1f}" for wait in waits),
                f"{result.ratio:.2f}" if ours else "",
                f"{total.wait_max:.1f}",
                *map(str, (total.swaps, total.starved, total.overcommit_bytes, total.refused)),
            )
        table.add_section()
    console.print(table)
    for words, holds in _figures(bench):
        console.print(f"{'holds' if holds else 'SHORT'}  {words}", highlight=False)


def _figures(bench: Bench) -> list[tuple[str, bool]]:
    """The goals, each with what was measured."""
    ratios = {result.trace: result.ratio for result in bench.results}
    halved = sum(ratio <= _HALF for ratio in ratios.values())
    highest = max(ratios.values(), default=0.0)
    swaps = {result.trace: result.swaps_ratio for result in bench.results if result.trace in _SWAPS_COUNT}
    ours = [result.reports[_OURS].total for result in bench.results]
    starved, over = sum(f.starved for f in ours), sum(f.overcommit_bytes for f in ours)
    took = f"median {bench.decide.median} us, mean {bench.decide.mean} us, slowest {bench.decide.slowest} us"
    return [
        (f"p95 of people at most half of the better baseline's: {halved} of {len(ratios)} traces",
         halved >= len(ratios) - _MOST_ABOVE_HALF),
        (f"never above it on any: at most {highest:.2f}", highest <= _NEVER),
        (f"swaps at most the better baseline's: {swaps}", max(swaps.values(), default=0) <= _NEVER),
        (f"waits beyond three times the fair share: {starved}", not starved),
        (f"over-commit: {over} bytes", not over),
        (f"decide with 8 cards, 60 profiles, 30 residents: {took}", bench.decide.mean <= _MOST_MICROSECONDS),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
