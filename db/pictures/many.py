"""Going through many pictures, some at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from db.database import Database
from db.store import AT_ONCE
from db.tables import Picture

ROWS, BLOBS = 200, 20  # of pictures in memory, without their bytes and with them
Tell = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much


async def how_many(database: Database, where: sa.ColumnElement[bool]) -> int:
    async with database.reading() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(Picture).where(where)) or 0


async def batches(
    database: Database, where: sa.ColumnElement[bool], size: int, *columns: Any
) -> AsyncIterator[Sequence[Any]]:
    """Pictures by number, some at a time, each time as they stand then."""
    last = 0
    while True:
        async with database.reading() as connection:
            query = sa.select(Picture.id, Picture.digest, *columns).where(where, Picture.id > last)
            rows = (await connection.execute(query.order_by(Picture.id).limit(size))).all()
        if not rows:
            return
        last = rows[-1].id
        yield rows


async def each_of(act: Callable[[Any], Any], given: Iterable[Any]) -> list[Any]:
    """What it does for each of them, a few at one time."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(what: Any) -> Any:
        async with few:
            return await act(what)

    done = await asyncio.gather(*map(one, given), return_exceptions=True)  # none is left at work when one fails
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return done
