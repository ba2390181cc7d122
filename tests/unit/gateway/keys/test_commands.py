"""``forebay keys`` as an operator sees it: a secret once, and never again."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.json import decode

from gateway.commands.keys import keys
from gateway.keys.key import digest


@pytest.fixture
def run(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("FOREBAY_STATE_DIR", str(tmp_path / "state"))

    def invoke(*arguments: str):
        return CliRunner().invoke(keys, list(arguments))

    return invoke


def created(result) -> tuple[str, str]:
    """Id and secret of what ``create`` printed: the secret alone is on standard output."""
    assert result.exit_code == 0, result.output
    secret = result.stdout.strip()
    found = re.match(r"(key_[0-9a-f]+) ", result.stderr)
    assert found
    return found[1], secret


def test_a_secret_is_printed_once_and_alone(run):
    key, secret = created(run("create", "laptop"))
    assert re.fullmatch(r"fb-[\w-]{43}", secret)
    for listing in (run("list"), run("list", "--json")):
        assert key in listing.output
        assert "laptop" in listing.output
        assert secret[-4:] in listing.output
        assert secret not in listing.output
        assert secret[3:20] not in listing.output
        assert digest(secret) not in listing.output


def test_scopes_are_inference_unless_said_otherwise(run):
    run("create", "plain")
    run("create", "two", "--scope", "admin", "--scope", "metrics")
    run("create", "all", "--all-scopes")
    scopes = {row["name"]: row["scopes"] for row in decode(run("list", "--json").stdout)}
    assert scopes == {"plain": ["inference"], "two": ["admin", "metrics"], "all": ["inference", "admin", "metrics"]}
    assert run("create", "wrong", "--scope", "root").exit_code == 2


def test_revoking_is_said_and_happens_once(run):
    key, _ = created(run("create", "laptop"))
    assert run("revoke", key).exit_code == 0
    assert "revoked" in run("list").output
    for again in (key, "key_unknown", "' OR 1=1 --"):
        assert run("revoke", again).exit_code == 1
