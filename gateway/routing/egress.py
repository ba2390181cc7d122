"""Whether a request may leave this machine for a provider: every switch must say yes, and a request can only say no.

Pure. Asked before anything that would be sent is built.
"""

from typing import Literal

from msgspec import Struct

from backends.cloud.neighbour import is_neighbour
from backends.cloud.offer import Offer
from backends.cloud.provider import Provider
from gateway.keys.policy import Policy

Switch = Literal["off", "named", "spill"]
"""The server's: nothing leaves; only what asks for a model that nobody here serves, or by ``cloud/NAME``; also what
would have to wait."""


class Permit(Struct, frozen=True, kw_only=True):
    """What the server, the caller's key and the request allow. ``key``: the key's policy says yes.

    ``no_training`` and ``retention_days`` are what a provider's terms must promise.
    """

    server: Switch = "off"
    key: bool = False
    local_only: bool = False
    no_training: bool = False
    retention_days: int | None = None


def permit_of(server: Switch, policy: Policy, *, local_only: bool) -> Permit:
    """``policy`` is the caller's key's."""
    return Permit(
        server=server, key=policy.cloud, local_only=local_only, no_training=policy.no_training,
        retention_days=policy.retention_days,
    )  # fmt: skip


def ended(offer: Offer, today: str) -> bool:
    """Switched off, or its announced day has come: some providers answer its name with another model from then on, and
    charge for that. ``today``: year, month and day, as profiles write them.
    """
    return offer.state == "retired" or (offer.ends_on is not None and offer.ends_on <= today)


def objection(
    permit: Permit, provider: Provider, offer: Offer, *, has_key: bool, asked_for: bool, today: str = ""
) -> str | None:
    """Why the request may not go there, in words for its sender, or ``None``. ``asked_for``: nobody here serves the
    model, or the name says ``cloud/``. The server's own neighbours are not the cloud.
    """
    if provider.kind == "unavailable":
        return provider.why_not or f"{provider.name} has no API"
    if ended(offer, today):
        return f"{provider.name} has switched {offer.model} off"
    if is_neighbour(provider):
        return None
    if permit.local_only:
        return "the request asks for local models only"
    if permit.server == "off":
        return "this gateway does not use the cloud (FOREBAY_CLOUD)"
    if permit.server == "named" and not asked_for:
        return "this gateway uses the cloud only for models that are asked for there (FOREBAY_CLOUD)"
    if not permit.key:
        return "this key may not use the cloud"
    if not has_key:
        return f"there is no key for {provider.name} here"
    return _terms(permit, provider)


def _terms(permit: Permit, provider: Provider) -> str | None:
    privacy = provider.privacy
    if permit.no_training and (privacy is None or privacy.trains != "no"):
        return f"the terms of {provider.name} do not rule out training on what it is sent"
    if permit.retention_days is not None:
        kept = None if privacy is None else privacy.retention_days
        if kept is None or kept > permit.retention_days:
            return f"{provider.name} may keep what it is sent for longer than {permit.retention_days} days"
    return None
