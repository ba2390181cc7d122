"""The tables ``spending`` and ``spending_totals``. Left alone where they are there already."""

from alembic import op
from sqlalchemy import BigInteger, Column, Double, PrimaryKeyConstraint, Text

revision = "s0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "spending",
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
        if_not_exists=True,
    )
    op.create_index("ix_spending_state", "spending", ["state", "due_at"], if_not_exists=True)
    op.create_index("ix_spending_day", "spending", ["day"], if_not_exists=True)
    op.create_table(
        "spending_totals",
        Column("scope", Text, nullable=False),
        Column("period", Text, nullable=False),
        Column("amount", BigInteger, nullable=False),
        PrimaryKeyConstraint("scope", "period"),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("spending_totals")
    op.drop_table("spending")
