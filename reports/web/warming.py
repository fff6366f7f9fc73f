"""What takes long to work out is worked out before somebody asks: templates, how all sites stand, how far the open cycles have come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from audits.cycles import rounds
from audits.cycles.progress import Memory
from crawler.together import again_and_again
from db.database import Database
from db.tables import Cycle
from reports.render import environment
from reports.web.portraits import Portraits
from reports.web.units import paint_all

EVERY = 300.0  # seconds between two rounds; of what has not changed since, each takes a moment


@asynccontextmanager
async def warming(database: Database, memory: Memory, portraits: Portraits) -> AsyncIterator[None]:
    """Keep what is held in memory up to date while the block runs."""
    async with again_and_again(
        lambda: warm(database, memory, portraits), EVERY, "working out beforehand what takes long"
    ):
        yield


async def warm(database: Database, memory: Memory, portraits: Portraits) -> None:
    """Compile the templates, paint all sites, and work out what is not known yet of each open cycle."""
    await asyncio.to_thread(_compile)
    async with database.reading() as connection:
        await paint_all(connection, portraits)
        found = await rounds.rounds(connection, Cycle.closed_at.is_(None))
    for cycle in found:
        await memory.progress(database, cycle)


def _compile() -> None:
    templates = environment()
    for name in templates.list_templates(["html"]):
        if name.startswith("web/"):
            templates.get_template(name)
