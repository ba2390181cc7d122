"""A profile as the world sees it: one of ``forebay models --json``, the ``forebay`` part of ``GET /v1/models``."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from backends.cloud.offer import Offer, State
from backends.cloud.provider import Provider
from backends.contract import Task
from backends.external.args import ExternalArgs
from gateway.catalog.profile import Lifecycle, Modality, ModelProfile, Tier, Variant

Where = Literal["local", "cloud", "none"]
_NOBODY: Mapping[str, Provider] = {}


class VariantListing(Struct, frozen=True, kw_only=True):
    """One way to serve the model. Bytes of one engine, of which there may be ``replicas``; ``fits`` says whether this
    machine can hold it; the tokens of a request.
    """

    name: str
    engine: str
    device_bytes: int
    host_bytes: int
    fits: bool
    context_tokens: int | None = None
    replicas: int = 1


class OfferListing(Struct, frozen=True, kw_only=True):
    """One provider's way to serve the model, and what becomes of a prompt there, as far as its terms say."""

    provider: str
    model: str
    state: State
    ends_on: str | None
    trains: str
    retention_days: int | None
    country: str | None
    as_of: str
    experimental: bool


class ModelListing(Struct, frozen=True, kw_only=True):
    """``served``: something can answer for the model, on a machine with room; ``fits``: this machine has the room."""

    id: str
    name: str
    description: str
    catalog_rows: tuple[str, ...]
    modality: Modality
    tasks: tuple[Task, ...]
    tier: Tier | None
    licence: str
    open_weights: bool
    lifecycle: Lifecycle
    where: Where
    variants: tuple[VariantListing, ...]
    fits: bool
    served: bool
    verified_by: str | None
    why_not: str | None
    context_tokens: int | None
    max_output_tokens: int | None
    parameters: str | None
    aliases: tuple[str, ...]
    offers: tuple[OfferListing, ...] = ()
    successor: str | None = None


def describe(
    profile: ModelProfile, fits: Callable[[Variant], bool], providers: Mapping[str, Provider] = _NOBODY
) -> ModelListing:
    """``profile`` in public terms. ``providers`` by id; whether one may be asked is another question."""
    variants = tuple(_variant(v, fits) for v in profile.variants)
    known = [(offer, provider) for offer in profile.cloud if (provider := providers.get(offer.provider)) is not None]
    in_cloud = any(offer.state != "retired" and provider.kind != "unavailable" for offer, provider in known)
    where: Where = "local" if variants else "cloud" if in_cloud else "none"
    return ModelListing(
        id=profile.id,
        name=profile.name,
        description=profile.description,
        catalog_rows=profile.catalog_rows,
        modality=profile.modality,
        tasks=profile.tasks,
        tier=profile.tier,
        licence=profile.licence,
        open_weights=profile.open_weights,
        lifecycle=profile.lifecycle,
        where=where,
        variants=variants,
        offers=tuple(_offer(offer, provider) for offer, provider in known),
        successor=profile.successor,
        fits=any(v.fits for v in variants),
        served=where != "none" and profile.lifecycle != "retired",
        verified_by=profile.verified_by,
        why_not=profile.why_not,
        context_tokens=profile.context_tokens,
        max_output_tokens=profile.limits.max_output_tokens,
        parameters=profile.parameters,
        aliases=profile.aliases,
    )


def _offer(offer: Offer, provider: Provider) -> OfferListing:
    privacy = provider.privacy
    return OfferListing(
        provider=provider.id,
        model=offer.model,
        state=offer.state,
        ends_on=offer.ends_on,
        trains="unknown" if privacy is None else privacy.trains,
        retention_days=None if privacy is None else privacy.retention_days,
        country=None if privacy is None else privacy.country,
        as_of=offer.as_of,
        experimental=offer.experimental,
    )


def _variant(variant: Variant, fits: Callable[[Variant], bool]) -> VariantListing:
    return VariantListing(
        name=variant.name,
        engine=str(type(variant.engine).__struct_config__.tag),
        device_bytes=variant.footprint.device_bytes,
        host_bytes=variant.footprint.host_bytes,
        fits=fits(variant),
        context_tokens=variant.engine.request_tokens,
        replicas=_engines(variant),
    )


def _engines(variant: Variant) -> int:
    return max(variant.replicas, len(variant.engine.urls) if isinstance(variant.engine, ExternalArgs) else 1)


def served_context(listing: ModelListing) -> int | None:
    """Tokens that a request may have, answer included, in the variant that would be served here: what a client that
    trims its prompts has to know. ``None`` for models without a context."""
    served = next((v for v in listing.variants if v.fits), None) or next(iter(listing.variants), None)
    known = [each for each in (served.context_tokens if served else None, listing.context_tokens) if each is not None]
    return min(known, default=None)
