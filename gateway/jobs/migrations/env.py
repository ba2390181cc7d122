"""Alembic's environment: runs revisions on the connection, and within the transaction, that ``schema.upgrade`` hands
over. Opens no connection and reads no configuration file."""

from alembic import context

from gateway.jobs.table import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)  # SQLite's DDL is transactional under our BEGIN IMMEDIATE
with context.begin_transaction():
    context.run_migrations()
