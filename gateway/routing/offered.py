"""The offers of a profile as candidates: to whatever makes a call of one, a provider is a server of others. Pure."""

from collections.abc import Callable, Mapping

from backends.cloud.offer import Offer
from backends.cloud.provider import Provider
from backends.external.args import ExternalArgs
from gateway.catalog.profile import Footprint, ModelProfile, Variant
from gateway.routing.route import Candidate, Offered


def offered(
    profile: ModelProfile, providers: Mapping[str, Provider], make: Callable[[ModelProfile, Variant], Candidate]
) -> tuple[Offered, ...]:
    """In the profile's order. ``make`` is how candidates are made of variants."""
    return tuple(
        Offered(offer=offer, provider=provider, candidate=make(profile, _variant(offer, provider)))
        for offer in profile.cloud
        if (provider := providers.get(offer.provider)) is not None
    )


def _variant(offer: Offer, provider: Provider) -> Variant:
    native = provider.kind == "anthropic" or "anthropic" in provider.dialects
    engine = ExternalArgs(
        url=provider.base_url,
        served_model=offer.model,
        slots=provider.concurrent,
        context_tokens=offer.context_tokens,
        dialects=("anthropic",) if native else (),
    )
    return Variant(name=provider.id, engine=engine, footprint=Footprint(weights_bytes=0))
