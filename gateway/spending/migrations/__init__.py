"""The history of the tables of what was spent: Alembic's environment and its revisions, run by ``schema``."""
