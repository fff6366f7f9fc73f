"""What many answers came to, committed together: a transaction costs as much as what a page has to say in it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database

AT_ONCE = 50  # answers that are committed together, and asked for again after a kill
LONGEST = 1.0  # seconds between two commits while answers come

Write = Callable[[AsyncConnection], Awaitable[None]]


class Batch:
    """Writes that wait to be committed in one transaction, in the order in which they were added."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Write] = []
        self._committed = time.monotonic()
        self._committing = asyncio.Lock()  # rows of one exploration come in one order, see crawler.frontier

    async def add(self, write: Write) -> None:
        """Let it wait; commit all when there are many, or when the last time was long ago."""
        self._waiting.append(write)
        if len(self._waiting) >= AT_ONCE or time.monotonic() - self._committed > LONGEST:
            await self.commit()

    async def commit(self) -> None:
        """Commit what waits."""
        async with self._committing:
            some, self._waiting = self._waiting, []
            self._committed = time.monotonic()
            if some:
                async with self._database.writing() as connection:
                    for write in some:
                        await write(connection)
