"""The database's clock, for those who work by its time."""

import asyncio

import sqlalchemy as sa

from db.clock import clock_of, present
from db.database import Database


async def test_a_clock_goes_on_as_the_databases_does(database: Database) -> None:
    async with database.reading() as connection:
        clock = await clock_of(connection)
        await asyncio.sleep(0.5)
        before = clock()
        told = (await connection.execute(sa.select(present()))).scalar_one()
    assert (before - told).total_seconds() < 0.1  # it is not fast
    assert (clock() - told).total_seconds() > -0.1  # nor slow
