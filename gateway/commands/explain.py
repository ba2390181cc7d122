"""``forebay explain``: which variant would be served, where, and why. Asks a running gateway, else this machine."""

import click
from msgspec.json import encode
from rich.console import Console
from rich.table import Table

from gateway.commands.client import NotRunning, ask
from gateway.commands.offline import offline_services
from gateway.commands.sizes import size
from gateway.routing.explain import Explanation
from gateway.routing.explain import explain as explain_route
from gateway.settings import Settings


@click.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def explain(model: str, as_json: bool) -> None:
    """Say which variant of MODEL would be served, and why."""
    from urllib.parse import quote

    settings = Settings()
    try:
        found = ask(settings, "GET", f"/api/explain?model={quote(model, safe='')}", Explanation)
    except NotRunning:
        found = _offline(settings, model)
    if as_json:
        click.echo(encode(found).decode())
        return
    table = Table("VARIANT", "ENGINE", "WEIGHTS", "+ KV", "+ COMPUTE", "= DEVICE", "DECISION", "WHY")
    for c in found.candidates:
        parts = (size(c.weights_bytes), size(c.kv_bytes), size(c.compute_bytes), size(c.device_bytes))
        decision = c.decision if c.available or c.decision == "refuse" else "missing"
        table.add_row(c.variant, c.engine, *parts, decision, c.why)
    console = Console()
    console.print(table)
    console.print(f"served now: {found.model}:{found.serves}" if found.serves else "served now: nothing of the above")
    for rule in found.fallbacks:
        console.print(f"falls back on {rule}")


def _offline(settings: Settings, model: str) -> Explanation:
    services = offline_services(settings)
    return explain_route(services.table().route(model), services.runtime, services.dispatcher.missing)
