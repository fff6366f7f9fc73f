"""Rows for the tests of this package."""

import sqlalchemy as sa

from db.database import Database
from db.tables import Page, Site, Sweep, Visit
from db.types import now
from db.words import Edition, FoundBy, Level, SweepState, VisitState


async def sweep_with_visits(database: Database, count: int) -> tuple[int, list[int]]:
    """A sweep that is auditing, with `count` selected visits; returns its id and theirs."""
    async with database.writing() as connection:
        site_id = await connection.scalar(
            sa.insert(Site).values(address="https://www.example.lg.jp/", created_at=now()).returning(Site.id)
        )
        sweep_id = await connection.scalar(
            sa.insert(Sweep)
            .values(
                site_id=site_id, state=SweepState.AUDITING, edition=Edition.JIS2016, level=Level.AA, seed=1,
                settings={}, depth=0, notes=[], viewport_width=1280, viewport_height=1024, locale="ja-JP",
                timezone="Asia/Tokyo", created_at=now(),
            )
            .returning(Sweep.id)
        )  # fmt: skip
        assert sweep_id is not None
        pages = await connection.scalars(
            sa.insert(Page).returning(Page.id),
            [{"site_id": site_id, "address": f"https://www.example.lg.jp/{n}"} for n in range(count)],
        )
        visits = await connection.scalars(
            sa.insert(Visit).returning(Visit.id),
            [
                {
                    "sweep_id": sweep_id, "page_id": page_id, "state": VisitState.SELECTED, "depth": 0,
                    "found_by": FoundBy.LINK, "in_sitemap": False, "kinds": [], "rendered": False, "tries": 0,
                }
                for page_id in pages
            ],
        )  # fmt: skip
        return sweep_id, sorted(visits)
