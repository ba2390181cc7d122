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
    show(("MODEL", "VARIANT", "STATE", "MEMORY", "ON", "BUSY", "QUEUED", "IDLE", "PID"), (_row(r) for r in found))


def _row(r: ResidentView) -> tuple[str, ...]:
    state = f"{r.state}, pinned" if r.pinned else r.state
    busy, idle = f"{r.in_flight}/{r.slots}", f"{r.idle_seconds:.0f} s"
    memory, where = size(r.device_bytes), " ".join(r.devices)
    return r.model, r.variant, state, memory, where, busy, str(r.queued), idle, str(r.pid)
