"""A write that is called off in the middle of a statement leaves the database free for the next."""

import asyncio
import gc
from pathlib import Path

from sqlalchemy import text

from db.database import Database


async def test_the_lock_is_given_back_although_the_statement_is_not_forgotten(tmp_path: Path) -> None:
    async with Database(str(tmp_path / "some.sqlite"), patience=1) as database:
        async with database.writing() as connection:
            await connection.execute(text("CREATE TABLE numbers (number INTEGER)"))
        begun = asyncio.Event()

        async def write() -> None:
            async with database.writing() as connection:
                asyncio.get_running_loop().call_later(0.05, begun.set)
                await connection.execute(
                    text("INSERT INTO numbers VALUES (:number)"), [{"number": each} for each in range(300_000)]
                )

        writing = asyncio.create_task(write())
        await begun.wait()
        gc.disable()  # nothing but reference counts may forget the statement, whose error is held
        try:
            writing.cancel()
            ended = (await asyncio.gather(writing, return_exceptions=True))[0]
            assert isinstance(ended, asyncio.CancelledError)
            async with database.writing() as connection:
                await connection.execute(text("INSERT INTO numbers VALUES (7)"))
        finally:
            gc.enable()
        async with database.reading() as connection:
            assert (await connection.scalars(text("SELECT number FROM numbers"))).all() == [7]
