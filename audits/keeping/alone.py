"""Who writes results, and who disposes of them: on PostgreSQL they keep out of each other's way; SQLite has one writer."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

RESULTS = 8341_5  # names our lock among the advisory locks of a PostgreSQL database


async def keeping_results(connection: AsyncConnection) -> None:
    """Until the transaction ends nobody disposes of anything that it may come to refer to; others may keep results, too."""
    if connection.dialect.name != "sqlite":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(RESULTS)))


async def disposing(connection: AsyncConnection) -> None:
    """Until the transaction ends nobody keeps results. On SQLite what is deleted is overwritten, too."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("PRAGMA secure_delete = ON")
    else:
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(RESULTS)))
