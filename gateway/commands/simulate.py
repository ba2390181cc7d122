"""``forebay simulate``: what a machine would do with a trace of requests. Starts nothing, needs no such machine."""

import sys
from pathlib import Path

import click
from msgspec.json import encode
from rich.progress import Progress

from gateway.commands.offline import offline_services
from gateway.commands.sizes import size
from gateway.commands.table import show
from gateway.scheduling.device_spec import parse
from gateway.scheduling.simulate.report import Figures, Report
from gateway.scheduling.simulate.run import POLICIES, simulate
from gateway.scheduling.simulate.trace import Kind, ModelSpec, Trace, VariantSpec, read
from gateway.settings import Settings

_COLUMNS = ("", "REQUESTS", "REFUSED", "WAIT P50", "P95", "P99", "LONGEST", "P95 PEOPLE", "SWAPS", "EVICTED", "LOADED",
            "BUSY", "STARVED")  # fmt: skip


@click.command(name="simulate")
@click.argument("trace")
@click.option("--devices", required=True, help='The machine, as "2xRTX4090-24,ram=64", or a .yaml or .json file.')
@click.option("--policy", "policies", multiple=True, type=click.Choice(list(POLICIES)), help="Default: forebay.")
@click.option("--compare", is_flag=True, help="All policies side by side.")
@click.option("--json", "as_json", is_flag=True, help="JSON output: an object, or a list of several policies.")
def simulate_command(trace: str, devices: str, policies: tuple[str, ...], *, compare: bool, as_json: bool) -> None:
    """Play TRACE (JSON lines; - reads standard input) on a machine that need not exist."""
    inventory = parse(devices)
    given = _read(trace)
    chosen = tuple(POLICIES) if compare else policies or ("forebay",)
    with Progress(transient=True, disable=not sys.stderr.isatty()) as bars:
        reports = [simulate(given, inventory, name) for name in bars.track(chosen, description="simulating")]
    if as_json:
        click.echo(encode(reports[0] if len(reports) == 1 else reports).decode())
        return
    for report in reports:
        _show(report, full=len(reports) == 1)


def _read(trace: str) -> Trace:
    try:
        lines = sys.stdin.buffer.read() if trace == "-" else Path(trace).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{trace}: {error.strerror}") from None
    return read(lines.splitlines(), _Catalog().model)


class _Catalog:
    """Models of the profiles, looked up only when a trace names one that its header does not have."""

    def __init__(self) -> None:
        self._models: dict[str, ModelSpec] | None = None

    def model(self, name: str) -> ModelSpec | None:
        if self._models is None:
            self._models = _of_the_catalog()
        return self._models.get(name)


def _of_the_catalog() -> dict[str, ModelSpec]:
    table = offline_services(Settings()).table()
    kinds: dict[str, Kind] = {"image": "image", "video": "video"}
    found: dict[str, ModelSpec] = {}
    for profile in table.catalog.profiles.values():
        targets = [candidate.target for candidate in table.route(profile.id).candidates]
        variants = tuple(
            VariantSpec(
                name=target.variant_id.partition(":")[2],
                device_bytes=target.device_bytes,
                load_seconds=target.load_seconds,
                speed=target.speed,
                host_bytes=target.host_bytes,
                split=target.split,
                runs_on=target.runs_on,
            )
            for target in targets
            if target.managed
        )
        if variants:
            bed = targets[0].sleep
            found[profile.id] = ModelSpec(
                kind=kinds.get(profile.modality, "chat"),
                variants=variants,
                slots=targets[0].slots,
                sleep_wake_seconds=None if bed is None else bed.wake_seconds,
            )
    return found


def _show(report: Report, *, full: bool) -> None:
    rows = [(report.policy, report.total)]
    if full:
        rows += [*report.models.items(), *report.devices.items()]
    show(_COLUMNS, (_row(name, figures) for name, figures in rows))
    if report.total.overcommit_bytes:
        click.echo(f"over-committed by {size(report.total.overcommit_bytes)}")


def _row(name: str, f: Figures) -> tuple[str, ...]:
    waits = (f.wait_p50, f.wait_p95, f.wait_p99, f.wait_max, f.interactive_wait_p95)
    return (
        name, str(f.requests), str(f.refused), *(f"{wait:.1f} s" for wait in waits),
        str(f.swaps), str(f.evictions), size(f.bytes_loaded), f"{f.busy_share:.0%}", str(f.starved),
    )  # fmt: skip
