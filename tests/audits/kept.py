"""Sweeps of one site over years, with pictures, for the tests of what is kept and what is disposed of."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from audits.defects.reconcile import reconcile
from audits.trends.kept import keep_points
from db.database import Database
from db.tables import Finding, Page, Picture, Result, Visit, Volatile
from tests.reports.series import ADDRESS, swept

TODAY = datetime(2026, 11, 27, tzinfo=UTC)
YEARS = (2019, 2020, 2021, 2024, 2026)  # fiscal years of the sweeps 1 to 5
PAGES = 5


async def years(database: Database) -> list[int]:
    """Five sweeps of five pages: page 0 fails in all, page 1 until 2021, page 2 in 2020 and 2021, where its result is shared."""
    found = []
    for year in YEARS:
        begun = datetime(year, 6, 1, tzinfo=UTC)
        failing = {
            "image-alt": {0} | ({1} if year < 2024 else set()),
            "label": {2} if year in (2020, 2021) else set(),
        }
        sweep = await swept(
            database, frame=PAGES, drawn=range(PAGES), failing=failing, created_at=begun,
            finished_at=begun + timedelta(hours=1),
        )  # fmt: skip
        found.append(sweep)
        async with database.writing() as connection:
            mine = Visit.sweep_id == sweep, Visit.result_id.is_not(None)
            results = list(await connection.scalars(sa.select(Visit.result_id).where(*mine).order_by(Visit.id)))
            for number, result in enumerate(results):
                await _pictured(connection, result, f"{sweep} {number}", taken_at=begun)
            await connection.execute(sa.update(Visit).where(*mine).values(audited_at=begun))
            if year == 2021:
                await _share(connection, sweep, found[-2], 2)
            await connection.execute(
                sa.insert(Volatile).values(sweep_id=sweep, template=1, page_id=1, slots=[], source=b"source" * 10)
            )
            await reconcile(connection, sweep)
            await keep_points(connection)
    return found


async def _pictured(connection: Any, result: int, name: str, taken_at: datetime) -> None:
    """A picture of the page for itself, and one clip that all places of all sweeps share."""
    for told, table, key in ((f"page {name}", Result, Result.id), ("clip", Finding, Finding.result_id)):
        digest = sha256(told.encode()).hexdigest()
        picture = await connection.scalar(sa.select(Picture.id).where(Picture.digest == digest))
        if picture is None:
            row = {"digest": digest, "media_type": "image/png", "width": 1, "height": 1, "image": told.encode()}
            picture = await connection.scalar(sa.insert(Picture).values(row).returning(Picture.id))
        await connection.execute(sa.update(table).where(key == result).values(picture_id=picture))
    await connection.execute(
        sa.update(Result).where(Result.id == result).values(taken_at=taken_at, pictured_height=500)
    )
    boxed = {"box": [1, 2, 3, 4], "frame": ["iframe"], "checks": [{"id": "x", "data": None}]}
    await connection.execute(sa.update(Finding).where(Finding.result_id == result).values(boxed))


async def _share(connection: Any, sweep: int, earlier: int, number: int) -> None:
    """A page of a sweep has the result of the earlier one: what its own had is no more."""
    page = await connection.scalar(sa.select(Page.id).where(Page.address == f"{ADDRESS}p/{number}.html"))
    old = await connection.scalar(
        sa.select(Visit.result_id).where(Visit.sweep_id == earlier, Visit.page_id == page)
    )
    mine = Visit.sweep_id == sweep, Visit.page_id == page
    await connection.execute(sa.update(Visit).where(*mine).values(result_id=old, carried=True))


async def results_of(database: Database, sweep: int) -> list[Any]:
    """The results of a sweep's pages, by page."""
    query = sa.select(Result).join(Visit, Visit.result_id == Result.id).where(Visit.sweep_id == sweep)
    async with database.reading() as connection:
        return list((await connection.execute(query.order_by(Result.page_id))).all())


async def findings_of(database: Database, sweep: int) -> list[Any]:
    """The places of a sweep's pages, by page."""
    query = (
        sa.select(Finding)
        .join(Result, Result.id == Finding.result_id)
        .join(Visit, Visit.result_id == Result.id)
        .where(Visit.sweep_id == sweep)
        .order_by(Result.page_id, Finding.position)
    )
    async with database.reading() as connection:
        return list((await connection.execute(query)).all())
