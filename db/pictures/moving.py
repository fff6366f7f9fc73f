"""Taking pictures from their rows into the store and back."""

from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from db.database import Database
from db.errors import StorageError
from db.pictures.belonging import alone, needed, ours, settle
from db.pictures.many import BLOBS, Tell, batches, each_of, how_many
from db.store import Lacking, Store
from db.tables import Picture


@dataclass(kw_only=True)
class Rehoused:
    """What moving pictures came to."""

    moved: int = 0
    bytes: int = 0
    left: list[str] = field(default_factory=list)  # digests of those that are not what they should be, or missing


async def move_into_store(database: Database, tell: Tell) -> Rehoused:
    """Take pictures out of their rows into the store, some at a time, whoever works on the database; again goes on.

    Each is read back from the store before its row lets go. Raises StorageError.
    """
    store = needed(database)
    await settle(database)
    moved, whole = Rehoused(), await how_many(database, Picture.image.is_not(None))
    async for rows in batches(database, Picture.image.is_not(None), BLOBS, Picture.image):
        good = {each.id: each for each in rows if sha256(each.image).hexdigest() == each.digest}
        moved.left += [each.digest for each in rows if each.id not in good]
        await each_of(partial(_carry, store), good.values())
        async with database.writing() as connection:
            await alone(connection)
            there = await each_of(store.find, [each.digest for each in good.values()])
            sure = [number for number, found in zip(good, there, strict=True) if found is not None]
            done = await connection.execute(
                sa.update(Picture).where(Picture.id.in_(sure), Picture.image.is_not(None)).values(image=None)
            )
        moved.moved += done.rowcount
        moved.bytes += sum(len(good[number].image) for number in sure)
        tell("moving", moved.moved, whole)
    return moved


async def _carry(store: Store, row: Any) -> None:
    await store.put(row.digest, row.image)
    try:
        await store.get(row.digest)
    except Lacking as error:
        raise StorageError(
            ja=f"保管場所 {store.place} から、書いたとおりに読めません（{row.digest}）。その画像はデータベースに残しています。",
            en=f"The store {store.place} does not give back what was written ({row.digest}): the picture stays in the database.",
        ) from error


async def move_into_database(database: Database, tell: Tell) -> Rehoused:
    """Take pictures out of the store into their rows, some at a time; what lies in the store is garbage then. Raises StorageError."""
    store = needed(database)
    await ours(database)
    return await fill(database, store, tell)


async def fill(database: Database, store: Store, tell: Tell) -> Rehoused:
    """Put into the rows of a database, or of a copy of it, what the store has of their pictures. Raises StorageError."""
    moved, whole = Rehoused(), await how_many(database, Picture.image.is_(None))
    async for rows in batches(database, Picture.image.is_(None), BLOBS):
        images = await each_of(partial(_image_or_none, store), [each.digest for each in rows])
        async with database.writing() as connection:
            for row, image in zip(rows, images, strict=True):
                if image is None:
                    moved.left.append(row.digest)
                    continue
                done = await connection.execute(
                    sa.update(Picture).where(Picture.id == row.id, Picture.image.is_(None)).values(image=image)
                )
                moved.moved += done.rowcount
                moved.bytes += len(image) * done.rowcount
        tell("moving", moved.moved, whole)
    return moved


async def _image_or_none(store: Store, digest: str) -> bytes | None:
    try:
        return await store.get(digest)
    except Lacking:
        return None
