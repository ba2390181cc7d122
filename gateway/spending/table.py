"""The tables of what was spent, and a row as an ``Entry``. Their history is in ``migrations``; a test holds the two
together.

``spending`` has a row a call. ``spending_totals`` has the sums that budgets are held against, by scope (``gateway``, or
``key:ID``) and period (a day or a month): always what the rows count for together.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Index, MetaData, Row, Table, Text

from gateway.spending.entry import Entry

metadata = MetaData()
spending = Table(
    "spending",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("created_at", Double[float](), nullable=False),
    Column("due_at", Double[float](), nullable=False),
    Column("ended_at", Double[float]()),
)
Index("ix_spending_state", spending.c.state, spending.c.due_at)
Index("ix_spending_day", spending.c.day)

totals = Table(
    "spending_totals",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)


def entry_of(row: Row[Any]) -> Entry:
    """A row of every column of ``spending``."""
    return Entry(**{name: getattr(row, name) for name in Entry.__struct_fields__})
