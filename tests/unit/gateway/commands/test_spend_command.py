"""spend: who spent what; what nobody heard the end of is listed, and settled by hand."""

import time

import pytest

from gateway.database import open_database
from gateway.spending.advance import Advance
from gateway.spending.budget import Budget, day_of
from gateway.spending.entry import Call
from gateway.spending.ledger import Ledger
from gateway.spending.posting import Want
from gateway.spending.schema import upgrade
from gateway.spending.store import SpendingStore

FREE = Budget(day=None, month=None)
NANO = 10**9


@pytest.fixture
def store(shell):
    engine = open_database(shell.root / "state" / "forebay.db")
    upgrade(engine)
    yield SpendingStore(engine, time.time)
    engine.dispose()


def reserved(store, key: str, dollars: float, model: str = "claude", provider: str = "anthropic") -> str:
    call = Call(key=key, model=model, provider=provider, request_id="r1")
    return store.reserve(call, int(dollars * NANO), FREE, FREE, seconds=60).id


@pytest.fixture
def account(shell, store) -> dict[str, str]:
    """Two keys and the operator; one call of each state."""
    shell.ok("keys", "create", "alice")
    shell.ok("keys", "create", "bob")
    ids = {key["name"]: key["id"] for key in shell.json("keys", "list")}
    alice, bob = ids["alice"], ids["bob"]
    store.settle(reserved(store, alice, 2), NANO // 2)
    store.settle(reserved(store, alice, 1, "gpt", "openai"), NANO // 4)
    reserved(store, bob, 3)
    store.release(reserved(store, bob, 7))
    lost = reserved(store, "operator", 4, "gpt", "openai")
    store.doubt(lost)
    return {"alice": alice, "bob": bob, "lost": lost}


def lines(shell, *words: str) -> dict[str, tuple[int, str, str, str]]:
    found = shell.json("spend", *words)["lines"]
    return {one["of"]: (one["calls"], one["spent_usd"], one["reserved_usd"], one["unknown_usd"]) for one in found}


def test_an_empty_account(shell):
    assert shell.json("spend") == {"by": "key", "since": None, "lines": [], "in_advance_usd": "0", "unknown": []}
    assert "settle" not in shell.ok("spend")


def test_who_spent_what(shell, account):
    assert lines(shell) == {
        "operator": (1, "0", "0", "4"),
        account["bob"]: (1, "0", "3", "0"),
        account["alice"]: (2, "0.75", "0", "0"),
    }
    assert [one["name"] for one in shell.json("spend")["lines"]] == ["operator", "bob", "alice"]
    models = {"gpt": (2, "0.25", "0", "4"), "claude": (2, "0.5", "3", "0")}
    assert lines(shell, "--by", "model") == models
    assert lines(shell, "--by", "provider") == {"openai": models["gpt"], "anthropic": models["claude"]}
    assert lines(shell, "--by", "day") == {day_of(time.time()): (4, "0.75", "3", "4")}


def test_of_one_key_and_of_a_time(shell, account):
    for named in ("alice", account["alice"]):
        assert lines(shell, "--key", named, "--by", "model") == {
            "gpt": (1, "0.25", "0", "0"), "claude": (1, "0.5", "0", "0")
        }  # fmt: skip
    assert lines(shell, "--key", "operator") == {"operator": (1, "0", "0", "4")}
    assert lines(shell, "--key", "nobody") == {}
    assert len(lines(shell, "--since", "2026-01-01")) == 3
    assert shell.json("spend", "--since", "2999-01-01") == {
        "by": "key", "since": "2999-01-01", "lines": [], "in_advance_usd": "0", "unknown": []
    }  # fmt: skip
    assert shell.run("spend", "--since", "yesterday").exit_code == 2


def test_tables_are_for_people(shell, account):
    said = shell.ok("spend")
    assert f"alice ({account['alice']})" in said
    assert "$0.75" in said
    assert account["lost"] in said
    assert "$4.00" in said
    assert account["lost"] not in shell.ok("spend", "--key", "bob")


def test_an_unknown_outcome_is_settled_by_hand(shell, account):
    (unknown,) = shell.json("spend")["unknown"]
    assert (unknown["id"], unknown["key"], unknown["at_most_usd"]) == (account["lost"], "operator", "4")
    assert (unknown["model"], unknown["provider"], unknown["request_id"]) == ("gpt", "openai", "r1")
    said = shell.ok("spend", "settle", account["lost"], "0.125")
    assert said == f"{account['lost']}: $0.125 of the $4.00 that were reserved\n"
    assert lines(shell)["operator"] == (1, "0.125", "0", "0")
    assert shell.json("spend")["unknown"] == []


def test_only_an_unknown_outcome_is(shell, store, account):
    running = reserved(store, "operator", 1)
    shell.ok("spend", "settle", account["lost"], "0")
    for entry, state in ((running, "reserved"), (account["lost"], "settled")):
        refused = shell.run("spend", "settle", entry, "1")
        assert (refused.exit_code, f"is {state}" in refused.output) == (1, True)
    assert "no call" in shell.run("spend", "settle", "spend_nobodys", "1").output
    assert shell.run("spend", "settle", running, "much").exit_code == 2
    assert lines(shell)["operator"] == (2, "0", "1", "0")


def kept(store, key: str, dollars: float, since: float = 0.0) -> str:
    """In advance of calls, ``since`` seconds ago."""
    now = time.time() - since
    advance = Advance(key, day_of(now), now)
    amount = int(dollars * NANO)
    want = Want(key=key, day=advance.day, least=amount, most=amount, budget=FREE, into=advance.id)
    assert Ledger(store._database, FREE).draw(want, [advance.posting(now)]).granted == amount
    return advance.id


def test_what_is_kept_in_advance_is_no_call_of_a_model(shell, store, account):
    kept(store, account["bob"], 2)
    assert lines(shell)[account["bob"]] == (1, "0", "5", "0")
    assert lines(shell, "--by", "model")["(in advance)"] == (0, "0", "2", "0")
    assert lines(shell, "--by", "day") == {day_of(time.time()): (4, "0.75", "5", "4")}
    assert shell.json("spend")["in_advance_usd"] == "2"
    assert shell.json("spend", "--key", "alice")["in_advance_usd"] == "0"
    assert "$2.00 is held in advance" in shell.ok("spend")
    assert "in advance" not in shell.ok("spend", "--key", "alice")


def test_what_a_gateway_had_in_advance_when_it_died_is_settled_by_hand(shell, store, account):
    left = kept(store, account["bob"], 2, since=3600)
    assert [entry.id for entry in store.doubt_overdue()] == [left]
    assert "(in advance)" in next(line for line in shell.ok("spend").splitlines() if left in line)
    assert lines(shell, "--by", "provider")["(in advance)"] == (0, "0", "0", "2")
    said = shell.ok("spend", "settle", left, "0.5")
    assert said == f"{left}: $0.50 of the $2.00 that were reserved\n"
    assert lines(shell)[account["bob"]] == (1, "0.5", "3", "0")
    assert shell.json("spend")["in_advance_usd"] == "0"
