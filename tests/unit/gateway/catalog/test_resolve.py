# ruff: noqa: E501 (tables of names)
"""Names that clients send: ids, aliases, wildcards, selectors, pinned sides."""

from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from gateway.catalog.catalog import Catalog, build_catalog, empty_catalog
from gateway.catalog.profile import ModelProfile, Variant
from gateway.catalog.resolve import resolve
from tests.unit.gateway.catalog.samples import BETA, CHAT, PICTURE, loaded, profile, three


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return loaded(three(tmp_path))


def never(variant: Variant) -> bool:
    raise AssertionError(f"only selectors ask what fits, not {variant.name}")


def anything(variant: Variant) -> bool:
    return True


def made(*profiles: ModelProfile) -> Catalog:
    return build_catalog({p.id: p for p in profiles}, {}, "v")


@pytest.mark.parametrize(
    ("name", "model", "variant", "side", "matched"),
    [
        ("alpha", "alpha", None, None, "id"),
        ("ALPHA", "alpha", None, None, "id"),
        ("alpha-latest", "alpha", None, None, "alias"),
        ("Alpha/One", "alpha", None, None, "alias"),
        ("alpha/one", "alpha", None, None, "alias"),
        ("alpha:q8", "alpha", "q8", None, "id"),
        ("Alpha/One:Q8", "alpha", "q8", None, "alias"),
        ("local/alpha", "alpha", None, "local", "id"),
        ("local/alpha:remote", "alpha", "remote", "local", "id"),
        ("cloud/alpha", "alpha", None, "cloud", "id"),
        ("cloud/gpt-4o", "alpha", None, "cloud", "wildcard"),
        ("gpt-3.5:x", "alpha", None, None, "wildcard"),
        ("GPT-4", "alpha", None, None, "wildcard"),
        ("gemini", "beta", None, None, "wildcard"),
        ("gpt", "beta", None, None, "wildcard"),
        ("some-large", "beta", None, None, "wildcard"),
        ("picture", "picture", None, None, "id"),
    ],
)
def test_names(catalog: Catalog, name: str, model: str, variant: str | None, side: str | None, matched: str) -> None:
    found = resolve(catalog, name, never)
    assert found.profile.id == model
    assert (found.variant.name if found.variant else None) == variant
    assert found.pinned_side == side
    assert found.matched == matched


def test_the_most_specific_wildcard_wins() -> None:
    one = profile(PICTURE.replace("id: picture", "id: one") + 'aliases: ["a*", "ab*z*", "same*1"]\n')
    two = profile(PICTURE.replace("id: picture", "id: two") + 'aliases: ["ab*", "ab*zz*", "same*2", "Ab*"]\n')
    catalog = made(two, one)

    def owner(name: str) -> str:
        return resolve(catalog, name, never).profile.id

    assert owner("axx") == "one"
    assert owner("abx") == "two"
    assert owner("abzq") == "one"
    assert owner("abzzq") == "two"
    assert owner("same1") == "one"
    assert owner("same2") == "two"
    assert owner("Abx") == "two"


def test_a_wildcard_needs_its_parts_in_order_without_overlap() -> None:
    catalog = made(profile(PICTURE + 'aliases: ["ab*ba*ab"]\n'))
    for name in ("abbaab", "abxbaxab", "abbabaab"):
        assert resolve(catalog, name, never).matched == "wildcard"
    for name in ("aba", "abba", "abab", "abxab", "abaab"):
        with pytest.raises(BackendError):
            resolve(catalog, name, never)


def test_a_star_alone_catches_everything() -> None:
    catalog = made(profile(PICTURE + 'aliases: ["*"]\n'))
    assert resolve(catalog, "whatever", never).profile.id == "picture"
    assert resolve(catalog, "local/", never).pinned_side == "local"


def test_an_exact_alias_may_look_like_a_pin() -> None:
    catalog = made(profile(CHAT.replace("Alpha/One", '"beta:q4"')), profile(BETA))
    assert resolve(catalog, "beta:q4", never).profile.id == "alpha"


def sized(name: str, tier: str | None, size: int, **fields: str) -> ModelProfile:
    text = BETA.replace("id: beta", f"id: {name}").replace("weights_bytes: 5000", f"weights_bytes: {size}")
    text = text.replace("tier: S\n", f"tier: {tier}\n" if tier else "").replace('aliases: ["*-large", "g*"]\n', "")
    return profile(text + "".join(f"{key}: {value}\n" for key, value in fields.items()))


SHELF = made(
    sized("s-huge", "S", 90_000),
    sized("a-small", "A", 9_000),
    sized("a-large", "A", 20_000),
    sized("a-largest", "A", 30_000, lifecycle="preview"),
    sized("a-same", "A", 20_000),
    sized("b-tiny", "B", 6_000),
    sized("s-hidden", "S", 5_000, listed="false"),
    sized("s-retired", "S", 5_000, lifecycle="retired"),
    sized("untiered", None, 5_500),
    profile(PICTURE),
)


@pytest.mark.parametrize(
    ("room", "name", "model"),
    [
        (100_000, "auto:chat", "s-huge"),
        (50_000, "auto:chat", "a-large"),
        (50_000, "auto:chat:A", "a-large"),
        (100_000, "auto:chat:B", "b-tiny"),
        (10_000, "auto:chat", "a-small"),
        (7_000, "local/auto:chat", "b-tiny"),
        (5_800, "auto:chat", "untiered"),
    ],
)
def test_selectors_take_the_best_tier_that_fits(room: int, name: str, model: str) -> None:
    found = resolve(SHELF, name, lambda v: v.footprint.device_bytes <= room)
    assert found.profile.id == model
    assert found.matched == "selector"
    assert found.variant is not None


def test_a_selector_takes_the_first_variant_that_fits(catalog: Catalog) -> None:
    found = resolve(catalog, "auto:chat:B", lambda v: v.name == "remote")
    assert found.variant is not None
    assert (found.profile.id, found.variant.name) == ("alpha", "remote")


@pytest.mark.parametrize(
    ("name", "cause", "detail"),
    [
        ("alphb", Cause.NOT_FOUND, 'no model "alphb"; did you mean alpha?'),
        ("", Cause.NOT_FOUND, 'no model ""; GET /v1/models lists what there is'),
        ("qqqq", Cause.NOT_FOUND, 'no model "qqqq"; GET /v1/models lists what there is'),
        ("local/qqqq", Cause.NOT_FOUND, 'no model "local/qqqq"; GET /v1/models lists what there is'),
        ("local/cloud/alpha", Cause.NOT_FOUND, 'no model "local/cloud/alpha"; did you mean alpha?'),
        ("some-org/Alphq:latest", Cause.NOT_FOUND, 'no model "some-org/Alphq:latest"; did you mean alpha?'),
        ("alpha:q9", Cause.NOT_FOUND, 'model alpha has no variant "q9"; it has q8, remote'),
        ("picture:q9", Cause.NOT_FOUND, 'model picture has no variant "q9"; it has none'),
        ("auto:video", Cause.NOT_FOUND, 'no local model answers "auto:video"'),
        ("auto:image", Cause.NOT_FOUND, 'no local model answers "auto:image"'),
        ("auto:chat:C", Cause.NOT_FOUND, 'no local model answers "auto:chat:C"'),
        ("auto:chat:S", Cause.CANNOT_FIT, 'no model for "auto:chat:S" fits this machine'),
        ("cloud/alpha:q8", Cause.NOT_FOUND, '"cloud/alpha:q8" asks for the cloud and for a local variant; drop one of them'),
        ("cloud/auto:chat:B", Cause.CANNOT_FIT, 'no model for "auto:chat:B" fits this machine'),
        ("auto:chat:D", Cause.NOT_FOUND, 'no selector "auto:chat:D"; there are auto:chat, auto:image, auto:video, each with :S, :A, :B or :C after it'),
        ("auto:", Cause.NOT_FOUND, 'no selector "auto:"; there are auto:chat, auto:image, auto:video, each with :S, :A, :B or :C after it'),
        ("x\r\ny\x1b[0m", Cause.NOT_FOUND, 'no model "x��y�[0m"; GET /v1/models lists what there is'),
    ],
)  # fmt: skip
def test_refusals(catalog: Catalog, name: str, cause: Cause, detail: str) -> None:
    with pytest.raises(BackendError) as caught:
        resolve(catalog, name, lambda v: False)
    assert caught.value.cause is cause
    assert caught.value.detail == detail
    assert caught.value.param == "model"


def test_long_names_are_cut_and_never_searched(catalog: Catalog) -> None:
    with pytest.raises(BackendError) as caught:
        resolve(catalog, "gpt-" + "x" * 1_000_000, never)
    assert len(caught.value.detail) < 160


def test_an_unlisted_model_answers_to_its_name_and_is_never_suggested() -> None:
    catalog = made(profile(PICTURE + "listed: false\n"))
    assert resolve(catalog, "picture", never).profile.id == "picture"
    with pytest.raises(BackendError, match="GET /v1/models"):
        resolve(catalog, "pictur", never)


def test_an_empty_catalog_knows_nothing() -> None:
    for name in ("x", "auto:chat", "x:y"):
        with pytest.raises(BackendError):
            resolve(empty_catalog(), name, anything)
