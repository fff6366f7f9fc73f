"""Keeping a picture once whatever shows it, and having its bytes again."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database, insert_new
from db.errors import StorageError
from db.pictures.belonging import alone, settle
from db.pictures.many import each_of
from db.store import Lack, Lacking, Store
from db.tables import Picture


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where new pictures go: a store, with the objects that are surely there; without one, into their rows."""

    store: Store | None = None
    digests: Collection[str] = ()


IN_ROWS = Placed()


@asynccontextmanager
async def adding(database: Database, images: Iterable[bytes]) -> AsyncIterator[tuple[AsyncConnection, Placed]]:
    """A transaction that writes, in which rows of these pictures may be added: what goes into the store is there before.

    Raises StorageError when the store cannot be used, or is not this database's.
    """
    by_digest = {sha256(each).hexdigest(): each for each in images}
    store = database.store
    if store is None or not by_digest:
        async with database.writing() as connection:
            yield connection, Placed(store=store)
        return
    await settle(database)
    async with database.reading() as connection:
        new = await _unknown(connection, by_digest)
        outside = Picture.digest.in_(by_digest), Picture.image.is_(None)
        known = (await connection.scalars(sa.select(Picture.digest).where(*outside))).all()
    for each in known:
        found = await store.find(each)
        if found is None or found.size != len(by_digest[each]):  # it was lost, and here it is again
            await store.put(each, by_digest[each])
    made = {each for each in new if await store.put(each, by_digest[each], new=True)}
    async with database.writing() as connection:
        others = await _unknown(connection, by_digest.keys() - made)
        if others:  # they lay there already, and may be garbage that is about to go
            await alone(connection)  # before any row is written: no deadlock
            for each in others:
                await store.put(each, by_digest[each])
        yield connection, Placed(store=store, digests=frozenset({*made, *others}))


async def _unknown(connection: AsyncConnection, digests: Collection[str]) -> list[str]:
    known = set(await connection.scalars(sa.select(Picture.digest).where(Picture.digest.in_(digests))))
    return sorted(set(digests) - known)


async def add(connection: AsyncConnection, placed: Placed, image: bytes, **facts: Any) -> int:
    """The number of a picture, kept once whatever shows it. `facts` are the other columns of its row."""
    digest = sha256(image).hexdigest()
    known = sa.select(Picture.id).where(Picture.digest == digest)
    if (number := await connection.scalar(known)) is not None:
        return number
    if placed.store is not None and digest not in placed.digests:  # its row has gone since we looked
        await alone(connection)
        await placed.store.put(digest, image)
    kept = None if placed.store is not None else image
    added: int | None = await connection.scalar(
        insert_new(connection, Picture).values(digest=digest, image=kept, **facts).returning(Picture.id)
    )
    number = added or await connection.scalar(known)
    assert number is not None
    return number


async def image_of(connection: AsyncConnection, store: Store | None, picture: int) -> bytes:
    """The bytes of a picture. Raises Lacking when they are not to be had, StorageError when the store cannot be used."""
    return await _bytes_of(await _row(connection, picture), store)


async def read_image(database: Database, picture: int) -> bytes:
    """The same without a transaction that stays open meanwhile, for readers who wait. Raises Lacking alone for the store's part."""
    async with database.reading() as connection:
        row = await _row(connection, picture)
    try:
        return await _bytes_of(row, database.store)
    except StorageError as error:
        raise Lacking(Lack.UNREACHABLE) from error


async def _row(connection: AsyncConnection, picture: int) -> Any:
    query = sa.select(Picture.digest, Picture.image).where(Picture.id == picture)
    return (await connection.execute(query)).one_or_none()


async def _bytes_of(row: Any, store: Store | None) -> bytes:
    if row is None:
        raise Lacking(Lack.MISSING)
    if row.image is not None:
        return bytes(row.image)
    if store is None:
        raise Lacking(Lack.MISSING)
    return await store.get(row.digest)


async def lacking(database: Database, pictures: Iterable[int], seconds: float = 5.0) -> dict[int, Lack]:
    """Those of some pictures that are not to be had: each is read, and all are out of reach when that takes too long."""
    async with database.reading() as connection:
        rows = await connection.execute(
            sa.select(Picture.id, Picture.digest).where(Picture.id.in_(set(pictures)), Picture.image.is_(None))
        )
        outside = {each.id: each.digest for each in rows}
    store = database.store
    if store is None or not outside:
        return dict.fromkeys(outside, Lack.MISSING)
    try:
        async with asyncio.timeout(seconds):
            lacks = await each_of(partial(lack_of, store), outside.values())
    except (StorageError, TimeoutError):
        return dict.fromkeys(outside, Lack.UNREACHABLE)
    return {number: lack for number, lack in zip(outside, lacks, strict=True) if lack is not None}


async def lack_of(store: Store | None, digest: str) -> Lack | None:
    if store is None:
        return Lack.MISSING
    try:
        await store.get(digest)
    except Lacking as error:
        return error.lack
    return None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How many pictures lie where."""

    in_database: int
    bytes_in_database: int
    in_store: int


async def count(connection: AsyncConnection) -> Counted:
    """How many pictures lie where, by their rows."""
    inside, size, outside = (
        await connection.execute(
            sa.select(
                sa.func.count(Picture.image),
                sa.func.coalesce(sa.func.sum(sa.func.length(Picture.image)), 0),
                sa.func.count().filter(Picture.image.is_(None)),
            )
        )
    ).one()
    return Counted(in_database=inside, bytes_in_database=int(size), in_store=outside)
