"""The offers of a profile as candidates: to whatever makes a call of one, a provider is a server of others. Pure."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from backends.cloud.offer import Offer
from backends.cloud.provider import Provider
from backends.contract import Task
from backends.external.args import ExternalArgs
from gateway.catalog.profile import Footprint, ModelProfile, Variant
from gateway.routing.route import Candidate, Offered

Make = Callable[[ModelProfile, Variant], Candidate]
_TEXTS = frozenset({Task.CHAT, Task.COMPLETION, Task.EMBEDDING, Task.RERANK, Task.SCORE, Task.SPEECH})


def offered(profile: ModelProfile, providers: Mapping[str, Provider], make: Make) -> tuple[Offered, ...]:
    """In the profile's order. ``make`` is how candidates are made of variants."""
    media = not _TEXTS.intersection(profile.tasks)
    return tuple(
        _offered(profile, offer, provider.for_media() if media else provider, make, media=media)
        for offer in profile.cloud
        if (provider := providers.get(offer.provider)) is not None
    )


def _offered(profile: ModelProfile, offer: Offer, provider: Provider, make: Make, *, media: bool) -> Offered:
    candidate = replace(make(profile, _variant(offer, provider)), provider=provider.id)
    return Offered(offer=offer, provider=provider, candidate=candidate, media=media)


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
