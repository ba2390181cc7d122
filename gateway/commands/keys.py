"""``forebay keys``: create, list, update, revoke. A secret is shown once, by ``create``, and kept nowhere."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, get_args

import click
from msgspec.json import encode
from msgspec.structs import replace

from gateway.commands.amount import AMOUNT, COUNT_OR_NONE, LIMIT
from gateway.commands.key_words import in_words, listed, useless
from gateway.database import open_database
from gateway.keys.key import ALL_SCOPES, Key, Scope
from gateway.keys.policy import Policy
from gateway.keys.store import KeyStore
from gateway.settings import Settings

OrNone = int | Literal["none"] | None
"""Absent means: as it is."""


@click.group()
def keys() -> None:
    """Create, list, change and revoke API keys. As soon as there is one, every request needs one."""


@keys.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(get_args(Scope)), help="Default: inference.")
@click.option("--all-scopes", is_flag=True, help="inference, admin and metrics.")
@click.option("--cloud", is_flag=True, help="Its requests may go to cloud providers.")
@click.option("--budget-day", type=AMOUNT, help="Most US dollars a day (UTC) for the cloud. Default: 0.")
@click.option("--budget-month", type=AMOUNT, help="Most US dollars a month. One of the two is enough.")
@click.option("--budget-request", type=AMOUNT, help="Most US dollars that one request may cost.")
@click.option("--no-training", is_flag=True, help="Only providers that do not train on prompts.")
@click.option("--retention-days", type=click.IntRange(min=0), help="Only providers that keep prompts no longer.")
def create(
    name: str,
    scopes: tuple[Scope, ...],
    all_scopes: bool,
    cloud: bool,
    budget_day: int | None,
    budget_month: int | None,
    budget_request: int | None,
    no_training: bool,
    retention_days: int | None,
) -> None:
    """Make a key called NAME and print its secret, once."""
    wanted = ALL_SCOPES if all_scopes else scopes or ("inference",)
    policy = Policy(
        cloud=cloud, budget_day=budget_day, budget_month=budget_month, budget_request=budget_request,
        no_training=no_training, retention_days=retention_days,
    )  # fmt: skip
    with _store() as store:
        key, secret = store.create(name[:128], tuple(wanted), policy)
    if hint := useless(policy):
        click.echo(hint, err=True)
    click.echo(f"{key.id} ({', '.join(key.scopes)}); this secret is not shown again:", err=True)
    click.echo(secret)


@keys.command()
@click.argument("name")
@click.option("--cloud/--no-cloud", default=None, help="Whether its requests may go to cloud providers.")
@click.option("--budget-day", type=LIMIT, help="Most US dollars a day (UTC) for the cloud.")
@click.option("--budget-month", type=LIMIT, help="Most US dollars a month.")
@click.option("--budget-request", type=LIMIT, help="Most US dollars that one request may cost.")
@click.option("--no-training/--any-training", default=None, help="Whether only providers that do not train on prompts.")
@click.option("--retention-days", type=COUNT_OR_NONE, help="Only providers that keep prompts no longer.")
def update(
    name: str,
    cloud: bool | None,
    budget_day: OrNone,
    budget_month: OrNone,
    budget_request: OrNone,
    no_training: bool | None,
    retention_days: OrNone,
) -> None:
    """Change what the key NAME (or its id) may do in the cloud; what is not given stays. A running gateway notices
    within seconds.
    """
    with _store() as store:
        key = _named(store, name)
        was = key.policy
        policy = replace(
            was,
            cloud=was.cloud if cloud is None else cloud,
            budget_day=_changed(was.budget_day, budget_day),
            budget_month=_changed(was.budget_month, budget_month),
            budget_request=_changed(was.budget_request, budget_request),
            no_training=was.no_training if no_training is None else no_training,
            retention_days=_changed(was.retention_days, retention_days),
        )
        if not store.change(key.id, policy):
            raise click.ClickException(f"{key.id} has been revoked")
    if hint := useless(policy):
        click.echo(hint, err=True)
    click.echo(f"{key.id}: {in_words(policy)}")


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def list_keys(as_json: bool) -> None:
    """List keys by id, name, last characters and state."""
    with _store() as store:
        found = store.all()
    if as_json:
        click.echo(encode([listed(key) for key in found]).decode())
        return
    for key in found:
        state = f"revoked {key.revoked_at}" if key.revoked_at else "live"
        line = f"{key.id}  …{key.hint}  {','.join(key.scopes):24}  {key.created_at}  {state:8}  {key.name}"
        click.echo(f"{line}  ({in_words(key.policy)})" if key.policy.cloud else line)


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


def _named(store: KeyStore, name: str) -> Key:
    """The live key of that id, or the only one of that name."""
    live = [key for key in store.all() if key.revoked_at is None]
    found = [key for key in live if key.id == name] or [key for key in live if key.name == name]
    if not found:
        raise click.ClickException(f"there is no live key {name}")
    if len(found) > 1:
        raise click.ClickException(f"{len(found)} keys are called {name}; say which: {', '.join(k.id for k in found)}")
    return found[0]


def _changed(was: int | None, given: OrNone) -> int | None:
    if given is None:
        return was
    return None if given == "none" else given
