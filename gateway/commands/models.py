"""``forebay models``: the catalog, and what of it fits this machine."""

import click
from msgspec.json import encode

from gateway.catalog.listing import ModelListing, OfferListing, describe
from gateway.commands.offline import offline_services, settings_for
from gateway.commands.sizes import size
from gateway.commands.table import show


@click.command()
@click.option("--fits", is_flag=True, help="Only what fits this machine.")
@click.option("--devices", help='As if this were the machine: "2xRTX4090-24,ram=64", or a file.')
@click.option("--cloud", "in_cloud", is_flag=True, help="Who offers them, and what becomes of a prompt there.")
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def models(fits: bool, devices: str | None, in_cloud: bool, as_json: bool) -> None:
    """List the models of the catalog."""
    services = offline_services(settings_for(devices))
    able = services.table().fits
    catalog = services.catalog.catalog
    listed = [describe(profile, able, catalog.providers) for profile in catalog.profiles.values()]
    if fits:
        listed = [model for model in listed if model.fits]
    if as_json:
        click.echo(encode(listed).decode())
        return
    if in_cloud:
        columns = ("MODEL", "PROVIDER", "ITS NAME", "STATE", "TRAINS", "KEEPS", "COUNTRY", "AS OF")
        show(columns, (_offer(model, offer) for model in listed for offer in model.offers))
        return
    columns = ("MODEL", "NAME", "TASKS", "TIER", "CONTEXT", "SMALLEST", "FITS", "LICENCE")
    show(columns, (_row(model) for model in listed))


def _row(model: ModelListing) -> tuple[str, ...]:
    smallest = min((v.device_bytes for v in model.variants), default=0)
    return (
        model.id,
        model.name,
        ", ".join(task.value for task in model.tasks),
        model.tier or "",
        str(model.context_tokens or ""),
        size(smallest) if smallest else "",
        "yes" if model.fits else (model.why_not or ("cloud" if model.where == "cloud" else "no")),
        model.licence,
    )


def _offer(model: ModelListing, offer: OfferListing) -> tuple[str, ...]:
    state = f"ends {offer.ends_on}" if offer.ends_on and offer.state != "retired" else offer.state
    return (
        model.id,
        offer.provider,
        offer.model,
        f"{state}, untried" if offer.experimental else state,
        offer.trains,
        "?" if offer.retention_days is None else f"{offer.retention_days} d",
        offer.country or "",
        offer.as_of,
    )
