"""The history of the table ``jobs``: Alembic's environment and its revisions, run by ``gateway.jobs.schema``."""
