"""Objects whose pictures were disposed of: noted with their rows' end, so that none is forgotten in the store."""

from collections.abc import Callable, Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.pictures.belonging import alone, needed, still_ours
from db.pictures.many import each_of
from db.store import AT_ONCE, Object, Store
from db.tables import Leaving, Picture


async def note(connection: AsyncConnection, objects: Iterable[Object]) -> None:
    """Note objects as they are now, in the transaction that deletes the rows of their pictures."""
    rows = [{"digest": each.digest, "size": each.size, "written_at": each.at} for each in objects]
    if rows:
        mine = Leaving.digest.in_([each["digest"] for each in rows])
        await connection.execute(sa.delete(Leaving).where(mine))
        await connection.execute(sa.insert(Leaving), rows)


async def still_there(connection: AsyncConnection) -> int:
    """How many objects are noted and, as far as is known, not deleted yet."""
    return await connection.scalar(sa.select(sa.func.count()).select_from(Leaving)) or 0


async def discard(database: Database) -> None:
    """Delete the objects that are noted, but for those that somebody has come to need or has written anew.

    Whoever was killed at it has left some: again goes on. Raises StorageError when the store cannot be used.
    """
    while True:
        async with database.reading() as connection:
            query = sa.select(Leaving.digest, Leaving.size, Leaving.written_at).order_by(Leaving.digest)
            rows = (await connection.execute(query.limit(AT_ONCE))).all()
        if not rows:
            return
        digests = [each.digest for each in rows]
        noted = {Object(digest=each.digest, size=each.size, at=each.written_at) for each in rows}
        store = needed(database)
        async with database.writing() as connection:
            await alone(connection)
            await remove(connection, store, digests, noted.__contains__)
            await still_ours(connection, store)  # what is not mounted seems empty
            await connection.execute(sa.delete(Leaving).where(Leaving.digest.in_(digests)))


async def remove(
    connection: AsyncConnection, store: Store, digests: Collection[str], may_go: Callable[[Object], bool]
) -> int:
    """Delete those of some objects that no row names and that may go; returns how many. The caller is `alone`. Raises StorageError."""
    outside = Picture.digest.in_(digests), Picture.image.is_(None)
    named = set(await connection.scalars(sa.select(Picture.digest).where(*outside)))
    found = await each_of(store.find, [each for each in digests if each not in named])
    going = [each.digest for each in found if each is not None and may_go(each)]
    await each_of(store.remove, going)
    return len(going)
