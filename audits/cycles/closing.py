"""Closing a cycle: all that it says is kept as it is, so that no later sweep, plan or day changes it."""

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.cycles.keeping import kept, restored
from audits.cycles.progress import Memory, Progress, progress
from audits.cycles.rounds import Round
from db.database import Database
from db.errors import UsageError
from db.tables import Cycle
from db.types import now


async def told(database: Database, cycle: Round, memory: Memory | None = None) -> Progress:
    """What a cycle says: a closed one what it said then, an open one how it stands today; from `memory` where that still holds."""
    memory = memory or Memory()
    if cycle.closed_at is None:
        return await memory.progress(database, cycle)
    if (known := memory.closed(cycle)) is None:
        async with database.reading() as connection:
            said = (await connection.scalars(sa.select(Cycle.closing).where(Cycle.id == cycle.id))).one()
        known = restored(Progress, said or {})
        memory.keep(cycle, known)
    return known


async def close(database: Database, cycle: Round, who: str) -> Progress:
    """Close a cycle in a person's name; returns what it says from now on. Raises UsageError for a closed one."""
    said = await worked_out(database, cycle, who)
    async with database.writing() as connection:
        await keep(connection, cycle, said)
    return said


async def worked_out(database: Database, cycle: Round, who: str) -> Progress:
    """What a cycle will say once a person has closed it now. Raises UsageError for a closed one."""
    cycle.check_open()
    return replace(await progress(database, cycle), closed_by=who, closed_at=now())


async def keep(connection: AsyncConnection, cycle: Round, said: Progress) -> None:
    """Close a cycle with what it says from now on. Raises UsageError when somebody else has."""
    closed = await connection.execute(
        sa.update(Cycle)
        .where(Cycle.id == cycle.id, Cycle.closed_at.is_(None))
        .values(closed_by=said.closed_by, closed_at=said.closed_at, closing=kept(said))
    )
    if not closed.rowcount:
        raise UsageError(
            ja=f"サイクル「{cycle.name}」は、いま別の人が締めました。",
            en=f"Somebody else has closed cycle {cycle.name!r} just now.",
        )
