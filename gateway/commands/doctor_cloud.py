"""What ``forebay doctor`` says about providers: whether anything may leave, within what, and whose keys are here.

Looks at names of secrets only; no key is ever shown, and nobody is asked.
"""

from msgspec import Struct

from backends.cloud.secrets import has_key, secret_names
from gateway.http.services import Services
from gateway.routing.egress import ended
from gateway.settings import Settings


class ProviderKeys(Struct, frozen=True, kw_only=True):
    """``models``: how many of the catalog it offers now. ``secrets``: the names of what it wants."""

    provider: str
    models: int
    secrets: list[str]
    key: bool


class CloudView(Struct, frozen=True, kw_only=True):
    """``switch`` is ``FOREBAY_CLOUD``; budgets are the gateway's, in US dollars."""

    switch: str
    budget_day: float | None
    budget_month: float | None
    providers: list[ProviderKeys]

    @property
    def open(self) -> bool:
        """Whether somebody may be asked; whether he may be paid is each key's."""
        return self.switch != "off" and any(each.key for each in self.providers)


def cloud_view(settings: Settings, services: Services) -> CloudView:
    """Providers that offer something, by name."""
    catalog, today = services.catalog.catalog, services.spillway.today()
    offered: dict[str, int] = {}
    for profile in catalog.profiles.values():
        for offer in profile.cloud:
            if not ended(offer, today):
                offered[offer.provider] = offered.get(offer.provider, 0) + 1
    views: list[ProviderKeys] = []
    for name in sorted(offered):
        provider = catalog.providers[name].for_media()
        key, wanted = has_key(provider, services.cloud.secrets), list(secret_names(provider))
        views.append(ProviderKeys(provider=name, models=offered[name], secrets=wanted, key=key))
    return CloudView(
        switch=settings.cloud, budget_day=settings.cloud_budget_day, budget_month=settings.cloud_budget_month,
        providers=views,
    )  # fmt: skip


def cloud_lines(cloud: CloudView) -> list[str]:
    """For people."""
    if cloud.switch == "off":
        said = ["off: nothing leaves this machine (FOREBAY_CLOUD)"]
    else:
        given = ((cloud.budget_day, "a day"), (cloud.budget_month, "a month"))
        budget = " and ".join(f"${usd:g} {every}" for usd, every in given if usd)
        said = [
            f"{cloud.switch} (FOREBAY_CLOUD); " + (f"budget: {budget}" if budget else "keys have budgets of their own")
        ]
    here = [f"{each.provider} ({each.models} models)" for each in cloud.providers if each.key]
    absent = [f"{each.provider} ({', '.join(each.secrets)})" for each in cloud.providers if not each.key]
    said.append(f"keys for: {', '.join(here) or 'nobody'}")
    if absent and cloud.switch != "off":
        said.append(f"no keys for: {', '.join(absent)}")
    return said
