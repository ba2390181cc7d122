"""What a key may do in the cloud: nothing by default, in old databases too, and for the operator what settings say."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from gateway.keys.key import ALL_SCOPES
from gateway.keys.policy import NO_CLOUD, Policy, operator_policy
from gateway.keys.ring import ANONYMOUS, KeyRing
from gateway.keys.store import KeyStore
from gateway.spending.budget import Budget
from tests.job_fixtures import Opener, opener  # noqa: F401
from tests.postgres_fixtures import postgres_server, postgres_url  # noqa: F401

# ruff: noqa: F811

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
POLICY = Policy(
    cloud=True, budget_day=1, budget_month=10**15, budget_request=0, no_training=True, retention_days=30
)  # fmt: skip
OLD = """CREATE TABLE api_keys (
    id VARCHAR(32) NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL, digest VARCHAR(64) NOT NULL UNIQUE,
    hint VARCHAR(8) NOT NULL, scopes VARCHAR(128) NOT NULL, created_at VARCHAR(40) NOT NULL, revoked_at VARCHAR(40))"""
OLD_KEY = "INSERT INTO api_keys VALUES ('key_old', 'laptop', 'd', '1234', 'inference', '2026-01-01', NULL)"


def store_on(engine: Engine) -> KeyStore:
    return KeyStore(engine, lambda: MOMENT)


def test_by_default_a_key_may_not_use_the_cloud(opener: Opener):
    store = store_on(opener())
    key, _ = store.create("laptop", ("inference",))
    assert key.policy == store.all()[0].policy == NO_CLOUD == Policy()
    assert NO_CLOUD.budget == Budget(day=0, month=0)
    assert not NO_CLOUD.cloud


def test_a_policy_comes_back_as_it_was_given(opener: Opener):
    store = store_on(opener())
    key, _ = store.create("laptop", ("inference",), POLICY)
    assert store_on(opener()).all() == (key,)
    assert store.all()[0].policy == POLICY


def test_a_policy_is_changed_for_one_live_key(opener: Opener):
    store = store_on(opener())
    one, two = store.create("one", ("inference",))[0], store.create("two", ("inference",), POLICY)[0]
    for policy in (POLICY, Policy(cloud=True), NO_CLOUD):
        assert store.change(one.id, policy)
        assert {key.id: key.policy for key in store.all()} == {one.id: policy, two.id: POLICY}
    store.revoke(two.id)
    assert not store.change(two.id, NO_CLOUD)
    assert not store.change("key_nobodys", POLICY)
    assert {key.id: key.policy for key in store.all()} == {one.id: NO_CLOUD, two.id: POLICY}


def test_an_old_database_goes_on_and_its_keys_get_policies(opener: Opener):
    engine = opener()
    with engine.begin() as connection:
        connection.execute(text(OLD))
        connection.execute(text(OLD_KEY))
    store = store_on(engine)
    assert [(key.id, key.policy) for key in store.all()] == [("key_old", NO_CLOUD)]
    assert store.change("key_old", POLICY)
    assert [(key.id, key.policy) for key in store.all()] == [("key_old", POLICY)]


def test_an_older_release_makes_keys_beside_it(opener: Opener):
    store = store_on(opener())
    with opener().begin() as connection:
        connection.execute(text(OLD_KEY))
    assert [key.policy for key in store.all()] == [NO_CLOUD]


@pytest.mark.parametrize(
    ("policy", "budget"),
    [
        (Policy(cloud=True), Budget(day=0, month=0)),
        (Policy(cloud=True, budget_request=5), Budget(day=0, month=0, request=5)),
        (Policy(cloud=True, budget_month=9), Budget(day=None, month=9)),
        (Policy(cloud=True, budget_day=3, budget_month=9, budget_request=1), Budget(day=3, month=9, request=1)),
    ],
)
def test_a_budget_is_what_the_policy_gives(policy, budget):
    assert policy.budget == budget


def test_the_operators_key_and_open_gateways_have_the_policy_of_the_settings():
    secret = "operators-secret"
    ring = KeyRing(operator_secret=secret, policy=POLICY)
    assert ring.check(secret.encode(), "inference").policy == POLICY
    anybody = KeyRing(policy=POLICY).check(None, "inference")
    assert (anybody.id, anybody.policy, anybody.scopes) == (ANONYMOUS.id, POLICY, ALL_SCOPES)
    assert KeyRing().check(None, "inference").policy == NO_CLOUD
    assert KeyRing(operator_secret=secret).check(secret.encode(), "inference").policy == NO_CLOUD


@pytest.mark.parametrize(
    ("day", "month", "cloud", "budget"),
    [
        (None, None, False, Budget(day=0, month=0)),
        (0.0, 0.0, False, Budget(day=0, month=0)),
        (None, 50.0, True, Budget(day=None, month=50 * 10**9)),
        (0.1, None, True, Budget(day=10**8, month=None)),
        (0.0, 50.0, True, Budget(day=0, month=50 * 10**9)),
    ],
)
def test_the_operators_budget_is_that_of_the_settings(day, month, cloud, budget):
    policy = operator_policy(day, month)
    assert (policy.cloud, policy.budget) == (cloud, budget)
