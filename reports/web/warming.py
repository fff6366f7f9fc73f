"""What takes long to work out is worked out before somebody asks: how far the open cycles have come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audits.cycles import rounds
from audits.cycles.progress import Memory
from crawler.together import again_and_again
from db.database import Database
from db.tables import Cycle

EVERY = 300.0  # seconds between two rounds; of what has not changed since, each takes a moment


@asynccontextmanager
async def warming(database: Database, memory: Memory) -> AsyncIterator[None]:
    """Keep the memory of cycles up to date while the block runs."""
    async with again_and_again(lambda: warm(database, memory), EVERY, "working out the open cycles beforehand"):
        yield


async def warm(database: Database, memory: Memory) -> None:
    """Work out what is not known yet of each open cycle."""
    async with database.reading() as connection:
        found = await rounds.rounds(connection, Cycle.closed_at.is_(None))
    for cycle in found:
        await memory.progress(database, cycle)
