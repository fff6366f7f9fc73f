"""Work in the defects of a database: what exceptions have ended is settled before anything is read."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.settling import settle_all
from audits.record import MACHINE
from db.database import Database
from db.errors import UsageError
from db.schema import present

T = TypeVar("T")


async def with_defects(
    given: dict[str, Any], work: Callable[[AsyncConnection], Awaitable[T]], *, write: bool = False
) -> T:
    """Do the work of a command with the defects as they stand today: nothing that has ended is shown as excepted."""
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle_all(database)
        async with database.writing() if write else database.reading() as connection:
            return await work(connection)


def check_name(who: str) -> None:
    """Raises UsageError for a name that is none, or ours."""
    if not who.strip() or who.strip() == MACHINE:
        raise UsageError(ja="--by に人の名前を入れてください。", en="--by needs the name of a person.")
