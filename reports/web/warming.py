"""What takes long to work out is worked out before somebody asks: how far the open cycles have come."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from audits.cycles import rounds
from audits.cycles.progress import Memory
from db.database import Database
from db.tables import Cycle

EVERY = 300.0  # seconds between two rounds; of what has not changed since, each takes a moment
log = logging.getLogger(__name__)


@asynccontextmanager
async def warming(database: Database, memory: Memory) -> AsyncIterator[None]:
    """Keep the memory of cycles up to date while the block runs."""
    task = asyncio.create_task(_again_and_again(database, memory))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _again_and_again(database: Database, memory: Memory) -> None:
    while True:
        try:
            await warm(database, memory)
        except Exception:  # whoever reads is told of it, too; the next round tries again
            log.exception("open cycles could not be worked out beforehand")
        await asyncio.sleep(EVERY)


async def warm(database: Database, memory: Memory) -> None:
    """Work out what is not known yet of each open cycle."""
    async with database.reading() as connection:
        found = await rounds.rounds(connection, Cycle.closed_at.is_(None))
    for cycle in found:
        await memory.progress(database, cycle)
