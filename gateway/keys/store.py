"""API keys in the state database. Every statement is constant text with parameters; secrets never reach it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from secrets import token_hex
from typing import get_args

from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from backends.errors import BackendError, Cause
from gateway.keys.key import Key, Scope, digest, new_secret
from gateway.keys.policy import NO_CLOUD, Policy

_metadata = MetaData()
_keys = Table(
    "api_keys",
    _metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("hint", String(8), nullable=False),
    Column("scopes", String(128), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("revoked_at", String(40)),
)
_policies = Table(
    "key_policies",  # apart: it comes to old databases by itself, and older releases go on without it
    _metadata,
    Column("key_id", String(32), primary_key=True),
    Column("cloud", Boolean, nullable=False),
    Column("budget_day", BigInteger),
    Column("budget_month", BigInteger),
    Column("budget_request", BigInteger),
    Column("no_training", Boolean, nullable=False),
    Column("retention_days", Integer),
)


class KeyStore:
    """Create, list, change, revoke. ``now`` gives UTC time. Everything raises ``BackendError(STORAGE)``."""

    def __init__(self, database: Engine, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        with _storage("made"):
            try:
                _metadata.create_all(database)
            except SQLAlchemyError:
                # Two gateways that start at once on one PostgreSQL: the other one's tables will do.
                found = inspect(database)
                if not all(found.has_table(table.name) for table in (_keys, _policies)):
                    raise

    def create(self, name: str, scopes: tuple[Scope, ...], policy: Policy = NO_CLOUD) -> tuple[Key, str]:
        """A new key and its secret, which is not kept."""
        secret = new_secret()
        key = Key(
            id=f"key_{token_hex(6)}",
            name=name,
            digest=digest(secret),
            hint=secret[-4:],
            scopes=scopes,
            created_at=self._now().isoformat(timespec="seconds"),
            policy=policy,
        )
        with _storage("written"), self._database.begin() as connection:
            connection.execute(
                insert(_keys).values(
                    id=key.id, name=name, digest=key.digest, hint=key.hint,
                    scopes=",".join(scopes), created_at=key.created_at,
                )
            )  # fmt: skip
            if policy != NO_CLOUD:
                connection.execute(insert(_policies).values(key_id=key.id, **asdict(policy)))
        return key, secret

    def change(self, key_id: str, policy: Policy) -> bool:
        """True when there is a live key of that id, which has the policy now."""
        live = select(_keys.c.id).where(_keys.c.id == key_id, _keys.c.revoked_at.is_(None)).with_for_update()
        with _storage("written"), self._database.begin() as connection:
            if connection.execute(live).one_or_none() is None:
                return False
            connection.execute(delete(_policies).where(_policies.c.key_id == key_id))
            connection.execute(insert(_policies).values(key_id=key_id, **asdict(policy)))
        return True

    def revoke(self, key_id: str) -> bool:
        """True when a live key of that id was revoked."""
        statement = update(_keys).where(_keys.c.id == key_id, _keys.c.revoked_at.is_(None))
        with _storage("written"), self._database.begin() as connection:
            done = connection.execute(statement.values(revoked_at=self._now().isoformat(timespec="seconds")))
        return done.rowcount == 1

    def all(self) -> tuple[Key, ...]:
        """Every key, oldest first, revoked ones too."""
        with _storage("read"), self._database.connect() as connection:
            rows = connection.execute(_ALL).mappings().all()
        return tuple(_key(row) for row in rows)


_ALL = (
    select(_keys, *(column for column in _policies.c if column.name != "key_id"))
    .select_from(_keys.outerjoin(_policies, _policies.c.key_id == _keys.c.id))
    .order_by(_keys.c.created_at, _keys.c.id)
)


@contextmanager
def _storage(done: str) -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise BackendError(Cause.STORAGE, f"the key store cannot be {done}", private=str(error)) from error


def _key(fields: RowMapping) -> Key:
    known = get_args(Scope)
    return Key(
        id=fields["id"],
        name=fields["name"],
        digest=fields["digest"],
        hint=fields["hint"],
        scopes=tuple(s for s in fields["scopes"].split(",") if s in known),
        created_at=fields["created_at"],
        revoked_at=fields["revoked_at"],
        policy=NO_CLOUD if fields["cloud"] is None else Policy(**{f: fields[f] for f in Policy.__struct_fields__}),
    )
