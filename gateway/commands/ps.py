"""``forebay ps``: what a running gateway has in memory."""

import click
from msgspec.json import encode

from gateway.commands.client import ask
from gateway.commands.sizes import size
from gateway.commands.table import show
from gateway.scheduling.views import ResidentView
from gateway.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def ps(as_json: bool) -> None:
    """Show what a running gateway has in memory."""
    found = ask(Settings(), "GET", "/api/ps", dict[str, list[ResidentView]])["residents"]
    if as_json:
        click.echo(encode(found).decode())
        return
    if not found:
        click.echo("nothing is loaded")
        return
    alike: dict[tuple[str, str, str], list[ResidentView]] = {}
    for each in found:
        alike.setdefault((each.model, each.variant, _state(each)), []).append(each)
    show(("MODEL", "VARIANT", "STATE", "MEMORY", "ON", "BUSY", "QUEUED", "IDLE", "PID"), map(_row, alike.values()))


def _state(resident: ResidentView) -> str:
    return f"{resident.state}, pinned" if resident.pinned else resident.state


def _row(replicas: list[ResidentView]) -> tuple[str, ...]:
    """One line for all replicas of a variant that are in the same state."""
    first = replicas[0]
    name = first.variant if len(replicas) == 1 else f"{first.variant} x{len(replicas)}"
    memory = size(sum(r.device_bytes for r in replicas))
    where = " ".join(dict.fromkeys(device for r in replicas for device in r.devices))
    busy = f"{sum(r.in_flight for r in replicas)}/{sum(r.takes for r in replicas)}"
    queued, idle = str(max(r.queued for r in replicas)), f"{min(r.idle_seconds for r in replicas):.0f} s"
    return first.model, name, _state(first), memory, where, busy, queued, idle, " ".join(str(r.pid) for r in replicas)
