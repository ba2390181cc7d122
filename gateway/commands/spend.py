"""``forebay spend``: who spent what on providers, and settling by hand what nobody heard the end of."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import get_args

import click
from msgspec import Struct
from msgspec.json import encode
from sqlalchemy import Engine

from gateway.commands.amount import AMOUNT
from gateway.commands.table import show
from gateway.database import open_database
from gateway.keys.store import KeyStore
from gateway.settings import Settings
from gateway.spending.entry import Entry
from gateway.spending.money import plain, shown
from gateway.spending.report import IN_ADVANCE, By, Line, SpendingReport
from gateway.spending.schema import upgrade
from gateway.spending.store import SpendingStore


class _Line(Struct):
    """US dollars as text, exactly. ``name`` is that of a key."""

    of: str
    name: str
    calls: int
    spent_usd: str
    reserved_usd: str
    unknown_usd: str


class _Unknown(Struct):
    """``at_most_usd`` is what counts until it is settled. An advance of a gateway that is gone has no model."""

    id: str
    day: str
    key: str
    name: str
    model: str
    provider: str
    request_id: str
    at_most_usd: str


class _Report(Struct):
    by: By
    since: str | None
    lines: list[_Line]
    in_advance_usd: str
    unknown: list[_Unknown]


@click.group(invoke_without_command=True)
@click.option("--key", help="Of one key only: its name or id.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From that day on (UTC).")
@click.option("--by", type=click.Choice(get_args(By)), default="key", show_default=True, help="What is added up.")
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
@click.pass_context
def spend(ctx: click.Context, key: str | None, since: datetime | None, by: By, as_json: bool) -> None:
    """Say who spent what on cloud providers, what is reserved, and which calls have an unknown outcome."""
    if ctx.invoked_subcommand is not None:
        return
    with _database() as database:
        names = {k.id: k.name for k in KeyStore(database, lambda: datetime.now(UTC)).all()}
        day = None if since is None else since.date().isoformat()
        report = SpendingReport(database, since=day, keys=_which(key, names))
        lines, in_advance, unknown = report.lines(by), report.in_advance(), report.unknown()
    if in_advance is not None and by not in ("key", "day"):
        lines = (*lines, in_advance)
    kept = 0 if in_advance is None else in_advance.reserved
    if as_json:
        shown_lines = [_line(line, names if by == "key" else {}) for line in lines]
        opened = [_open(entry, names) for entry in unknown]
        click.echo(encode(_Report(by, day, shown_lines, plain(kept), opened)).decode())
        return
    show((by.upper(), "CALLS", "SPENT", "RESERVED", "UNKNOWN"), [_row(line, by, names) for line in lines])
    if kept:
        click.echo(f"\nOf what is reserved, {shown(kept)} is held in advance, for calls under way and to come.")
    if unknown:
        click.echo("\nOutcome unknown; look at the provider's bill, then: forebay spend settle ID USD")
        columns = ("ID", "DAY", "KEY", "MODEL", "PROVIDER", "AT MOST")
        rows = [
            (e.id, e.day, names.get(e.key, e.key), e.model or IN_ADVANCE, e.provider, shown(e.reserved))
            for e in unknown
        ]
        show(columns, rows)


@spend.command()
@click.argument("entry_id", metavar="ID")
@click.argument("amount", metavar="USD", type=AMOUNT)
def settle(entry_id: str, amount: int) -> None:
    """Say what the call ID of unknown outcome has cost, 0 if it was not charged."""
    with _database() as database:
        store = SpendingStore(database, time.time)
        state = store.get(entry_id).state
        if state != "unknown":
            raise click.ClickException(f"{entry_id} is {state}: only a call of unknown outcome is settled by hand")
        settled = store.settle(entry_id, amount)
    click.echo(f"{settled.id}: {shown(settled.spent)} of the {shown(settled.reserved)} that were reserved")


@contextmanager
def _database() -> Generator[Engine]:
    database = open_database(Settings().shared_database)
    try:
        upgrade(database)
        yield database
    finally:
        database.dispose()


def _which(key: str | None, names: dict[str, str]) -> list[str] | None:
    """Ids of keys; ``None`` is all. Several keys may have one name; ids of no stored key are the operator's."""
    if key is None:
        return None
    return [key] if key in names else [found for found, name in names.items() if name == key] or [key]


def _line(line: Line, names: dict[str, str]) -> _Line:
    spent, reserved, unknown = (plain(amount) for amount in (line.spent, line.reserved, line.unknown))
    return _Line(line.of, names.get(line.of, line.of), line.calls, spent, reserved, unknown)


def _open(entry: Entry, names: dict[str, str]) -> _Unknown:
    return _Unknown(
        id=entry.id, day=entry.day, key=entry.key, name=names.get(entry.key, entry.key), model=entry.model,
        provider=entry.provider, request_id=entry.request_id, at_most_usd=plain(entry.reserved),
    )  # fmt: skip


def _row(line: Line, by: By, names: dict[str, str]) -> tuple[str, ...]:
    of = f"{names[line.of]} ({line.of})" if by == "key" and line.of in names else line.of
    return of, str(line.calls), shown(line.spent), shown(line.reserved), shown(line.unknown)
