"""``forebay pull``: fetch and verify a model's weights."""

import click

from backends.weights.pull import pull as pull_weights
from backends.weights.store import WeightStore
from gateway.catalog.profile import Weights
from gateway.commands.offline import offline_services
from gateway.commands.steps import FileBars
from gateway.http.services import Services
from gateway.routing.route import Candidate, Route
from gateway.settings import Settings


@click.command()
@click.argument("model")
@click.option("--all", "every", is_flag=True, help="All variants, not only the one that this machine would serve.")
def pull(model: str, every: bool) -> None:
    """Fetch and verify the weights of MODEL (a name, an alias or profile:variant). Resumes what was cut off."""
    settings = Settings()
    services = offline_services(settings)
    for candidate in _wanted(services, services.table().route(model), every=every):
        _pull(settings, candidate)


def _wanted(services: Services, route: Route, *, every: bool) -> list[Candidate]:
    """The variants to fetch: the first that fits here, or the first of all where none does."""
    loadable = [candidate for candidate in route.candidates if _sources(candidate)]
    if not loadable:
        raise click.ClickException(f"{route.profile.id} has no weights to fetch")
    if every:
        return loadable
    fitting = [candidate for candidate in loadable if services.table().fits(candidate.variant)]
    if not fitting and len(loadable) > 1:
        click.echo("no variant fits this machine; fetching the preferred one", err=True)
    return (fitting or loadable)[:1]


def _pull(settings: Settings, candidate: Candidate) -> None:
    name = candidate.target.variant_id
    store = WeightStore(settings.cache_dir / "weights", models_dir=settings.models_dir)
    missing = [weights for weights in _sources(candidate) if store.locate(weights) is None]
    if not missing:
        click.echo(f"{name}: already here")
        return
    for weights in missing:
        click.echo(f"{name}: {store.missing_bytes(weights) / 1e6:.0f} MB from {weights.source}", err=True)
        with FileBars() as bars:
            paths = pull_weights(weights, store, bars)
        what = "folder" if weights.folder is not None else f"{len(paths)} file{'s' if len(paths) > 1 else ''}"
        click.echo(f"{name}: {what} verified")


def _sources(candidate: Candidate) -> list[Weights]:
    """Where its weights and its parts come from."""
    own = candidate.variant.weights
    return [*([] if own is None else [own]), *candidate.variant.parts.values()]
