"""``forebay explain``: which variant would be served, where, why, and how its size comes about.

Asks a running gateway, else this machine.
"""

from collections.abc import Iterator
from contextlib import suppress

import click
from msgspec.json import encode

from backends.errors import BackendError
from gateway.commands.client import NotRunning, ask
from gateway.commands.offline import offline_services, settings_for
from gateway.commands.sizes import size
from gateway.commands.table import show
from gateway.database import open_database
from gateway.http.operator import explanation_of
from gateway.routing.explain import CandidateView, Explanation
from gateway.settings import Settings

_OPERATOR = "operator"
_LABEL = 24
"""Wide enough for every label."""


@click.command()
@click.argument("model")
@click.option("--devices", help='As if this were the machine: "2xRTX4090-24,ram=64", or a file.')
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def explain(model: str, devices: str | None, as_json: bool) -> None:
    """Say which variant of MODEL would be served, and why."""
    from urllib.parse import quote

    settings = settings_for(devices)
    try:
        if devices is None:
            found = ask(settings, "GET", f"/api/explain?model={quote(model, safe='')}", Explanation)
        else:
            found = _offline(settings, model)
    except NotRunning:
        found = _offline(settings, model)
    if as_json:
        click.echo(encode(found).decode())
        return
    if found.instead_of:
        click.echo(f"{found.instead_of} is gone: {found.model} answers to its name (FOREBAY_SUCCESSORS)")
    if found.candidates or not found.offers:
        columns = ("VARIANT", "ENGINE", "WEIGHTS", "+ KV", "+ COMPUTE", "= DEVICE", "DECISION", "WHY")
        show(columns, (_row(candidate) for candidate in found.candidates))
        click.echo(f"served now: {found.model}:{found.serves}" if found.serves else "served now: nothing of the above")
    if found.offers:
        rows = ((o.provider, o.model, "yes" if o.open else "no", o.why) for o in found.offers)
        show(("PROVIDER", "ITS MODEL", "MAY BE ASKED", "WHY"), rows)
    for rule in found.fallbacks:
        click.echo(f"falls back on {rule}")
    for candidate in found.candidates:
        click.echo(f"\n{found.model}:{candidate.variant}, {_source(candidate)}")
        for label, formula, amount in _arithmetic(candidate):
            click.echo(f"  {label:<{_LABEL}}  {formula} = {amount}")


def _source(c: CandidateView) -> str:
    match c.source:
        case "computed":
            return "computed from what its files say" if c.engine == "llama_cpp" else "computed"
        case "declared":
            return "from the profile"
        case "measured":
            return f"measured on {c.measured_at[:10]}: {size(c.device_bytes)} on the device; computed"


def _arithmetic(c: CandidateView) -> Iterator[tuple[str, str, str]]:
    for term in c.terms:
        yield term.label, term.formula, size(term.bytes) + (" in host RAM" if term.on_host else "")


def _row(c: CandidateView) -> tuple[str, ...]:
    parts = (size(c.weights_bytes), size(c.kv_bytes), size(c.compute_bytes), size(c.device_bytes))
    return c.variant, c.engine, *parts, c.decision if c.available or c.decision == "refuse" else "missing", c.why


def _offline(settings: Settings, model: str) -> Explanation:
    services = offline_services(settings)
    profile = services.table().route(model).profile
    services.footprints.read_heads(profile.variants)
    path = settings.state_dir / "forebay.db"
    if path.exists():
        with suppress(BackendError):  # a damaged one costs what was measured, no more
            database = open_database(path)
            services.footprints.load(database)
            database.dispose()
    services.table().forget()
    return explanation_of(services, model, _OPERATOR)
