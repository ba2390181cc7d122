"""Revisions, one a file. Alembic reads the folder; a revision never changes once released."""
