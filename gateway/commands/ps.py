"""``forebay ps``: what a running gateway has in memory."""

import click
from msgspec.json import encode
from rich.console import Console
from rich.table import Table

from gateway.commands.client import ask
from gateway.commands.sizes import size
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
    table = Table("MODEL", "VARIANT", "STATE", "MEMORY", "ON", "BUSY", "QUEUED", "IDLE", "PID")
    for r in found:
        state = f"{r.state}, pinned" if r.pinned else r.state
        busy, idle = f"{r.in_flight}/{r.slots}", f"{r.idle_seconds:.0f} s"
        table.add_row(
            r.model, r.variant, state, size(r.device_bytes), " ".join(r.devices), busy, str(r.queued), idle, str(r.pid)
        )
    Console().print(table if found else "nothing is loaded")
