"""The providers and offers that come with Forebay: every closed row of the comparison leads to somebody who serves it.

Nothing is asked of anybody; what a provider gets is ``tests/contract/test_cloud_texts.py``.
"""

import re
from urllib.parse import urlsplit

import pytest

from backends.cloud.neighbour import is_neighbour
from backends.cloud.offer import Offer
from backends.cloud.provider import Provider
from backends.errors import Cause
from gateway.catalog.load import load
from gateway.catalog.profile import ModelProfile, Spill
from gateway.routing.egress import Permit, objection
from gateway.routing.route import Route
from gateway.routing.spillway import gone, no_way
from gateway.settings import default_profiles_dir
from tests.closed_rows import TEXT_ROWS as CLOSED

PROMISE = {"openai", "anthropic", "xai", "deepinfra", "together"}
"""Whose terms say, without a switch of theirs, that nobody learns from what they are sent."""
OPEN = Permit(server="spill", key=True)
_CATALOG = load(default_profiles_dir()).catalog
assert _CATALOG is not None
PROFILES, PROVIDERS = _CATALOG.profiles, _CATALOG.providers
TEXTS = {p.id: p for p in PROFILES.values() if p.modality == "llm" and p.cloud}
OFFERS = [(profile, offer) for profile in TEXTS.values() for offer in profile.cloud]
each_offer = pytest.mark.parametrize(("profile", "offer"), OFFERS, ids=[f"{p.id}@{o.provider}" for p, o in OFFERS])


def objections(profile: ModelProfile, permit: Permit) -> list[str | None]:
    return [
        objection(permit, PROVIDERS[offer.provider], offer, has_key=True, asked_for=True) for offer in profile.cloud
    ]


@pytest.mark.parametrize("row", CLOSED)
def test_a_closed_row_is_served_or_says_who_takes_its_place(row: str) -> None:
    found = {p.id: p for p in PROFILES.values() if row in p.catalog_rows}
    assert {name: p.lifecycle for name, p in found.items()} == CLOSED[row]
    for profile in found.values():
        if profile.lifecycle == "retired":
            assert re.search(r"on \d+ [A-Z][a-z]+ 20\d\d$", profile.why_not or "")
            assert all(said is not None and "switched" in said for said in objections(profile, OPEN))
        else:
            assert objections(profile, OPEN)[0] is None
        if profile.lifecycle in ("retired", "ending"):
            successor = PROFILES[profile.successor or ""]
            assert successor.lifecycle == "active"
            assert objections(successor, OPEN)[0] is None


def test_who_asks_for_a_model_that_is_gone_hears_why_and_what_to_ask_for() -> None:
    retired = [profile for profile in TEXTS.values() if profile.lifecycle == "retired"]
    assert retired
    for profile in retired:
        said = tuple(filter(None, objections(profile, OPEN)))
        error = no_way(Route(profile=profile, candidates=(), fallbacks=()), said, "2026-11-29")
        assert (error.cause, error.code) == (Cause.NOT_FOUND, "model_not_available")
        assert f"switched {profile.cloud[0].model} off; {profile.successor} takes its place" in error.detail


def test_a_model_is_gone_on_its_last_day() -> None:
    """Google answers for another one under its name from then on."""
    profile = PROFILES["gemini-2.5-pro"]
    assert [gone(profile, day) for day in ("2026-11-30", "2026-12-01")] == [False, True]


@each_offer
def test_an_offer_says_when_it_ends_and_what_it_costs(profile: ModelProfile, offer: Offer) -> None:
    assert (offer.state != "active") == (offer.ends_on is not None)
    assert offer.experimental == (offer.state != "retired"), "nobody here has a key"
    if not profile.variants:
        assert offer.state == {"preview": "active"}.get(profile.lifecycle, profile.lifecycle)
    if offer.state == "retired":
        return
    assert offer.price is not None
    assert offer.price.tokens is not None
    assert 0 < offer.price.tokens.input <= offer.price.tokens.output
    assert (offer.price.tokens.cached_input or 0) <= offer.price.tokens.input
    for tier in offer.price.tiers:
        assert tier.rates.input > offer.price.tokens.input


@each_offer
def test_an_offer_is_for_chats_and_no_longer_than_its_context(profile: ModelProfile, offer: Offer) -> None:
    """Whether hosts complete texts without a chat was not read."""
    assert [task.value for task in offer.tasks or profile.tasks] == ["chat"]
    if offer.context_tokens is not None:
        assert (offer.output_tokens or 1) < offer.context_tokens


def test_what_runs_here_may_spill_and_what_does_not_needs_no_rule() -> None:
    """The server's switch, the key's policy and its budget are off until somebody sets them."""
    assert {p.id for p in TEXTS.values() if p.spill == Spill()} == {p.id for p in TEXTS.values() if p.variants}


@pytest.mark.parametrize(
    "permit", [Permit(), Permit(server="spill"), Permit(server="spill", key=True, local_only=True)]
)
def test_nothing_leaves_while_one_switch_is_off(permit: Permit) -> None:
    said = [each for profile in TEXTS.values() for each in objections(profile, permit)]
    assert said
    assert None not in said


def test_who_asks_for_no_training_reaches_only_those_whose_terms_promise_it() -> None:
    permit = Permit(server="spill", key=True, no_training=True)
    passed = {
        offer.provider
        for profile, offer in OFFERS
        if objection(permit, PROVIDERS[offer.provider], offer, has_key=True, asked_for=True) is None
    }
    assert passed == PROMISE


def test_names_of_models_elsewhere_are_exact() -> None:
    """A wildcard here would answer for names that operators give to models of their own."""
    assert not [alias for p in TEXTS.values() if not p.variants for alias in p.aliases if "*" in alias]


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_a_provider_is_reached_safely_and_promises_nothing_that_was_not_read(provider: Provider) -> None:
    if provider.kind == "unavailable":
        return
    assert urlsplit(provider.base_url or "").scheme == "https"
    assert not is_neighbour(provider)
    assert provider.auth is not None
    assert not provider.auth.optional
    assert provider.privacy is not None
    if provider.privacy.trains != "unknown" or provider.privacy.retention_days is not None:
        assert "https://" in provider.privacy.source, "a promise has its page"


def test_nobodys_key_is_also_anothers() -> None:
    secrets = [each.auth.secret for each in PROVIDERS.values() if each.auth is not None]
    assert len(secrets) == len(set(secrets))


def test_a_model_behind_anthropics_api_is_asked_on_the_terms_of_its_generation() -> None:
    """Those from 4.7 on think as they see fit and take no temperature; those from 4.8 on take late system messages."""
    offers = [offer for _, offer in OFFERS if offer.provider == "anthropic" and offer.state != "retired"]
    assert {(o.thinking, o.samples, o.late_system, o.output_tokens) for o in offers} == {
        ("adaptive", False, True, 128000)
    }
