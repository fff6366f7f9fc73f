"""A sweep whose pictures go into a store, which goes away while it runs: pages are given back, nothing is lost or asked for in vain."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from audits.engine import Engine
from audits.sweep import begin, run
from audits.work import Tools
from db.database import Database
from db.errors import StorageError
from db.pictures.checking import Checked, check
from db.schema import ready
from db.store import store_at
from db.tables import Picture
from db.words import Method, VisitState
from tests.audits.sites import asked, by_browser, html, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of
from tests.crawler.servers import Request

PATHS = [f"/{number}" for number in range(12)]


@pytest.fixture
def backend() -> str:
    """SQLite alone: rows and objects on both databases are db's own tests' matter."""
    return "sqlite"


def fault(path: str) -> bytes:
    return html(f'<h1>{path}</h1><img id="i{path[1:]}" src="/i.png" width="40" height="40">')


async def pictures(database: Database) -> list[tuple[str, bool]]:
    async with database.reading() as connection:
        rows = await connection.execute(sa.select(Picture.digest, Picture.image.is_(None)).order_by(Picture.digest))
        return [(digest, bool(outside)) for digest, outside in rows]


async def test_a_store_that_goes_away_gives_pages_back_and_the_sweep_goes_on_with_it(
    database: Database, tmp_path: Path, engine: Engine, chromium: str
) -> None:
    tools = Tools(engine=engine, browser=chromium, workers=1)
    folder, away = tmp_path / "store", tmp_path / "away"
    met: list[str] = []

    def meet(request: Request) -> bytes:
        if by_browser(request) and folder.exists():
            met.append(request.path)
            if len(met) == 5:
                folder.rename(away)
        return fault(request.path)

    start = html("".join(f'<p><a href="{path}">{path}</a></p>' for path in PATHS))
    async with small_site({"/": start, **dict.fromkeys(PATHS, meet)}) as site:
        plan = plan_for(site.address("/"), method=Method.RANDOM, pages=12, seed="1")  # whole pages are pictured
        await sweep_now(database, plan, tools)
        inside = await pictures(database)
        assert len(inside) > 12
        assert {outside for _, outside in inside} == {False}
        async with Database(str(tmp_path / "other.sqlite")) as other:
            await ready(other)
            other.store = store_at(str(folder))
            sweep = await begin(other, plan)
            with pytest.raises(StorageError, match="cannot be used"):
                await run(other, sweep, tools, asyncio.Event())
            assert len(met) == 5
            visits = await visits_of(other, sweep, site)
            assert {each.lease_owner for each in visits.values()} == {None}
            assert sum(each.state is VisitState.AUDITED for each in visits.values()) < 6
            before = len(asked(site, browser=True))
            with pytest.raises(StorageError, match="lacks the mark"):
                await run(other, sweep, tools, asyncio.Event())
            pages = [each for each in asked(site, browser=True)[before:] if each in PATHS]
            assert pages == [], "no page is asked for that could not be kept"
            away.rename(folder)
            assert await run(other, sweep, tools, asyncio.Event())
            visits = await visits_of(other, sweep, site)
            assert sum(each.state is VisitState.AUDITED for each in visits.values()) == 12
            assert await pictures(other) == [(digest, True) for digest, _ in inside]
            checked = await check(other, lambda *_: None)
            assert checked == Checked(pictures=len(inside), objects=len(inside), bytes=checked.bytes)
