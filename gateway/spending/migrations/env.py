"""Alembic's environment: runs revisions on the connection, and within the transaction, that ``gateway.revisions`` hands
over. Opens no connection and reads no configuration file."""

from alembic import context

from gateway.spending.table import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"],
    version_table=given["version_table"],
    target_metadata=metadata,
    transactional_ddl=True,
)  # SQLite's DDL is transactional under our BEGIN IMMEDIATE
with context.begin_transaction():
    context.run_migrations()
