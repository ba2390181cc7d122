"""Properties of name resolution over generated catalogs: agreement with a naive model, bounds, no surprises."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from gateway.catalog.catalog import Catalog, build_catalog
from gateway.catalog.names import Resolution, compile_wildcard
from gateway.catalog.profile import ModelProfile
from gateway.catalog.resolve import Fits, resolve
from tests.unit.gateway.catalog.samples import BETA, profile

RELAXED = settings(deadline=None)  # a busy machine is no failure
TEMPLATE = profile(BETA)
WORDS = st.text("ab-", min_size=1, max_size=6)
IDS = st.from_regex(r"[ab][ab.-]{0,4}", fullmatch=True)
PATTERNS = st.text("abAB*-:/", min_size=1, max_size=8)
NAMES = st.one_of(st.text("abAB-:/*", max_size=12), st.text(max_size=300))


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    ids = draw(st.lists(IDS, min_size=1, max_size=5, unique=True))
    profiles: dict[str, ModelProfile] = {}
    for name in ids:
        aliases = tuple(draw(st.lists(PATTERNS, max_size=4)))
        profiles[name] = ModelProfile(
            id=name,
            name=name,
            modality="llm",
            tasks=TEMPLATE.tasks,
            licence="MIT",
            open_weights=True,
            aliases=aliases,
            variants=TEMPLATE.variants,
            tier=draw(st.sampled_from(["S", "A", None])),
        )
    return build_catalog(profiles, {}, "v")


def attempt(catalog: Catalog, name: str, fits: Fits) -> Resolution | BackendError:
    try:
        return resolve(catalog, name, fits)
    except BackendError as e:
        return e


def outcome(catalog: Catalog, name: str) -> str:
    found = attempt(catalog, name, lambda v: True)
    if isinstance(found, BackendError):
        assert found.cause is Cause.NOT_FOUND
        assert found.param == "model"
        assert len(found.detail) < 500
        assert found.detail.isprintable()
        return found.detail
    assert found.profile is catalog.profiles[found.profile.id]
    assert found.variant is None or found.variant in found.profile.variants
    return found.profile.id


@RELAXED
@given(catalogs(), NAMES)
def test_any_text_resolves_or_is_refused_and_always_the_same_way(catalog: Catalog, name: str) -> None:
    assert outcome(catalog, name) == outcome(catalog, name)


@RELAXED
@given(catalogs())
def test_every_id_means_itself_in_every_form(catalog: Catalog) -> None:
    for name, wanted in catalog.profiles.items():
        assert resolve(catalog, name, lambda v: False).profile is wanted
        for side in ("local", "cloud"):
            pinned = resolve(catalog, f"{side}/{name}", lambda v: False)
            assert pinned.profile.id == name
            assert pinned.pinned_side == side


@RELAXED
@given(st.lists(st.text("abAB-", max_size=3), min_size=2, max_size=5), st.text("abAB-", max_size=12))
def test_wildcards_agree_with_regular_expressions(parts: list[str], name: str) -> None:
    pattern = "*".join(parts)
    wildcard = compile_wildcard(pattern, Resolution(profile=TEMPLATE, matched="wildcard"))
    expression = ".*".join(re.escape(part) for part in parts)
    assert wildcard.matches(name) == (re.fullmatch(expression, name) is not None)
    assert wildcard.matches(name.lower(), folded=True) == (re.fullmatch(expression, name, re.IGNORECASE) is not None)


@RELAXED
@given(catalogs(), st.text("ab-", max_size=8))
def test_a_literal_beginning_beats_a_shorter_one(catalog: Catalog, name: str) -> None:
    found = attempt(catalog, name, lambda v: True)
    if isinstance(found, BackendError) or found.matched != "wildcard":
        return
    matching = [w for w in catalog.names.wildcards if w.matches(name)]
    if matching:
        best = max(len(w.pattern.parts[0]) for w in matching)
        owners = {w.resolution.profile.id for w in matching if len(w.pattern.parts[0]) == best}
        assert found.profile.id in owners


@RELAXED
@given(catalogs(), st.integers(0, 10_000))
def test_a_selector_only_returns_what_fits(catalog: Catalog, room: int) -> None:
    found = attempt(catalog, "auto:chat", lambda v: v.footprint.device_bytes <= room)
    if isinstance(found, BackendError):
        assert found.cause is Cause.CANNOT_FIT
        assert room < 5000
        return
    assert found.variant is not None
    assert found.variant.footprint.device_bytes <= room
    tiers = [p.tier for p in catalog.profiles.values()]
    assert found.profile.tier == ("S" if "S" in tiers else "A" if "A" in tiers else None)
