"""Alembic migrations, forward only, for SQLite and PostgreSQL alike."""
