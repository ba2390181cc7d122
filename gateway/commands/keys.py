"""``forebay keys``: create, list, revoke. A secret is shown once, by ``create``, and kept nowhere."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import get_args

import click
from msgspec.json import encode

from gateway.database import open_database
from gateway.keys.key import ALL_SCOPES, Scope
from gateway.keys.store import KeyStore
from gateway.settings import Settings


@click.group()
def keys() -> None:
    """Create, list and revoke API keys. As soon as there is one, every request needs one."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(get_args(Scope)), help="Default: inference.")
@click.option("--all-scopes", is_flag=True, help="inference, admin and metrics.")
def create(name: str, scopes: tuple[Scope, ...], all_scopes: bool) -> None:
    """Make a key called NAME and print its secret, once."""
    wanted = ALL_SCOPES if all_scopes else scopes or ("inference",)
    with _store() as store:
        key, secret = store.create(name[:128], tuple(wanted))
    click.echo(f"{key.id} ({', '.join(key.scopes)}); this secret is not shown again:", err=True)
    click.echo(secret)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def list_keys(as_json: bool) -> None:
    """List keys by id, name, last characters and state."""
    with _store() as store:
        found = store.all()
    if as_json:
        shown = [
            {f: getattr(k, f) for f in ("id", "name", "hint", "scopes", "created_at", "revoked_at")} for k in found
        ]
        click.echo(encode(shown).decode())
        return
    for key in found:
        state = f"revoked {key.revoked_at}" if key.revoked_at else "live"
        click.echo(f"{key.id}  …{key.hint}  {','.join(key.scopes):24}  {key.created_at}  {state:8}  {key.name}")


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the key KEY_ID; a running gateway notices within seconds."""
    with _store() as store:
        done = store.revoke(key_id)
    if not done:
        click.echo(f"there is no live key {key_id}", err=True)
        sys.exit(1)
    click.echo(f"{key_id} is revoked")


@contextmanager
def _store() -> Generator[KeyStore]:
    database = open_database(Settings().shared_database)
    try:
        yield KeyStore(database, lambda: datetime.now(UTC))
    finally:
        database.dispose()
