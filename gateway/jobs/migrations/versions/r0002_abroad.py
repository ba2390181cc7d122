"""What was begun for a job at a provider. Left alone where it is there already."""

from alembic import op
from sqlalchemy import Column, LargeBinary, inspect

revision = "r0002"
down_revision = "r0001"


def upgrade() -> None:
    if "abroad" not in {column["name"] for column in inspect(op.get_bind()).get_columns("jobs")}:
        op.add_column("jobs", Column("abroad", LargeBinary))


def downgrade() -> None:
    op.drop_column("jobs", "abroad")
