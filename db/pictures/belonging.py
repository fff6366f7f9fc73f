"""Whose the store is: its mark, the row that names it, and the lock of those who count on what lies there."""

from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.errors import StorageError
from db.store import Store
from db.tables import Depot, Picture
from db.types import now

STORING = 8341_31  # names our lock among the advisory locks of a PostgreSQL database


async def takes_pictures(database: Database) -> None:
    """Raises StorageError when new pictures could not be kept, as far as can be told without one."""
    if database.store is not None:
        await settle(database)
        _compare(database.store, await database.store.mark(), database.store_mark, has_pictures=True)


def needed(database: Database) -> Store:
    """The store. Raises StorageError where none is set."""
    if database.store is None:
        raise StorageError(
            ja="画像の保管場所が設定されていません。--store か設定の store（JISWEEP_STORE）に書いてください。",
            en="No store of pictures is set: name one with --store, or in the setting store (JISWEEP_STORE).",
        )
    return database.store


async def within_reach(database: Database) -> None:
    """Raises StorageError when pictures lie in a store, and it is not named, cannot be used or is another database's."""
    if database.store is None:
        async with database.reading() as connection:
            if not await _is_any_outside(connection):
                return
        needed(database)
    await ours(database)


async def set_apart(database: Database) -> None:
    """Note that this database is a copy beside the one that the store is of."""
    async with database.writing() as connection:
        await connection.execute(sa.update(Depot).values(copied_at=now()))


async def refuse_copy(database: Database) -> None:
    """Raises StorageError where deleting an object may take a picture from the database that this one was restored from."""
    if database.store is None:
        return
    async with database.reading() as connection:
        copied = await connection.scalar(sa.select(Depot.id).where(Depot.copied_at.is_not(None)).limit(1))
    if copied is not None:
        raise StorageError(
            ja=f"このデータベースはバックアップから戻したもので、元のデータベースが {database.store.place} を使っているかもしれないため、"
            "そこの画像は消しません。元のものをもう使わないなら、jisweep store begin を実行してください。",
            en=f"This database was restored from a backup, and the one that it was made of may use {database.store.place}: "
            "nothing is deleted there. If that is no longer used, run jisweep store begin.",
        )


async def ours(database: Database) -> None:
    """Raises StorageError when the store is not the one that has this database's pictures."""
    if database.store is None:
        return
    found = await database.store.mark()
    async with database.reading() as connection:
        _compare(database.store, found, await _own(connection), has_pictures=await _is_any_outside(connection))


async def still_ours(connection: AsyncConnection, store: Store) -> None:
    """Raises StorageError when the store has lost our mark since: it is not mounted any more, say."""
    _compare(store, await store.mark(), await _own(connection), has_pictures=True)


async def settle(database: Database, *, anew: bool = False) -> None:
    """Make sure, once, that the store is this database's; one that is nobody's yet becomes it.

    A store that has lost its mark is another one, or is not mounted: it is taken only when no picture lies outside, or `anew`;
    then a copy becomes the database that the store is of, too.
    Raises StorageError.
    """
    store = needed(database)
    if database.store_mark is not None and not anew:
        return
    async with database.writing() as connection:
        await alone(connection)
        found, own = await store.mark(), await _own(connection)
        _compare(store, found, own, has_pictures=not anew and await _is_any_outside(connection))
        if anew:
            await connection.execute(sa.update(Depot).values(copied_at=None))
        if own is None or (anew and found is None):
            own = uuid4().hex
            await connection.execute(sa.insert(Depot).values(mark=own, begun_at=now()))
    if found is None:  # the row first: a mark without a row would be another database's for ever
        async with database.writing() as connection:
            await alone(connection)
            _compare(store, found := await store.mark(), own, has_pictures=False)
            if found is None:
                await store.set_mark(own)
    database.store_mark = own


async def alone(connection: AsyncConnection) -> None:
    """With whoever deletes objects one after the other, to the end of the transaction; SQLite has one writer anyway."""
    if connection.dialect.name != "sqlite":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(STORING)))


def _compare(store: Store, found: str | None, own: str | None, *, has_pictures: bool) -> None:
    if found is not None and found != own:
        raise StorageError(
            ja=f"画像の保管場所 {store.place} は、別のデータベースのものです。データベースごとに別の場所にしてください。",
            en=f"The store of pictures {store.place} is another database's: each database needs one of its own.",
        )
    if found is None and has_pictures:
        raise StorageError(
            ja=f"{store.place} は、このデータベースの画像の保管場所ではありません（印 jisweep-store がありません）。"
            "つながっているか（マウント）、設定を確かめてください。失われたなら jisweep store begin",
            en=f"{store.place} is not the store of this database's pictures (it lacks the mark jisweep-store): "
            "check that it is mounted and rightly set; if it is lost, jisweep store begin.",
        )


async def _own(connection: AsyncConnection) -> str | None:
    mark: str | None = await connection.scalar(sa.select(Depot.mark).order_by(Depot.id.desc()).limit(1))
    return mark


async def _is_any_outside(connection: AsyncConnection) -> bool:
    return await connection.scalar(sa.select(Picture.id).where(Picture.image.is_(None)).limit(1)) is not None
