"""Rows for the tests of this package."""

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from db.database import Database
from db.tables import Page, Site, Sweep, Table, Visit
from db.types import Moment, now
from db.words import SweepState, VisitState


async def sweep_with_visits(database: Database, count: int) -> tuple[int, list[int]]:
    """A sweep that is auditing, with `count` selected visits; returns its id and theirs."""
    async with database.writing() as connection:
        site_id = await connection.scalar(
            sa.insert(Site).values(address="https://www.example.lg.jp/", created_at=now()).returning(Site.id)
        )
        sweep = filled(table_of(Sweep), {"site_id": site_id, "state": SweepState.AUDITING})
        sweep_id = await connection.scalar(sa.insert(Sweep).values(sweep).returning(Sweep.id))
        assert sweep_id is not None
        pages = await connection.scalars(
            sa.insert(Page).returning(Page.id),
            [{"site_id": site_id, "address": f"https://www.example.lg.jp/{n}"} for n in range(count)],
        )
        selected = {"sweep_id": sweep_id, "state": VisitState.SELECTED}
        visits = await connection.scalars(
            sa.insert(Visit).returning(Visit.id),
            [filled(table_of(Visit), {**selected, "page_id": page_id}) for page_id in pages],
        )
        return sweep_id, sorted(visits)


@asynccontextmanager
async def opened_copy(template: Path) -> AsyncIterator[Database]:
    """A SQLite database of its own for one example of a property."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "database.sqlite"
        shutil.copyfile(template, path)
        async with Database(str(path)) as database:
            yield database


def table_of(model: type[Table]) -> sa.Table:
    """The model's table."""
    return Table.metadata.tables[model.__tablename__]


def filled(table: sa.Table, given: Mapping[str, Any]) -> dict[str, Any]:
    """A row with these values, and something in every other column that must have a value."""
    needed = [each for each in table.columns if not each.nullable and each.name != "id"]
    return {**{each.name: _something(each.type) for each in needed}, **given}


def _something(kind: sa.types.TypeEngine[Any]) -> object:
    if isinstance(kind, sa.Enum) and kind.enum_class:
        return next(iter(kind.enum_class))
    for known, value in (
        (Moment, now()),
        (sa.Date, now().date()),
        (sa.LargeBinary, b"x"),
        (sa.String, "x"),
        (sa.JSON, []),
        (sa.Boolean, False),
    ):
        if isinstance(kind, known):
            return value
    return 1
