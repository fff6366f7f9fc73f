"""Two addresses, one page; and redirects that lead nowhere: judged from what the rows say."""

import pytest
import sqlalchemy as sa

from crawler.frontier import add_addresses
from crawler.identity import answered, mark_duplicates
from crawler.loops import mark_loops
from crawler.minhash import pack
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


async def explored(sweep: Begun, path: str, body: str | None = None, **facts: object) -> None:
    await put(sweep, path, state=VisitState.EXPLORED, body_digest=body, **facts)


async def name_as_canonical(sweep: Begun, path: str, named: str) -> None:
    async with sweep.database.writing() as connection:
        pages = dict((await connection.execute(sa.select(Page.address, Page.id))).all())
        mine = sa.update(Visit).where(Visit.page_id == pages[sweep.server.address(path)])
        await connection.execute(mine.values(canonical_id=pages[sweep.server.address(named)]))


async def ends(sweep: Begun) -> dict[str, str]:
    async with sweep.database.writing() as connection:
        await mark_loops(connection, sweep.sweep)
        await mark_duplicates(connection, sweep.sweep, sweep.server.address("/"))
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
        await mark_duplicates(connection, sweep.sweep, sweep.server.address("/"))
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


# ── the same content under addresses of any kind ───────────────────────────────────────────────────

HALF, ALMOST, ALL = ([*range(same), *range(100, 132 - same)] for same in (16, 30, 32))
OTHER = list(range(200, 232))


def words(numbers: list[int]) -> bytes:
    return pack(tuple(numbers))


async def test_the_same_content_is_one_page_whatever_the_addresses(sweep: Begun) -> None:
    for path in ("/kosodate/shinsei.html", "/fukushi/a.html", "/fukushi/a.html?ref=top"):
        await explored(sweep, path, path, content_digest="same")
    await explored(sweep, "/other.html", content_digest="other")
    await explored(sweep, "/short1.html", content_digest=None)
    await explored(sweep, "/short2.html", content_digest=None)
    assert await ends(sweep) == {
        "/kosodate/shinsei.html": "duplicate", "/fukushi/a.html": "explored", "/fukushi/a.html?ref=top": "duplicate",
        "/other.html": "explored", "/short1.html": "explored", "/short2.html": "explored",
    }  # fmt: skip
    row = (await sweep.rows())["/kosodate/shinsei.html"]
    assert row["leads_to"] == "/fukushi/a.html"
    assert row["detail"].endswith("/fukushi/a.html (the same content)")


async def test_what_a_spelling_stands_for_is_one_page_with_what_says_the_same_as_that_spelling(
    sweep: Begun,
) -> None:
    """As on a server to which upper and lower case are one, where links are relative: each case leads on to its own."""
    await explored(sweep, "/Data/0.html?from=nav", "b", content_digest="links to Data")
    await explored(sweep, "/data/0.html?from=nav", "b", content_digest="links to data")
    await explored(sweep, "/data/0.html", "b2", content_digest="links to data")
    await explored(sweep, "/data/1.html", "c", content_digest="another")
    assert {path for path, end in (await ends(sweep)).items() if end == "explored"} == {
        "/data/0.html",
        "/data/1.html",
    }
    assert {row["leads_to"] for row in (await sweep.rows()).values() if row["reason"]} == {"/data/0.html"}


async def test_only_pages_that_may_be_the_same_as_another_are_held(sweep: Begun) -> None:
    await explored(sweep, "/one", content_digest="same")
    await explored(sweep, "/two", content_digest="x", rendered_digest="same", script_key="list")
    await explored(sweep, "/Spelled/", content_digest="y")
    await explored(sweep, "/spelled", content_digest="z")
    await put(sweep, "/variant", state=VisitState.EXPLORED, content_digest="v")
    await put(sweep, "/main", state=VisitState.EXPLORED, content_digest="m")
    for number in range(600):
        await put(sweep, f"/other{number}", state=VisitState.EXPLORED, content_digest=f"{number}")
    async with sweep.database.writing() as connection:
        pages = dict((await connection.execute(sa.select(Page.address, Page.id))).all())
        named = sa.update(Visit).where(Visit.page_id == pages[sweep.server.address("/variant")])
        await connection.execute(named.values(canonical_id=pages[sweep.server.address("/main")]))
        held, _ = await answered(connection, sweep.sweep)
    assert [sweep.path(each.address) for each in held] == [
        "/Spelled/", "/main", "/one", "/spelled", "/two", "/variant",
    ]  # fmt: skip


async def test_an_address_in_the_sitemap_counts_before_one_that_is_not(sweep: Begun) -> None:
    await explored(sweep, "/a", content_digest="same")
    await explored(sweep, "/long-name.html", content_digest="same", in_sitemap=True)
    assert await ends(sweep) == {"/a": "duplicate", "/long-name.html": "explored"}


async def test_where_scripts_may_differ_only_what_the_browser_shows_is_believed(sweep: Begun) -> None:
    for number in (1, 2):
        await explored(sweep, f"/shisetsu?id={number}", content_digest="shell", script_key="map")
        await explored(sweep, f"/shown?id={number}", content_digest="list", rendered_digest="x", script_key="list")
    await explored(sweep, "/shown?id=3", content_digest="list", rendered_digest="y", script_key="list")
    assert {path for path, end in (await ends(sweep)).items() if end == "duplicate"} == {"/shown?id=2"}


async def test_scripts_that_were_seen_to_change_nothing_are_trusted(sweep: Begun) -> None:
    for number in (1, 2):
        same = f"page {number}"
        await explored(sweep, f"/{number}", content_digest=same, rendered_digest=same, script_key="menu")
    await explored(sweep, "/3", content_digest="same", script_key="menu")
    await explored(sweep, "/4", content_digest="same", script_key="menu")
    assert (await ends(sweep))["/4"] == "duplicate"


async def test_a_spelling_may_differ_in_what_was_shown_to_be_a_counter_and_in_nothing_else(sweep: Begun) -> None:
    """However much else is the same: nine tenths of a page are its frame, and a number that stands still is a fact."""
    await explored(sweep, "/Koho/", "1", content_digest="1", wording="a", text_shape=words(ALL))
    await explored(sweep, "/koho", "2", content_digest="2", wording="a", text_shape=words(ALMOST))
    await explored(sweep, "/KOHO", "3", content_digest="3", wording="a", text_shape=words(ALMOST))
    visits = {path: row["id"] for path, row in (await sweep.rows()).items()}
    async with sweep.database.writing() as connection:
        start = sweep.server.address("/")
        await mark_duplicates(connection, sweep.sweep, start, {(visits["/KOHO"], visits["/koho"])})
    assert await sweep.ends() == {"/Koho/": "explored", "/koho": "duplicate", "/KOHO": "explored"}


async def test_a_page_that_relative_links_find_within_itself_is_one_page(sweep: Begun) -> None:
    """Its links lead elsewhere from each depth, so its content is another one; its bytes are not."""
    for number, path in enumerate(("/a/b", "/a/a/b", "/a/a/a/b", "/a/b/a/b")):
        await explored(sweep, path, "same", content_digest=str(number))
    await explored(sweep, "/a/a/c", "other", content_digest="other")
    await explored(sweep, "/a/c", "c", content_digest="c")
    await explored(sweep, "/b/b", "same", content_digest="b")
    said = await ends(sweep)
    assert {path for path, end in said.items() if end == "explored"} == {"/a/b", "/a/a/c", "/a/c", "/b/b"}


async def test_spellings_with_too_few_words_to_tell_are_one_page_only_when_their_bytes_are(sweep: Begun) -> None:
    for path, body in (("/p/a.html", "1"), ("/P/a.html", "2"), ("/p/A.html", "2")):
        await explored(sweep, path, body, content_digest=None, text_shape=words(ALL))
    assert await ends(sweep) == {"/p/a.html": "explored", "/P/a.html": "explored", "/p/A.html": "duplicate"}


@pytest.mark.parametrize(
    ("title", "shape", "end"),
    [
        ("題", ALMOST, "duplicate"),
        ("別の題", ALL, "duplicate"),
        ("別の題", HALF, "explored"),
        ("題", HALF, "explored"),
    ],
)
async def test_what_a_page_names_as_canonical_is_believed_when_the_content_agrees(
    sweep: Begun, title: str, shape: list[int], end: str
) -> None:
    await explored(sweep, "/main", content_digest="main", title="題", text_shape=words(ALL))
    await explored(sweep, "/variant", content_digest="variant", title=title, text_shape=words(shape))
    await name_as_canonical(sweep, "/variant", "/main")
    assert (await ends(sweep)) == {"/main": "explored", "/variant": "explored"}, "nothing tells their menu apart"
    await explored(sweep, "/other", content_digest="other", title="ほか", text_shape=words(OTHER))
    assert (await ends(sweep)) == {"/main": "explored", "/variant": end, "/other": "explored"}


@pytest.mark.parametrize(
    ("facts", "others", "end"),
    [
        ({}, {}, "duplicate"),
        ({"script_key": "app"}, {}, "explored"),
        ({}, {"script_key": "app"}, "explored"),
        ({"script_key": "app", "rendered_digest": "x"}, {"script_key": "app", "rendered_digest": "y"}, "explored"),
        ({"script_key": "menu"}, {"script_key": "menu"}, "duplicate"),
        ({"content_digest": None}, {"content_digest": None}, "explored"),
    ],
    ids=[
        "no scripts",
        "scripts",
        "scripts of the other",
        "shown as two pages",
        "scripts known to be still",
        "few words",
    ],
)
async def test_a_canonical_in_the_frame_of_an_application_is_not_believed(
    sweep: Begun, facts: dict[str, object], others: dict[str, object], end: str
) -> None:
    """One source for all its pages, with the first one as the canonical of all: only the browser tells them apart."""
    for number in (1, 2):
        known = f"known {number}"
        await explored(sweep, f"/{number}", content_digest=known, rendered_digest=known, script_key="menu")
    await explored(sweep, "/other", content_digest="other", title="ほか", text_shape=words(OTHER))
    await explored(sweep, "/app", **{"content_digest": "a", "title": "題", "text_shape": words(ALL), **facts})
    await explored(sweep, "/app/2", **{"content_digest": "b", "title": "題", "text_shape": words(ALL), **others})
    await name_as_canonical(sweep, "/app/2", "/app")
    assert (await ends(sweep))["/app/2"] == end
