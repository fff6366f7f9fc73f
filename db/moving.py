"""All rows of a database in another one: the one piece behind `jisweep backup`, `jisweep restore` and `jisweep db move`.

What is read is one snapshot, so a sweep may go on meanwhile. Who held what there holds nothing in the copy: a sweep can be
resumed from it at once. What was read and what the copy holds are compared, table by table, before anybody sees the copy.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.drafts import drafted
from db.errors import StorageError, UsageError
from db.pictures.belonging import needed
from db.pictures.moving import fill
from db.schema import QUEUE, make_empty, refers_to_what_is_there, revision_of, upgrade
from db.store import Store
from db.tables import Picture
from db.types import Moment, now
from db.words import SweepState, VisitState

Row = tuple[Any, ...]
Tell = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much
LEASES = ("lease_owner", "lease_until")  # in the copy nobody holds anything
AT_ONCE, WITH_BLOBS = 2000, 50  # rows in memory


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a table holds, whatever database it is in and in whatever order its rows come."""

    rows: int = 0
    digest: int = 0  # sum of the SHA-256 digests of all rows, modulo 2²⁵⁶

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Fingerprint":
        """Of some rows, whose values are those of Python: equal ones are written alike by every version of it."""
        return cls(rows=len(rows), digest=sum(map(_digest, rows)))

    def __add__(self, other: "Fingerprint") -> "Fingerprint":
        return Fingerprint(rows=self.rows + other.rows, digest=(self.digest + other.digest) % 2**256)


def _digest(row: Row) -> int:
    return int.from_bytes(sha256(ascii(row).encode("ascii")).digest(), "big")


Fingerprints = Mapping[str, Fingerprint]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A copy that is whole."""

    tables: Fingerprints  # as they were read
    replaced: int = 0  # rows with U+0000 in a text, which PostgreSQL does not keep: U+FFFD stands in its place
    left: tuple[str, ...] = ()  # tables of the source that are not jisweep's

    @property
    def rows(self) -> int:
        """Of all tables together."""
        return sum(each.rows for each in self.tables.values())


@dataclass(frozen=True, kw_only=True)
class CopiedTable:
    """A table by its columns, with types that mean the same on both databases."""

    name: str
    columns: dict[str, sa.types.TypeEngine[Any]]

    @property
    def at_once(self) -> int:
        """How many of its rows are in memory together."""
        return WITH_BLOBS if any(isinstance(each, sa.LargeBinary) for each in self.columns.values()) else AT_ONCE

    def selected(self) -> sa.Select[Any]:
        """All rows: JSON to the letter, nothing held by anybody."""
        return sa.select(*(self._read(*each) for each in self.columns.items())).select_from(sa.table(self.name))

    def _read(self, name: str, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        if name in LEASES:
            return sa.null().label(name)
        column: sa.ColumnElement[Any] = sa.column(name, kind)
        if isinstance(kind, sa.Float):
            return (column + 0.0).label(name)  # SQLite makes 0 of -0
        return sa.cast(column, sa.Text).label(name) if isinstance(kind, sa.JSON) else column

    def kept_by(self, dialect: sa.Dialect) -> list[Callable[[Any], Any] | None]:
        """How the database has each column's values, where not as Python has them."""
        kinds = (sa.Text() if isinstance(each, sa.JSON) else each for each in self.columns.values())
        return [each.dialect_impl(dialect).bind_processor(dialect) for each in kinds]


async def transfer(
    source: Database, target: str, tell: Tell, *,
    expected: Fingerprints | None = None, upgrading: bool = False, seal: Callable[[Path, Moved], None] | None = None,
    along: bool = False,
) -> Moved:  # fmt: skip
    """Copy all of jisweep's rows into an empty database, and bring the copy to this version's schema when `upgrading`.

    A SQLite file gets its name when it is whole, was looked through, and `seal` has seen it; in PostgreSQL all is one transaction.
    Row by row, with source and copy compared; SQLite into SQLite is copied as it is where the copy is sealed or `expected` proves it.
    `expected` is what the source must prove to hold. Pictures `along`: those in the source's store come into the rows of the copy,
    a SQLite file. Raises StorageError, having left nothing, when the target is not empty or
    cannot be written, or when anything is not as it should be; UsageError for a target that is no database to keep.
    """
    if Database(target).is_sqlite:
        async with drafted(file_of(target)) as draft:
            by_pages = source.is_sqlite and (seal is not None or expected is not None)
            moved = await _fill(source, draft, tell, expected, by_pages=by_pages, upgrading=upgrading, along=along)
            if seal is not None:
                await asyncio.to_thread(seal, draft, moved)
        return moved
    async with Database(target) as server:
        moved = await _copy(source, server, tell, expected)
        if upgrading:
            await upgrade(server)
    return moved


async def _fill(
    source: Database,
    draft: Path,
    tell: Tell,
    expected: Fingerprints | None,
    *,
    by_pages: bool,
    upgrading: bool,
    along: bool,
) -> Moved:
    async with Database(str(draft), draft=True) as copy:
        if by_pages:
            moved = await _vacuum(source, copy, draft, tell)
            _compare(moved.tables, expected)
        else:
            moved = await _copy(source, copy, tell, expected)
        if along:
            moved = await _take_along(copy, needed(source), moved, tell)
        await _look_through(copy)
        if upgrading:
            await upgrade(copy)
    return moved


async def _take_along(copy: Database, store: Store, moved: Moved, tell: Tell) -> Moved:
    """Put pictures from the store into the rows of the copy, which is another one then."""
    await fill(copy, store, tell)
    async with copy.reading() as connection:
        [table] = [each for each in await connection.run_sync(_tables) if each.name == Picture.__tablename__]
        return replace(moved, tables={**moved.tables, **await _fingerprints(connection, [table], tell)})


def file_of(url: str) -> Path:
    """The SQLite file of an address. Raises UsageError for one that names no plain file."""
    found = Database(url).url
    if not found.database or found.query or found.database == ":memory:":
        raise UsageError(
            ja=f"「{url}」はファイルを指していません。SQLite のファイルの場所を書いてください。",
            en=f"{url!r} names no file: give the path of a SQLite file.",
        )
    return Path(found.database)


async def running_sweeps(database: Database) -> list[int]:
    """The sweeps that are held at this moment, or pages of theirs."""
    sweep = sa.table("sweep", sa.column("id", sa.Integer), sa.column("state"), sa.column("lease_until", Moment))
    visit = sa.table("visit", sa.column("sweep_id"), sa.column("state"), sa.column("lease_until", Moment))
    held = sa.exists().where(
        visit.c.sweep_id == sweep.c.id, visit.c.state == VisitState.SELECTED.value, visit.c.lease_until > now()
    )
    pages_held = sa.and_(sweep.c.state != SweepState.FINISHED.value, held)
    async with database.reading() as connection:
        found = await connection.scalars(
            sa.select(sweep.c.id).where(sa.or_(sweep.c.lease_until > now(), pages_held)).order_by(sweep.c.id)
        )
        return list(found)


async def _vacuum(source: Database, copy: Database, draft: Path, tell: Tell) -> Moved:
    """SQLite into SQLite: many times faster than row by row, and without what was deleted."""
    whole = await _bytes_used(source)
    writing = asyncio.create_task(source.vacuum_into(draft))
    try:
        while not writing.done():
            await asyncio.wait([writing], timeout=0.2)
            tell("copying", min(draft.stat().st_size, whole), whole)
    finally:
        writing.cancel()
    await writing
    async with copy.writing() as connection:
        tables = await connection.run_sync(_tables)
        await _let_go(connection, tables)
        return Moved(tables=await _fingerprints(connection, tables, tell))


async def _bytes_used(database: Database) -> int:
    async with database.reading() as connection:
        pages, free, size = [
            (await connection.exec_driver_sql(f"PRAGMA {each}")).scalar_one()
            for each in ("page_count", "freelist_count", "page_size")
        ]
        return int((pages - free) * size)


async def _let_go(connection: AsyncConnection, tables: Sequence[CopiedTable]) -> None:
    """Nobody holds anything."""
    for table in tables:
        held = [each for each in LEASES if each in table.columns]
        if held:
            some = sa.or_(*(sa.column(each).is_not(None) for each in held))
            nobody = dict.fromkeys(held, sa.null())
            await connection.execute(
                sa.update(sa.table(table.name, *map(sa.column, held))).where(some).values(nobody)
            )


async def _look_through(copy: Database) -> None:
    """Raises StorageError when SQLite finds its own pages, or what rows refer to, broken."""
    async with copy.reading() as connection:
        found = (await connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar()
        if found != "ok":
            raise StorageError(
                ja=f"データベースが壊れています（{found}）。前のバックアップから戻してください。",
                en=f"The database is damaged ({found}): restore an earlier backup.",
            )
        await refers_to_what_is_there(connection)


async def _copy(source: Database, target: Database, tell: Tell, expected: Fingerprints | None) -> Moved:
    """Row by row, in one transaction of each."""
    async with source.snapshot() as reading, target.writing(remaking=True) as writing:
        revision = await reading.run_sync(revision_of)
        assert revision is not None
        await make_empty(writing, revision)
        tables = await writing.run_sync(_tables)
        left = await reading.run_sync(_check_columns, tables)
        later = await _set_aside(writing, tables)
        copied = await _copy_rows(reading, writing, tables, tell)
        await _put_back(writing, later)
        await refers_to_what_is_there(writing)
        await _go_on_counting(writing, tables)
        _compare(copied.read, expected)
        _compare(await _fingerprints(writing, tables, tell), copied.written)
    return Moved(tables=copied.read, replaced=copied.replaced, left=tuple(left))


@dataclass(kw_only=True)
class _Copied:
    read: dict[str, Fingerprint] = field(default_factory=dict)
    written: dict[str, Fingerprint] = field(default_factory=dict)
    replaced: int = 0


async def _copy_rows(
    reading: AsyncConnection, writing: AsyncConnection, tables: Sequence[CopiedTable], tell: Tell
) -> _Copied:
    copied = _Copied()
    whole, done = await _count(reading, tables), 0
    for table in tables:
        read = written = Fingerprint()
        async for rows in _rows(reading, table):
            put = rows
            read_now = written_now = Fingerprint.of(rows)
            if writing.dialect.name == "postgresql":
                put = [_without_null(row) for row in rows]
                if changed := sum(one is not other for one, other in zip(rows, put, strict=True)):
                    copied.replaced += changed
                    written_now = Fingerprint.of(put)
            await _put(writing, table, put)
            read, written, done = read + read_now, written + written_now, done + len(rows)
            tell(table.name, done, whole)
        copied.read[table.name], copied.written[table.name] = read, written
    return copied


async def _count(connection: AsyncConnection, tables: Sequence[CopiedTable]) -> int:
    counts = [
        await connection.scalar(sa.select(sa.func.count()).select_from(sa.table(each.name))) for each in tables
    ]
    return sum(each or 0 for each in counts)


async def _rows(connection: AsyncConnection, table: CopiedTable) -> AsyncIterator[list[Row]]:
    """All rows of a table, some at a time."""
    try:
        found = await connection.stream(table.selected().execution_options(yield_per=table.at_once))
        async for part in found.partitions():
            yield [tuple(row) for row in part]
    except (DBAPIError, ValueError) as error:  # what we never wrote: text that is no UTF-8, a date that is none
        if isinstance(error, DBAPIError) and "UTF-8" not in str(error.orig):
            raise
        said = error.orig if isinstance(error, DBAPIError) else error
        raise StorageError(
            ja=f"表 {table.name} に読めない値があります（{said}）。何も写していません。",
            en=f"The table {table.name} holds a value that cannot be read ({said}): nothing was copied.",
        ) from error


def _without_null(row: Row) -> Row:
    """The row itself, or one that PostgreSQL keeps: it has no null characters in texts."""
    if any(isinstance(value, str) and "\0" in value for value in row):
        return tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)
    return row


async def _put(connection: AsyncConnection, table: CopiedTable, rows: Sequence[Row]) -> None:
    if connection.dialect.name == "sqlite":
        kept = table.kept_by(connection.dialect)
        put = [tuple(kind(value) if kind else value for kind, value in zip(kept, row, strict=True)) for row in rows]
        names, places = (", ".join(each) for each in (map('"{}"'.format, table.columns), "?" * len(kept)))
        try:
            await connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) VALUES ({places})', put)  # noqa: S608
        except IntegrityError as error:  # what a damaged file holds, and no sound one takes
            raise StorageError(
                ja=f"表 {table.name} に、あってはならない値があります（{error.orig}）。何も写していません。",
                en=f"The table {table.name} holds a value that may not be there ({error.orig}): nothing was copied.",
            ) from error
        return
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    try:
        await driver.copy_records_to_table(table.name, records=rows, columns=list(table.columns))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TypeError, OverflowError) as error:
        raise _refused(table, rows, error) from error


def _refused(table: CopiedTable, rows: Sequence[Row], error: Exception) -> StorageError:
    """What PostgreSQL did not take, by row and column where we can tell."""
    columns = table.columns.items()
    unfit = (
        (f"{table.name}.{name} ({next(iter(table.columns))} = {row[0]!s:.40})", f"{value!s:.40}")
        for row in rows
        for (name, kind), value in zip(columns, row, strict=True)
        if not _fits(kind, value)
    )
    where, said = next(unfit, (table.name, str(error).splitlines()[0]))
    return StorageError(
        ja=f"PostgreSQL が {where} を受け付けません（{said}）。何も写していません。",
        en=f"PostgreSQL does not take {where} ({said}): nothing was copied.",
    )


def _fits(kind: sa.types.TypeEngine[Any], value: Any) -> bool:
    """Whether PostgreSQL has room for the value; SQLite takes any number and any length."""
    if isinstance(value, str) and isinstance(kind, sa.String):
        return kind.length is None or len(value) <= kind.length
    if isinstance(value, int) and isinstance(kind, sa.Integer):
        return -(2**31) <= value < 2**31 or isinstance(kind, sa.BigInteger)
    return True


async def _fingerprints(
    connection: AsyncConnection, tables: Sequence[CopiedTable], tell: Tell
) -> dict[str, Fingerprint]:
    """What each table holds."""
    whole, done = await _count(connection, tables), 0
    found = {}
    for table in tables:
        told = Fingerprint()
        async for rows in _rows(connection, table):
            told, done = told + Fingerprint.of(rows), done + len(rows)
            tell("checking", done, whole)
        found[table.name] = told
    return found


def _compare(found: Fingerprints, expected: Fingerprints | None) -> None:
    """Raises StorageError when a table does not hold what it should; None: nothing is known of that."""
    if expected is None:
        return
    unlike = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if unlike:
        told = ", ".join(f"{name} {_rows_of(found, name)}/{_rows_of(expected, name)}" for name in unlike[:5])
        raise StorageError(
            ja=f"写しが元と違います（表と行の数：{told}）。何も残していません。",
            en=f"The copy differs from what it was made from (tables and rows: {told}): nothing was kept.",
        )


def _rows_of(tables: Fingerprints, name: str) -> int:
    return tables.get(name, Fingerprint()).rows


def _tables(connection: Connection) -> list[CopiedTable]:
    """Jisweep's own tables as the database has them, of whatever revision."""
    inspector = sa.inspect(connection)
    return [
        CopiedTable(name=name, columns={each["name"]: _plain(each["type"]) for each in inspector.get_columns(name)})
        for name in sorted(inspector.get_table_names())
        if _is_ours(name)
    ]


def _is_ours(name: str) -> bool:
    """Which schema it is says alembic_version, which the copy has its own of; a queue's messages are hints alone."""
    return name != "alembic_version" and not name.startswith(QUEUE)


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    generic = kind.as_generic()
    return Moment() if isinstance(generic, sa.DateTime) else generic


def _check_columns(connection: Connection, tables: Sequence[CopiedTable]) -> list[str]:
    """The names of the tables that are not jisweep's. Raises StorageError when a column would be left out, or is missing."""
    there = {each.name: each for each in _tables(connection)}
    for table in tables:
        missing = set(table.columns) ^ set(there[table.name].columns if table.name in there else ())
        if missing:
            raise StorageError(
                ja=f"表 {table.name} の列が jisweep のものと違います（{'、'.join(sorted(missing))}）。何も写していません。",
                en=f"The columns of the table {table.name} are not jisweep's ({', '.join(sorted(missing))}): nothing was copied.",
            )
    return sorted(there.keys() - {each.name for each in tables})


async def _set_aside(connection: AsyncConnection, tables: Sequence[CopiedTable]) -> list[str]:
    """Drop what makes filling slow, or asks for rows that come later; returns the statements that make it again."""
    if connection.dialect.name == "sqlite":
        found = await connection.execute(sa.text(SQLITE_INDEXES))
    else:
        found = await connection.execute(sa.text(POSTGRES_INDEXES), {"names": [each.name for each in tables]})
    later = []
    for drop, make in found.all():
        await connection.exec_driver_sql(drop)
        later.append(make)
    return later


SQLITE_INDEXES = """
SELECT printf('DROP INDEX "%w"', name), sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
"""
POSTGRES_INDEXES = """
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
 WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(CAST(:names AS text[]))
   AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid))
  FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
 WHERE contype = 'f' AND relnamespace = current_schema()::regnamespace AND relname = ANY(CAST(:names AS text[]))
"""


async def _put_back(connection: AsyncConnection, later: Sequence[str]) -> None:
    try:
        for statement in later:
            await connection.exec_driver_sql(statement)
    except IntegrityError as error:
        said = str(error.orig).splitlines()[0].rpartition(">: ")[2]
        raise StorageError(
            ja=f"データベースの中のつながりが壊れています（{said}）。何も写していません。",
            en=f"References within the database are broken ({said}): nothing was copied.",
        ) from error


async def _go_on_counting(connection: AsyncConnection, tables: Sequence[CopiedTable]) -> None:
    """New rows get numbers after those that were copied; PostgreSQL learns how much there is of what."""
    if connection.dialect.name == "sqlite":
        return
    for table in tables:
        if isinstance(table.columns.get("id"), sa.Integer):
            highest = sa.select(sa.func.max(sa.column("id", sa.Integer))).select_from(sa.table(table.name))
            if (number := await connection.scalar(highest)) is not None:
                sequence = sa.func.pg_get_serial_sequence(f'"{table.name}"', "id")
                await connection.execute(sa.select(sa.func.setval(sequence, number)))
        await connection.exec_driver_sql(f'ANALYZE "{table.name}"')
