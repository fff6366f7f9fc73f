"""What takes long to work out is worked out before somebody asks: templates, how all sites stand, how far the open cycles have come."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import State

from audits.cycles import rounds
from crawler.together import again_and_again
from db.database import Database
from db.tables import Cycle
from reports.render import environment
from reports.web.units import paint_all

EVERY = 300.0  # seconds between two rounds; of what has not changed since, each takes a moment


@asynccontextmanager
async def warming(database: Database, held: State) -> AsyncIterator[None]:
    """Keep what the application holds in memory up to date while the block runs."""
    async with again_and_again(lambda: warm(database, held), EVERY, "working out beforehand what takes long"):
        yield


async def warm(database: Database, held: State) -> None:
    """Settle the day's exceptions, compile the templates, paint all sites, and work out what is not known yet of each open cycle."""
    await held.daily.settled(database)
    await asyncio.to_thread(_compile)
    async with database.reading() as connection:
        await paint_all(connection, held.portraits)
        found = await rounds.rounds(connection, Cycle.closed_at.is_(None))
    for cycle in found:
        await held.cycles.progress(database, cycle)
    # What is held for good would be gone through again and again while readers wait, 0.3 s each time
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def _compile() -> None:
    templates = environment()
    for name in templates.list_templates(["html"]):
        if name.startswith("web/"):
            templates.get_template(name)
