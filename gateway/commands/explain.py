"""``forebay explain``: which variant would be served, where, and why. Asks a running gateway, else this machine."""

import click
from msgspec.json import encode

from gateway.commands.client import NotRunning, ask
from gateway.commands.offline import offline_services
from gateway.commands.sizes import size
from gateway.commands.table import show
from gateway.routing.explain import CandidateView, Explanation
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
    columns = ("VARIANT", "ENGINE", "WEIGHTS", "+ KV", "+ COMPUTE", "= DEVICE", "DECISION", "WHY")
    show(columns, (_row(candidate) for candidate in found.candidates))
    click.echo(f"served now: {found.model}:{found.serves}" if found.serves else "served now: nothing of the above")
    for rule in found.fallbacks:
        click.echo(f"falls back on {rule}")


def _row(c: CandidateView) -> tuple[str, ...]:
    parts = (size(c.weights_bytes), size(c.kv_bytes), size(c.compute_bytes), size(c.device_bytes))
    return c.variant, c.engine, *parts, c.decision if c.available or c.decision == "refuse" else "missing", c.why


def _offline(settings: Settings, model: str) -> Explanation:
    services = offline_services(settings)
    return explain_route(services.table().route(model), services.runtime, services.dispatcher.missing)
