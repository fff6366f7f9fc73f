"""What a database is asked while something is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from db.database import Database


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    told: list[str] = []

    def note(*said: Any) -> None:
        told.append(said[2])

    engine = database._engine
    assert engine is not None
    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield told
    sa.event.remove(engine.sync_engine, "before_cursor_execute", note)
