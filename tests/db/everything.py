"""Rows in every table, with what is hard to carry from one database to another."""

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.tables import Table
from db.types import Moment

TEXTS = ("", "東京都\r\n\t𠮷🏯가 'x' \"y\" \\N \\. %s \x01\x7f\ufffe", "ﾊﾝｶｸ" * 30_000)
BLOBS = (b"", bytes(range(256)), b"\0" * 300_000)
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 26, 15, 0, 0, 123456, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)
DAYS = (date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31))
JSONS: tuple[Any, ...] = (
    sa.JSON.NULL,  # not the same as no value
    {"b": 1, "a": [2**70, -0.0, 1e300, True, None], "": {"\0": "\ud800 half a pair"}, "日本": "語"},
    [],
)
BIG, SMALL = (-(2**63), 0, 2**63 - 1), (-(2**31), 0, 2**31 - 1)
FLOATS = (0.1 + 0.2, -0.0, 1.7976931348623157e308)
WITHOUT, HARD, LAST = range(3)  # the rows of each table: nothing where there may be nothing, and two with values


async def fill_everything(database: Database) -> None:
    """Three rows in each table; references lead also to rows that come later, and round in circles."""
    async with database.writing(remaking=True) as connection:
        for table in Table.metadata.sorted_tables:
            await connection.execute(sa.insert(table).values([_row(table, number) for number in range(3)]))
        await _go_on_counting(connection)


async def _go_on_counting(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        return
    for table in Table.metadata.sorted_tables:
        if "id" in table.columns:
            await connection.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 3)"))


def _row(table: sa.Table, number: int) -> dict[str, Any]:
    return {each.name: _value(table, each, number) for each in table.columns}


def _value(table: sa.Table, column: sa.Column[Any], number: int) -> Any:
    if column.nullable and number == WITHOUT:
        return None if not isinstance(column.type, sa.JSON) else sa.null()
    for reference in column.foreign_keys:
        if isinstance(reference.column.type, sa.String):
            return _value(reference.column.table, reference.column, number)
        to_itself = reference.column.table is table
        return 3 - number if to_itself else number + 1
    if column.primary_key and isinstance(column.type, sa.Integer):
        return number + 1
    if isinstance(column.type, sa.Enum):
        assert column.type.enum_class is not None
        return list(column.type.enum_class)[-1 if number else 0]
    for kind, values in (
        (Moment, MOMENTS),
        (sa.Date, DAYS),
        (sa.LargeBinary, BLOBS),
        (sa.JSON, JSONS),
        (sa.Boolean, (True, False, True)),
        (sa.Float, FLOATS),
        (sa.BigInteger, BIG),
        (sa.Integer, SMALL),
    ):
        if isinstance(column.type, kind):
            return values[number]
    assert isinstance(column.type, sa.String)
    longest = column.type.length or (300 if _indexed(table, column) else None)  # an index has no room for more
    return TEXTS[number][:longest]


def _indexed(table: sa.Table, column: sa.Column[Any]) -> bool:
    unique = [
        each for each in table.constraints if isinstance(each, (sa.UniqueConstraint, sa.PrimaryKeyConstraint))
    ]
    return any(column.name in each.columns for each in (*table.indexes, *unique))


async def rows_as_kept(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row as Python values, JSON as it is written; who holds it, and whether it is a copy, left out."""
    read: dict[str, list[tuple[Any, ...]]] = {}
    async with database.reading() as connection:
        for name, table in Table.metadata.tables.items():
            columns = [
                sa.cast(each, sa.Text) if isinstance(each.type, sa.JSON) else each
                for each in table.columns
                if not each.name.startswith(("lease_", "copied_"))
            ]
            rows = await connection.execute(sa.select(*columns).order_by(*table.primary_key))
            read[name] = [tuple(row) for row in rows]
    return read
