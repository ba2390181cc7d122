"""The table ``jobs``. Left alone where it is there already."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, LargeBinary, Text, UniqueConstraint, text

revision = "r0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        Column("id", Text, primary_key=True),
        Column("owner", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("model", Text, nullable=False),
        Column("variant", Text, nullable=False),
        Column("backend", Text, nullable=False),
        Column("spec", LargeBinary, nullable=False),
        Column("status", Text, nullable=False),
        Column("progress", Double[float](), nullable=False),
        Column("stage", Text, nullable=False),
        Column("eta", Double[float]()),
        Column("priority", Integer, nullable=False),
        Column("created_at", Double[float](), nullable=False),
        Column("run_at", Double[float](), nullable=False),
        Column("started_at", Double[float]()),
        Column("finished_at", Double[float]()),
        Column("expires_at", Double[float]()),
        Column("attempt", Integer, nullable=False),
        Column("returned", Integer, nullable=False),
        Column("worker", Text, nullable=False),
        Column("lease_until", Double[float]()),
        Column("cancel_requested", Boolean, nullable=False),
        Column("idempotency_key", Text),
        Column("request_digest", Text, nullable=False),
        Column("error_cause", Text),
        Column("error_message", Text),
        Column("notes", LargeBinary, nullable=False),
        Column("result", LargeBinary, nullable=False),
        Column("bytes", BigInteger, nullable=False),
        UniqueConstraint("owner", "idempotency_key", name="uq_jobs_idempotency"),
        if_not_exists=True,
    )
    due = ["kind", "status", text("priority DESC"), "run_at", "id"]
    op.create_index("ix_jobs_claim", "jobs", due, if_not_exists=True)
    op.create_index("ix_jobs_owner", "jobs", ["owner", "kind", "created_at", "id"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("jobs")
