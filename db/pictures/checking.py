"""Whether all pictures are there, as they should be, and what lies in the store without a row."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from db.database import Database
from db.pictures.belonging import alone, needed, ours, refuse_copy
from db.pictures.leaving import remove
from db.pictures.many import BLOBS, ROWS, Tell, batches, each_of, how_many
from db.pictures.rows import lack_of
from db.store import AT_ONCE, Lack, Object
from db.tables import Picture
from db.types import now

YOUNG = timedelta(days=1)  # its row may still come


@dataclass(kw_only=True)
class Checked:
    """What was found when every picture was read."""

    pictures: int = 0
    missing: list[str] = field(default_factory=list)  # digests
    damaged: list[str] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0
    garbage: int = 0  # objects that no row names, and nobody writes any more
    garbage_bytes: int = 0
    young: int = 0  # objects that no row names yet
    foreign: int = 0  # things in the store that are none of ours
    removed: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all pictures are there."""
        return not (self.missing or self.damaged)


async def check(database: Database, tell: Tell, *, removing: bool = False) -> Checked:
    """Read every picture and compare it with its digest; look for objects that no row names, and delete them when `removing`.

    Raises StorageError when the store cannot be used, or is not this database's.
    """
    await ours(database)
    if removing:
        await refuse_copy(database)
    checked = Checked()
    await _look_inside(database, checked, tell)
    await look_outside(database, checked, tell)
    if database.store is not None:
        async for part in database.store.listed():
            checked.foreign += part.foreign
            checked.objects += len(part.objects)
            checked.bytes += sum(each.size for each in part.objects)
            await _sort_out(database, part.objects, checked, removing=removing)
        for draft in await asyncio.to_thread(database.store.drafts):
            _sort_out_draft(draft, checked, removing=removing)
    return checked


async def _look_inside(database: Database, checked: Checked, tell: Tell) -> None:
    """Compare the pictures that are in the database with their digests."""
    whole = await how_many(database, Picture.image.is_not(None))
    async for rows in batches(database, Picture.image.is_not(None), BLOBS, Picture.image):
        checked.damaged += [each.digest for each in rows if sha256(each.image).hexdigest() != each.digest]
        checked.pictures += len(rows)
        tell("checking", checked.pictures, whole)


async def look_outside(database: Database, checked: Checked, tell: Tell) -> None:
    """Read every picture that is in the store, and compare it with its digest. Raises StorageError."""
    whole, done = await how_many(database, Picture.image.is_(None)), 0
    async for rows in batches(database, Picture.image.is_(None), ROWS):
        lacks = await each_of(partial(lack_of, database.store), [each.digest for each in rows])
        bad = {each.digest: lack for each, lack in zip(rows, lacks, strict=True) if lack is not None}
        if bad:  # a picture may have been disposed of, or moved, since its row was read
            async with database.reading() as connection:
                still = await connection.scalars(
                    sa.select(Picture.digest).where(Picture.digest.in_(bad), Picture.image.is_(None))
                )
                for digest in still:
                    (checked.missing if bad[digest] is Lack.MISSING else checked.damaged).append(digest)
        checked.pictures, done = checked.pictures + len(rows), done + len(rows)
        tell("checking", done, whole)


async def _sort_out(database: Database, objects: Sequence[Object], checked: Checked, *, removing: bool) -> None:
    async with database.reading() as connection:
        named = set(
            await connection.scalars(
                sa.select(Picture.digest).where(
                    Picture.digest.in_([each.digest for each in objects]), Picture.image.is_(None)
                )
            )
        )
    garbage: list[str] = []
    for each in objects:
        if each.digest in named:
            continue
        if not _is_old(each.at):
            checked.young += 1
            continue
        checked.garbage += 1
        checked.garbage_bytes += each.size
        garbage.append(each.digest)
    for start in range(0, len(garbage) if removing else 0, AT_ONCE):
        async with database.writing() as connection:
            await alone(connection)
            some = garbage[start : start + AT_ONCE]
            checked.removed += await remove(connection, needed(database), some, lambda found: _is_old(found.at))


def _sort_out_draft(draft: Path, checked: Checked, *, removing: bool) -> None:
    with suppress(FileNotFoundError):  # it has become an object meanwhile
        told = draft.stat()
        if not _is_old(datetime.fromtimestamp(told.st_mtime, UTC)):
            return
        if removing:
            draft.unlink()
            checked.removed += 1
        checked.garbage += 1
        checked.garbage_bytes += told.st_size


def _is_old(written: datetime) -> bool:
    return now() - written > YOUNG
