"""The tables mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, StatementError

from db.database import Database
from db.schema import QUEUE
from db.tables import Page, Site, Sweep, Table, Visit
from db.types import now
from tests.db.rows import filled, sweep_with_visits

WORDS = [
    (table.name, column.name)
    for table in Table.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, sa.Enum)
]


def test_there_are_words_to_hold() -> None:
    assert ("visit", "state") in WORDS
    assert ("visit", "reason") in WORDS


@pytest.mark.parametrize(("table", "column"), WORDS)
async def test_another_word_is_refused_by_the_database_itself(database: Database, table: str, column: str) -> None:
    where = Table.metadata.tables[table]
    kind = where.c[column].type
    assert isinstance(kind, sa.Enum)
    row = filled(where, {column: sa.literal("nonsense", sa.String)})
    with pytest.raises(IntegrityError, match=f"ck_{table}_{kind.name}"):
        async with database.writing() as connection:
            await connection.execute(sa.insert(where).values(row))


@pytest.mark.parametrize("column", ["state", "reason", "found_by"])
async def test_a_row_cannot_be_given_another_word(database: Database, column: str) -> None:
    await sweep_with_visits(database, 1)
    with pytest.raises(IntegrityError):
        async with database.writing() as connection:
            await connection.execute(sa.text(f"UPDATE visit SET {column} = 'nonsense'"))


def test_every_word_is_an_enum_of_ours() -> None:
    for table, column in WORDS:
        kind = Table.metadata.tables[table].c[column].type
        assert isinstance(kind, sa.Enum)
        assert kind.enum_class is not None
        assert issubclass(kind.enum_class, StrEnum)


async def test_times_come_back_in_utc_to_the_microsecond(database: Database) -> None:
    tokyo = datetime(2026, 11, 23, 0, 30, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    async with database.writing() as connection:
        await connection.execute(sa.insert(Site).values(address="https://a.example/", created_at=tokyo))
    async with database.reading() as connection:
        kept = await connection.scalar(sa.select(Site.created_at))
        found = await connection.scalar(sa.select(Site.id).where(Site.created_at == tokyo))
        later = await connection.scalar(sa.select(Site.id).where(Site.created_at > tokyo))
    assert kept == tokyo
    assert kept is not None
    assert kept.tzinfo is UTC or kept.utcoffset() == timedelta(0)
    assert found is not None
    assert later is None


async def test_a_time_without_its_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        async with database.writing() as connection:
            await connection.execute(
                sa.insert(Site).values(address="https://a.example/", created_at=datetime(2026, 11, 23))
            )


async def test_references_are_held(database: Database) -> None:
    sweep_id, _ = await sweep_with_visits(database, 1)
    with pytest.raises(IntegrityError):
        async with database.writing() as connection:
            await connection.execute(sa.update(Visit).values(page_id=4_000_000))
    with pytest.raises(IntegrityError):
        async with database.writing() as connection:
            await connection.execute(sa.delete(Sweep).where(Sweep.id == sweep_id))


async def test_one_address_of_a_site_is_one_page(database: Database) -> None:
    await sweep_with_visits(database, 1)
    with pytest.raises(IntegrityError):
        async with database.writing() as connection:
            site_id, address = (await connection.execute(sa.select(Page.site_id, Page.address))).one()
            await connection.execute(sa.insert(Page).values(site_id=site_id, address=address))


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="half-way"):
        async with database.writing() as connection:
            await connection.execute(sa.insert(Site).values(address="https://a.example/", created_at=now()))
            raise RuntimeError("half-way")
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Site)) == 0


@pytest.mark.parametrize("text", ["東京都 𠮷 🏯 가", "a" * 100_000, "'; DROP TABLE site; --"])
async def test_any_text_comes_back_as_it_was(database: Database, text: str) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(Site).values(address=text, created_at=now()))
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(Site.address)) == text


async def test_sqlite_writes_ahead_and_holds_references_in_every_connection(tmp_path: Path) -> None:
    async with Database(str(tmp_path / "a.sqlite")) as database:
        for transaction in (database.reading, database.writing):
            async with transaction() as connection:
                assert await connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
                assert await connection.scalar(sa.text("PRAGMA foreign_keys")) == 1


def _names(connection: Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


async def test_every_table_is_there(database: Database) -> None:
    async with database.reading() as connection:
        found = await connection.run_sync(_names)
    assert {each for each in found if not each.startswith(QUEUE)} == {*Table.metadata.tables, "alembic_version"}
