# ruff: noqa: E501 (one rule a line reads better than wrapped)
"""What profiles and providers say about the cloud: read with the rest, and every broken rule at its line."""

from pathlib import Path

import pytest

from gateway.catalog.load import load
from gateway.catalog.profile import CAPACITY, Spill
from gateway.catalog.watch import fingerprint
from tests.unit.gateway.catalog.samples import BETA, OFFERED, PROVIDER, loaded, shown, write

GOOD = {"providers/cloud.yaml": PROVIDER, "llm/offered.yaml": OFFERED, "llm/beta.yaml": BETA}
PRIVACY = PROVIDER[PROVIDER.index("privacy") :]

RULES = [
    ("llm/offered.yaml", "provider: cloud", "provider: clod", '8:16: cloud[0].provider: no provider "clod"; did you mean "cloud"?'),
    ("llm/offered.yaml", "source: its documentation,", "source: x, tasks: [embedding],", "8:75: cloud[0].tasks[0]: embedding is no task of this profile"),
    ("llm/offered.yaml", "source: its documentation,", "source: ' ',", "8:64: cloud[0].source: who says so?"),
    ("llm/offered.yaml", ",\n     price: {tokens: {input: 1}, as_of: 2026-11-23, source: list}", "", "8:5: cloud[0]: price is needed; without one no budget can be kept"),
    ("llm/offered.yaml", "wait_seconds: 20", "when: [auth]", "10:16: spill.when[0]: after auth nobody else is ever asked"),
    ("llm/offered.yaml", "successor: beta", "successor: betta", '11:12: successor: no model "betta"; did you mean "beta"?'),
    ("llm/offered.yaml", "successor: beta", "successor: offered", "11:12: successor: is the model itself"),
    ("llm/offered.yaml", "2026-11-23", "yesterday", "8:44: cloud[0].as_of: expected `str` matching regex"),
    ("llm/beta.yaml", "tasks: [chat]", "tasks: [chat]\nspill: {}", "5:8: spill: there is no cloud to go to"),
    ("providers/cloud.yaml", "id: cloud", "id: other", '1:5: id: "other" is not the file\'s name; the file is called "cloud"'),
    ("providers/cloud.yaml", "https://api", "http://api", '4:11: base_url: plain http to "api.example.org", which is not this machine; plain http is for loopback; elsewhere use https'),
    ("providers/cloud.yaml", "https://api", "https://me:key@api", "4:11: base_url: a URL with credentials in it; plain http is for loopback; elsewhere use https"),
    ("providers/cloud.yaml", "base_url: https://api.example.org/v1\n", "", "1:1: base_url is needed"),
    ("providers/cloud.yaml", PRIVACY, "", "1:1: privacy is needed; what becomes of a prompt there, and who says so"),
    ("providers/cloud.yaml", "secret: CLOUD_API_KEY", "secret: CLOUD_API_KEY, format: Bearer", "5:39: auth.format: must hold {key} once"),
    ("providers/cloud.yaml", "secret: CLOUD_API_KEY", "secret: sk-1234", "5:16: auth.secret: expected `str` matching regex"),
    ("providers/cloud.yaml", "kind: openai", "kind: openai\nheaders: {Authorization: x}", "4:26: headers.Authorization: is not for a file to set"),
    ("providers/cloud.yaml", "kind: openai", "kind: unavailable", "1:1: a provider that is unavailable says why in why_not"),
]  # fmt: skip


def test_offers_and_providers_are_part_of_the_catalog(tmp_path: Path) -> None:
    catalog = loaded(write(tmp_path, GOOD))
    offered = catalog.profiles["offered"]
    assert [(offer.provider, offer.model) for offer in offered.cloud] == [("cloud", "big-1")]
    assert offered.spill == Spill(when=CAPACITY, wait_seconds=20)
    assert (catalog.providers["cloud"].name, offered.successor) == ("Cloud", "beta")


def test_a_server_of_ones_own_needs_no_word_on_privacy(tmp_path: Path) -> None:
    own = PROVIDER.replace(PRIVACY, "").replace("https://api.example.org", "http://127.0.0.1:11434")
    assert loaded(write(tmp_path, GOOD | {"providers/cloud.yaml": own})).providers["cloud"].privacy is None


@pytest.mark.parametrize(("broken", "old", "new", "expected"), RULES)
def test_rule(broken: str, old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in GOOD[broken]
    root = write(tmp_path, GOOD | {broken: GOOD[broken].replace(old, new, 1)})
    found = [line.replace(str(root), "ROOT") for line in shown(load(root).problems, root)]
    assert [line.startswith(f"{broken}:{expected}") for line in found] == [True], found


def test_a_broken_provider_does_not_make_every_offer_wrong_too(tmp_path: Path) -> None:
    root = write(tmp_path, GOOD | {"providers/cloud.yaml": "id: cloud"})
    assert all("providers/cloud.yaml" in problem.path for problem in load(root).problems)


def test_a_changed_provider_is_noticed(tmp_path: Path) -> None:
    root = write(tmp_path, GOOD)
    seen, version = fingerprint(root), loaded(root).version
    write(root, {"providers/cloud.yaml": PROVIDER + "concurrent: 4\n"})
    assert fingerprint(root) != seen
    assert loaded(root).version != version
