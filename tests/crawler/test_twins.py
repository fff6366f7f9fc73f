"""Two addresses, one page; and redirects that lead nowhere: judged from what the rows say."""

import pytest
import sqlalchemy as sa

from crawler.frontier import add_addresses
from crawler.twins import mark_loops, mark_twins
from db.database import Database
from db.tables import Page, Sweep, Visit
from db.words import FoundBy, Reason, VisitState
from tests.audits.sites import small_site
from tests.crawler.exploring import Begun, begun


@pytest.fixture
async def sweep(database: Database) -> Begun:
    async with small_site({}) as site:
        return await begun(database, site)


async def put(sweep: Begun, path: str, leads_to: str | None = None, **facts: object) -> None:
    """An address as exploring would have left it."""
    async with sweep.database.writing() as connection:
        row = (await connection.execute(sa.select(Sweep).where(Sweep.id == sweep.sweep))).mappings().one()
        wanted = [sweep.server.address(each) for each in (path, leads_to) if each]
        await add_addresses(connection, Sweep(**row), wanted, found_by=FoundBy.LINK, depth=1)
        pages = dict((await connection.execute(sa.select(Page.address, Page.id))).all())
        if leads_to:
            facts |= {"leads_to_id": pages[wanted[1]], "reason": Reason.REDIRECT, "state": VisitState.UNAUDITED}
        await connection.execute(sa.update(Visit).where(Visit.page_id == pages[wanted[0]]).values(**facts))


async def explored(sweep: Begun, path: str, digest: str) -> None:
    await put(sweep, path, state=VisitState.EXPLORED, body_digest=digest)


async def ends(sweep: Begun) -> dict[str, str]:
    async with sweep.database.writing() as connection:
        await mark_loops(connection, sweep.sweep)
        await mark_twins(connection, sweep.sweep, sweep.server.address("/"))
    return await sweep.ends()


async def test_default_files_with_equal_bytes_are_one_page_under_the_shortest_address(sweep: Begun) -> None:
    for path in ("/a/index.html", "/a/", "/a/index.php", "/a/INDEX.HTM"):
        await explored(sweep, path, "same")
    await explored(sweep, "/a/index.html?lang=en", "same")
    await explored(sweep, "/a/other.html", "same")
    said = await ends(sweep)
    assert {path for path, end in said.items() if end == "explored"} == {
        "/a/",
        "/a/index.html?lang=en",
        "/a/other.html",
    }
    assert set(said.values()) == {"explored", "duplicate"}
    assert {row["leads_to"] for row in (await sweep.rows()).values() if row["reason"]} == {"/a/"}


async def test_default_files_with_other_bytes_are_pages_of_their_own(sweep: Begun) -> None:
    await explored(sweep, "/", "one")
    await explored(sweep, "/index.html", "two")
    assert set((await ends(sweep)).values()) == {"explored"}


async def test_one_page_under_http_and_https_stays_under_the_starts_scheme(sweep: Begun) -> None:
    secure = sweep.server.address("/c.html").replace("http://", "https://")
    await explored(sweep, "/c.html", "same")
    async with sweep.database.writing() as connection:
        row = (await connection.execute(sa.select(Sweep).where(Sweep.id == sweep.sweep))).mappings().one()
        await add_addresses(connection, Sweep(**row), [secure], found_by=FoundBy.LINK, depth=1)
        found = sa.select(Page.id).where(Page.address == secure).scalar_subquery()
        same = sa.update(Visit).where(Visit.page_id == found)
        await connection.execute(same.values(state=VisitState.EXPLORED, body_digest="same"))
        await mark_twins(connection, sweep.sweep, sweep.server.address("/"))
        kept = sa.select(Page.address).join(Visit, Visit.page_id == Page.id).where(Visit.reason.is_(None))
        assert list(await connection.scalars(kept)) == [sweep.server.address("/c.html")]


async def test_two_default_files_are_twins_also_without_their_directory(sweep: Begun) -> None:
    await explored(sweep, "/b/index.html", "same")
    await explored(sweep, "/b/index.php", "same")
    assert await ends(sweep) == {"/b/index.html": "duplicate", "/b/index.php": "explored"}


async def test_a_ring_of_redirects_is_a_loop_and_so_is_what_leads_into_it(sweep: Begun) -> None:
    for path, to in (("/in", "/a"), ("/a", "/b"), ("/b", "/c"), ("/c", "/a"), ("/self", "/self"), ("/ok", "/page")):
        await put(sweep, path, to)
    await explored(sweep, "/page", "x")
    said = await ends(sweep)
    assert {path for path, end in said.items() if end == "redirect_loop"} == {"/in", "/a", "/b", "/c", "/self"}
    assert said["/ok"] == "redirect"
