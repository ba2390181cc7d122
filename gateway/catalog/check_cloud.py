"""Rules of what profiles say about the cloud: known providers, causes that spill, successors that exist. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from backends.cloud.neighbour import is_neighbour
from backends.cloud.offer import Offer
from backends.cloud.provider import Provider
from gateway.catalog.check import Document, problem_of
from gateway.catalog.finding import Finding
from gateway.catalog.problem import Problem, did_you_mean, quoted
from gateway.catalog.profile import ModelProfile, Spill
from gateway.errors import TABLE


def check_offers(documents: Sequence[Document], providers: Mapping[str, Provider], *, broken: bool) -> list[Problem]:
    """Every broken rule. ``broken``: some file could not be read, so that a missing name proves nothing."""
    known = {document.profile.id for document in documents}
    return [
        problem_of(document, finding)
        for document in documents
        for finding in _findings(document.profile, providers, known, broken=broken)
    ]


def _findings(
    profile: ModelProfile, providers: Mapping[str, Provider], known: set[str], *, broken: bool
) -> Iterator[Finding]:
    for i, offer in enumerate(profile.cloud):
        if offer.provider not in providers and not broken:
            hint = did_you_mean(offer.provider, providers)
            yield Finding(f"cloud[{i}].provider", f"no provider {quoted(offer.provider)}", hint)
        provider = providers.get(offer.provider)
        if offer.price is None and provider is not None and not is_neighbour(provider) and offer.state != "retired":
            yield Finding(f"cloud[{i}]", "price is needed", "without one no budget can be kept")
        yield from _offer(profile, i, offer)
    if profile.spill is not None:
        yield from _spill(profile, profile.spill)
    if profile.successor == profile.id:
        yield Finding("successor", "is the model itself")
    elif profile.successor is not None and profile.successor not in known and not broken:
        hint = did_you_mean(profile.successor, known)
        yield Finding("successor", f"no model {quoted(profile.successor)}", hint)


def _offer(profile: ModelProfile, i: int, offer: Offer) -> Iterator[Finding]:
    if offer.provider in [each.provider for each in profile.cloud[:i]]:
        yield Finding(f"cloud[{i}].provider", f"{quoted(offer.provider)} is given twice")
    for j, task in enumerate(offer.tasks):
        if task not in profile.tasks:
            yield Finding(f"cloud[{i}].tasks[{j}]", f"{task.value} is no task of this profile")
    if not offer.source.strip():
        yield Finding(f"cloud[{i}].source", "who says so?")


def _spill(profile: ModelProfile, spill: Spill) -> Iterator[Finding]:
    if not profile.cloud:
        yield Finding("spill", "there is no cloud to go to")
    for j, cause in enumerate(spill.when):
        if not TABLE[cause].falls_back:
            yield Finding(f"spill.when[{j}]", f"after {cause.value} nobody else is ever asked")
