"""Ask for a sweep of a site, as the application does: python -m tests.fleet.ask DB URL; prints its number."""

import asyncio
import sys

from audits.asked import ask_sweep
from db.database import Database
from db.schema import ready
from db.words import Method
from tests.audits.swept import plan_for


async def _ask(url: str, start: str) -> int:
    async with Database(url) as database:
        await ready(database)
        async with database.writing() as connection:
            return await ask_sweep(connection, plan_for(start, method=Method.ALL), "test")


if __name__ == "__main__":
    print(asyncio.run(_ask(sys.argv[1], sys.argv[2])))
