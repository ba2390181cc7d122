"""A request leaves only when the server, the key and the model's entry all say yes; each of them alone can stop it."""

import itertools

import msgspec
import pytest

from backends.cloud.offer import Offer
from backends.cloud.provider import Auth, Privacy, Provider
from gateway.routing.egress import Permit, objection

PRIVACY = Privacy(country="XX", trains="no", retention_days=30, as_of="2026-11-23", source="its terms")
PROVIDER = Provider(
    id="p", name="P", kind="openai", base_url="https://api.example.org/v1", auth=Auth(secret="P_KEY"), privacy=PRIVACY
)
OFFER = Offer(provider="p", model="m", as_of="2026-11-23", source="its documentation")
YES = Permit(server="spill", key=True)


def test_three_yeses_and_nothing_less() -> None:
    assert objection(YES, PROVIDER, OFFER, has_key=True, asked_for=False) is None
    for server, key, has_key in itertools.product(("off", "spill"), (False, True), (False, True)):
        permit = Permit(server=server, key=key)  # type: ignore[arg-type]
        said = objection(permit, PROVIDER, OFFER, has_key=has_key, asked_for=True)
        assert (said is None) is (server == "spill" and key and has_key), (server, key, has_key)


def test_a_gateway_that_serves_what_is_asked_for_does_not_spill() -> None:
    named = msgspec.structs.replace(YES, server="named")
    assert objection(named, PROVIDER, OFFER, has_key=True, asked_for=True) is None
    assert "asked for there" in (objection(named, PROVIDER, OFFER, has_key=True, asked_for=False) or "")


@pytest.mark.parametrize(
    ("tighter", "word"),
    [
        ({"local_only": True}, "local models only"),
        ({"no_training": True}, None),
        ({"retention_days": 30}, None),
        ({"retention_days": 29}, "longer than 29 days"),
    ],
)
def test_a_request_can_only_tighten(tighter: dict[str, object], word: str | None) -> None:
    said = objection(msgspec.structs.replace(YES, **tighter), PROVIDER, OFFER, has_key=True, asked_for=True)
    assert (said is None) if word is None else word in (said or "")


@pytest.mark.parametrize("trains", ["yes", "unknown", "opt_out"])
def test_silence_is_no_promise(trains: str) -> None:
    provider = msgspec.structs.replace(PROVIDER, privacy=msgspec.structs.replace(PRIVACY, trains=trains))
    strict = msgspec.structs.replace(YES, no_training=True)
    assert "training" in (objection(strict, provider, OFFER, has_key=True, asked_for=True) or "")
    quiet = msgspec.structs.replace(PROVIDER, privacy=msgspec.structs.replace(PRIVACY, retention_days=None))
    kept = msgspec.structs.replace(YES, retention_days=365)
    assert "longer" in (objection(kept, quiet, OFFER, has_key=True, asked_for=True) or "")


def test_a_neighbour_on_this_machine_is_not_the_cloud() -> None:
    own = msgspec.structs.replace(PROVIDER, base_url="http://127.0.0.1:11434/v1", auth=None, privacy=None)
    assert objection(Permit(local_only=True), own, OFFER, has_key=False, asked_for=False) is None


def test_what_is_gone_says_so_whatever_is_allowed() -> None:
    gone = msgspec.structs.replace(PROVIDER, kind="unavailable", why_not="closed in 2025")
    assert objection(YES, gone, OFFER, has_key=True, asked_for=True) == "closed in 2025"
    off = msgspec.structs.replace(OFFER, state="retired")
    assert "switched m off" in (objection(YES, PROVIDER, off, has_key=True, asked_for=True) or "")


def test_on_its_announced_day_nothing_is_sent_any_more() -> None:
    """Providers may answer the name with another model then, and charge for that."""
    ending = msgspec.structs.replace(OFFER, state="ending", ends_on="2026-12-01")
    said = {
        day: objection(YES, PROVIDER, ending, has_key=True, asked_for=True, today=day)
        for day in ("2026-11-30", "2026-12-01", "2027-01-01")
    }
    assert said["2026-11-30"] is None
    assert "switched m off" in (said["2026-12-01"] or "")
    assert said["2027-01-01"] == said["2026-12-01"]
