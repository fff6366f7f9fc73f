"""Exploring a small site straight into a database, and what became of its addresses."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from crawler.exploration import Exploration, LeftBehind, Renderer, Shown
from crawler.explore import explore
from crawler.fetch import Fetcher, Manners
from crawler.limits import Limits
from crawler.notes import notes_of
from crawler.politeness import Patience
from crawler.resources import Resources
from crawler.scope import Exclusion, Scope
from db.database import Database
from db.tables import Page, Site, Sweep, Visit
from db.types import now
from db.words import Edition, Level, SweepState
from tests.crawler.servers import Server


async def no_browser(address: str) -> Shown:
    raise AssertionError(f"{address} has no script: nothing to render")


@dataclass(kw_only=True)
class Begun:
    """A sweep of a small site that is being explored."""

    database: Database
    server: Server
    sweep: int
    scope: Scope
    limits: Limits
    render: Renderer = no_browser
    left_behind: LeftBehind | None = None
    patience: Patience = field(default_factory=lambda: Patience(pause=0.02))  # with hosts that fail

    async def go(self, stopping: asyncio.Event | None = None) -> bool:
        """Explore from where it is, as a process would that has just been started."""
        manners = Manners(
            contact="tests",
            per_host=self.limits.per_host,
            max_bytes=self.limits.bytes,
            backoff=0.01,
            timeout=5.0,
            patience=self.patience,
        )
        async with self.database.reading() as connection:
            row = (await connection.execute(sa.select(Sweep).where(Sweep.id == self.sweep))).mappings().one()
        stopping = stopping or asyncio.Event()
        async with Fetcher(manners, stopping=stopping) as fetcher:
            return await explore(
                Exploration(
                    database=self.database, sweep=Sweep(**row), scope=self.scope, limits=self.limits,
                    fetcher=fetcher, render=self.render, stopping=stopping,
                    resources=Resources(self.database, self.sweep, fetcher), left_behind=self.left_behind,
                )
            )  # fmt: skip

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Every address by its path, with what is known of it; other pages by their path too."""
        found_on, leads_to = aliased(Page), aliased(Page)
        async with self.database.reading() as connection:
            read = await connection.execute(
                sa.select(
                    Page.address, *Visit.__table__.columns,
                    found_on.address.label("found_on"), leads_to.address.label("leads_to"),
                )
                .join(Page, Page.id == Visit.page_id)
                .outerjoin(found_on, found_on.id == Visit.found_on_id)
                .outerjoin(leads_to, leads_to.id == Visit.leads_to_id)
                .where(Visit.sweep_id == self.sweep)
                .order_by(Page.id)
            )  # fmt: skip
            rows = {self.path(row["address"]): dict(row) for row in read.mappings()}
        for row in rows.values():
            row |= {each: self.path(row[each]) for each in ("found_on", "leads_to") if row[each]}
        return rows

    async def ends(self) -> dict[str, str]:
        """How each address ended: its reason, or its state."""
        return {path: (row["reason"] or row["state"]).value for path, row in (await self.rows()).items()}

    async def sweep_row(self) -> dict[str, Any]:
        async with self.database.reading() as connection:
            return dict((await connection.execute(sa.select(Sweep).where(Sweep.id == self.sweep))).mappings().one())

    async def notes(self) -> list[dict[str, str]]:
        async with self.database.reading() as connection:
            return await notes_of(connection, self.sweep)

    def path(self, address: str) -> str:
        return address.removeprefix(self.server.address(""))


async def begun(
    database: Database, server: Server, start: str = "/", *, includes: tuple[str, ...] = (),
    exclusions: tuple[Exclusion, ...] = (), render: Renderer = no_browser,
    left_behind: LeftBehind | None = None, **limits: Any,
) -> Begun:  # fmt: skip
    """A sweep of the server's site, not yet explored."""
    scope = Scope.around(server.address(start), includes, exclusions)
    limits = {"contact": "tests", "allow_private": True, **limits}
    async with database.writing() as connection:
        known = await connection.scalar(sa.select(Site.id).where(Site.address == scope.start))
        site = known or await connection.scalar(
            sa.insert(Site).values(address=scope.start, created_at=now()).returning(Site.id)
        )
        sweep = await connection.scalar(
            sa.insert(Sweep)
            .values(
                site_id=site, state=SweepState.EXPLORING, edition=Edition.JIS2016, level=Level.AA, seed=1,
                settings={}, depth=0, viewport_width=1, viewport_height=1, locale="ja-JP",
                timezone="Asia/Tokyo", created_at=now(),
            )
            .returning(Sweep.id)
        )  # fmt: skip
    assert isinstance(sweep, int)
    return Begun(
        database=database, server=server, sweep=sweep, scope=scope, limits=Limits(**limits), render=render,
        left_behind=left_behind,
    )  # fmt: skip


async def explored(database: Database, server: Server, start: str = "/", **given: Any) -> Begun:
    """The sweep of the server's site, explored."""
    sweep = await begun(database, server, start, **given)
    assert await sweep.go()
    return sweep
