"""Keys at rest: digests only, revocation once, and words for a store that fails."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from backends.errors import BackendError, Cause
from gateway.database import open_database
from gateway.keys.key import ALL_SCOPES, digest
from gateway.keys.store import KeyStore

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "forebay.db"


@pytest.fixture
def database(path: Path):
    engine = open_database(path)
    yield engine
    engine.dispose()


@pytest.fixture
def store(database) -> KeyStore:
    return KeyStore(database, lambda: MOMENT)


def test_a_key_comes_back_as_it_was_made_without_its_secret(store):
    key, secret = store.create("laptop", ("inference", "metrics"))
    assert store.all() == (key,)
    assert key.digest == digest(secret)
    assert (key.name, key.scopes, key.created_at) == ("laptop", ("inference", "metrics"), "2026-03-04T05:06:07+00:00")
    assert key.hint == secret[-4:]
    assert secret not in repr(key)


def test_no_secret_is_in_the_files(store, database, path: Path):
    secrets = [store.create(f"k{n}", ALL_SCOPES)[1] for n in range(5)]
    store.revoke(store.all()[0].id)
    database.dispose()
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert digest(secrets[0]).encode() in content, "the sweep sees what is stored"
    assert not [secret for secret in secrets if secret.encode() in content or secret[3:].encode() in content]


def test_revoking_happens_once(store):
    key, _ = store.create("laptop", ("inference",))
    assert store.revoke(key.id)
    assert not store.revoke(key.id)
    assert not store.revoke("key_unknown")
    assert store.all()[0].revoked_at == "2026-03-04T05:06:07+00:00"


def test_two_processes_see_each_others_keys(store, path: Path):
    other_database = open_database(path)
    other = KeyStore(other_database, lambda: MOMENT)
    key, _ = other.create("cli", ("admin",))
    assert [k.id for k in store.all()] == [key.id]
    other.revoke(key.id)
    assert store.all()[0].revoked_at is not None
    other_database.dispose()


@pytest.mark.parametrize("name", ["'; DROP TABLE api_keys; --", "né\u0000e", "x" * 128])
def test_names_are_data(store, name):
    key, _ = store.create(name, ("inference",))
    assert store.all()[0].name == name == key.name


def test_a_scope_that_this_version_does_not_know_opens_nothing(store, database):
    store.create("old", ("inference",))
    with database.begin() as connection:
        connection.execute(text("UPDATE api_keys SET scopes = 'inference,root,'"))
    assert store.all()[0].scopes == ("inference",)


def test_a_store_that_fails_says_storage(store, database):
    with database.begin() as connection:
        connection.execute(text("DROP TABLE api_keys"))
    for attempt in (store.all, lambda: store.create("n", ("inference",)), lambda: store.revoke("key_1")):
        with pytest.raises(BackendError) as refused:
            attempt()
        assert refused.value.cause is Cause.STORAGE
        assert "api_keys" not in refused.value.detail
        assert "INSERT" not in refused.value.private or "[SQL parameters hidden" in refused.value.private


def test_a_database_that_cannot_take_the_table_says_storage(database):
    with database.begin() as connection:
        connection.execute(text("CREATE VIEW api_keys AS SELECT 1"))
    with pytest.raises(BackendError) as refused:
        KeyStore(database, lambda: MOMENT).all()
    assert refused.value.cause is Cause.STORAGE
