"""Pictures by their rows, wherever their bytes lie: in the row itself, or in the store as the object of the row's digest.

The object is there before its row names it. Who counts on an object that they have not just made themselves does so under one
lock with whoever deletes those that no row names: so an object without a row is garbage, and a row without an object never is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database, insert_new
from db.errors import StorageError
from db.store import AT_ONCE, Lack, Lacking, Object, Store
from db.tables import Depot, Picture
from db.types import now

STORING = 8341_31  # names our lock among the advisory locks of a PostgreSQL database
YOUNG = timedelta(days=1)  # its row may still come
ROWS, BLOBS = 200, 20  # of pictures in memory, without their bytes and with them

Tell = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much


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
            await _alone(connection)  # before any row is written: no deadlock
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
        await _alone(connection)
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


async def objects_of(store: Store | None, digests: Collection[str]) -> list[Object]:
    """What the store has of pictures that lie there. Raises StorageError."""
    if store is None:
        return []
    return [each for each in await _each(store.find, digests) if each is not None]


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
            lacks = await _each(partial(_lack, store), outside.values())
    except (StorageError, TimeoutError):
        return dict.fromkeys(outside, Lack.UNREACHABLE)
    return {number: lack for number, lack in zip(outside, lacks, strict=True) if lack is not None}


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
    whole = await _whole(database, Picture.image.is_not(None))
    async for rows in _batches(database, Picture.image.is_not(None), BLOBS, Picture.image):
        checked.damaged += [each.digest for each in rows if sha256(each.image).hexdigest() != each.digest]
        checked.pictures += len(rows)
        tell("checking", checked.pictures, whole)


async def look_outside(database: Database, checked: Checked, tell: Tell) -> None:
    """Read every picture that is in the store, and compare it with its digest. Raises StorageError."""
    whole, done = await _whole(database, Picture.image.is_(None)), 0
    async for rows in _batches(database, Picture.image.is_(None), ROWS):
        lacks = await _each(partial(_lack, database.store), [each.digest for each in rows])
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


async def _lack(store: Store | None, digest: str) -> Lack | None:
    if store is None:
        return Lack.MISSING
    try:
        await store.get(digest)
    except Lacking as error:
        return error.lack
    return None


async def _sort_out(database: Database, objects: Sequence[Object], checked: Checked, *, removing: bool) -> None:
    async with database.reading() as connection:
        named = set(
            await connection.scalars(
                sa.select(Picture.digest).where(
                    Picture.digest.in_([each.digest for each in objects]), Picture.image.is_(None)
                )
            )
        )
    for each in objects:
        if each.digest in named:
            continue
        if not _is_old(each.at):
            checked.young += 1
            continue
        checked.garbage += 1
        checked.garbage_bytes += each.size
        if removing:
            checked.removed += await remove(database, each.digest)


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


def _is_old_object(found: Object) -> bool:
    return _is_old(found.at)


async def discard(database: Database, objects: Iterable[Object]) -> None:
    """Delete objects whose rows have just been deleted, but for those that somebody has come to need or writes anew.

    Who is killed before that leaves garbage, see `check`. Raises StorageError.
    """
    for each in objects:
        await remove(database, each.digest, each.__eq__)


async def remove(database: Database, digest: str, may_go: Callable[[Object], bool] = _is_old_object) -> bool:
    """Delete an object that no row names, if it may go, by default unless it is young; returns whether it did. Raises StorageError."""
    store = needed(database)
    async with database.writing() as connection:
        await _alone(connection)
        named = sa.select(Picture.id).where(Picture.digest == digest, Picture.image.is_(None))
        found = await store.find(digest)
        if found is None or not may_go(found) or await connection.scalar(named) is not None:
            return False
        await store.remove(digest)
        return True


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
    moved, whole = Rehoused(), await _whole(database, Picture.image.is_not(None))
    async for rows in _batches(database, Picture.image.is_not(None), BLOBS, Picture.image):
        good = {each.id: each for each in rows if sha256(each.image).hexdigest() == each.digest}
        moved.left += [each.digest for each in rows if each.id not in good]
        await _each(partial(_carry, store), good.values())
        async with database.writing() as connection:
            await _alone(connection)
            there = await _each(store.find, [each.digest for each in good.values()])
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
    moved, whole = Rehoused(), await _whole(database, Picture.image.is_(None))
    async for rows in _batches(database, Picture.image.is_(None), BLOBS):
        images = await _each(partial(_image_or_none, store), [each.digest for each in rows])
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
        await _alone(connection)
        found, own = await store.mark(), await _own(connection)
        _compare(store, found, own, has_pictures=not anew and await _is_any_outside(connection))
        if anew:
            await connection.execute(sa.update(Depot).values(copied_at=None))
        if own is None or (anew and found is None):
            own = uuid4().hex
            await connection.execute(sa.insert(Depot).values(mark=own, begun_at=now()))
    if found is None:  # the row first: a mark without a row would be another database's for ever
        async with database.writing() as connection:
            await _alone(connection)
            _compare(store, found := await store.mark(), own, has_pictures=False)
            if found is None:
                await store.set_mark(own)
    database.store_mark = own


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


async def _alone(connection: AsyncConnection) -> None:
    """With whoever deletes objects one after the other, to the end of the transaction; SQLite has one writer anyway."""
    if connection.dialect.name != "sqlite":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(STORING)))


async def _whole(database: Database, where: sa.ColumnElement[bool]) -> int:
    async with database.reading() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(Picture).where(where)) or 0


async def _batches(
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


async def _each(act: Callable[[Any], Any], given: Iterable[Any]) -> list[Any]:
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
