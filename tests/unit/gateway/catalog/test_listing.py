"""What `forebay models` and `/v1/models` say about a profile."""

import msgspec

from backends.cloud.provider import Privacy, Provider
from backends.contract import Task
from gateway.catalog.listing import ModelListing, VariantListing, describe, served_context
from tests.unit.gateway.catalog.samples import CHAT, PICTURE, profile

OFFER = "cloud: [{provider: far, model: far-1, as_of: 2026-11-23, source: x}]\n"


def test_a_served_model() -> None:
    listing = describe(profile(CHAT), lambda v: v.name == "q8")
    assert listing.where == "local"
    assert listing.served
    assert listing.fits
    assert listing.tasks == (Task.CHAT, Task.COMPLETION)
    assert listing.variants == (
        VariantListing(name="q8", engine="llama_cpp", device_bytes=1230, host_bytes=4, fits=True, context_tokens=2048),
        VariantListing(name="remote", engine="external", device_bytes=0, host_bytes=0, fits=False),
    )


def test_the_context_that_is_served_is_that_of_the_variant_that_fits() -> None:
    assert served_context(describe(profile(CHAT), lambda v: v.name == "q8")) == 2048, "one slot of two"
    small = profile(CHAT.replace("context_tokens: 4096, slots", "context_tokens: 1024, slots"))
    assert served_context(describe(small, lambda v: v.name == "q8")) == 512
    assert served_context(describe(small, lambda v: v.name == "remote")) == 4096
    assert served_context(describe(profile(PICTURE), lambda v: True)) is None


def test_the_public_keys_are_all_there() -> None:
    listing = msgspec.json.decode(msgspec.json.encode(describe(profile(CHAT), lambda v: False)))
    assert set(listing) == {
        "id", "name", "description", "catalog_rows", "modality", "tasks", "tier", "licence", "open_weights",
        "lifecycle", "where", "variants", "fits", "served", "verified_by", "why_not", "context_tokens",
        "max_output_tokens", "parameters", "aliases", "offers", "successor",
    }  # fmt: skip
    assert set(listing["variants"][0]) == {
        "name", "engine", "device_bytes", "host_bytes", "fits", "context_tokens", "replicas",
    }  # fmt: skip
    assert listing["fits"] is False
    assert listing["served"] is True
    assert listing["catalog_rows"] == ["Row One"]


def test_where_a_model_without_variants_is() -> None:
    def picture(extra: str = "", *providers: Provider) -> ModelListing:
        return describe(profile(PICTURE + extra), lambda v: True, {each.id: each for each in providers})

    privacy = Privacy(country="XX", trains="no", retention_days=30, as_of="2026-11-23", source="its terms")
    far = Provider(id="far", name="Far", kind="openai", base_url="https://far.example/v1", privacy=privacy)
    assert (picture().where, picture().served, picture().fits) == ("none", False, False)
    assert picture().why_not == "only its maker serves it"
    there = picture(OFFER, far)
    assert (there.where, there.served) == ("cloud", True)
    assert [(o.provider, o.model, o.trains, o.retention_days) for o in there.offers] == [("far", "far-1", "no", 30)]
    assert picture(OFFER).where == "none", "a provider that nobody knows offers nothing"
    assert picture(OFFER + "lifecycle: retired\n", far).served is False
    assert picture(OFFER.replace("source: x", "source: x, state: retired"), far).where == "none"
