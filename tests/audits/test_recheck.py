"""A recheck sees the pages of the faults in question, and moves these faults by what it saw and by nothing else."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from audits import recheck as rechecking
from audits.conclude import conclude
from audits.defects import book
from audits.defects.book import Listed
from audits.engine import Engine
from audits.recheck import FIRST, Aim, Moved, Seen
from audits.work import Tools
from db.database import Database
from db.errors import UsageError
from db.tables import Sweep
from db.words import DefectState, Method, Reason
from tests.audits.browsers import shared_browsers
from tests.audits.sites import Answer, asked, html, small_site
from tests.audits.sites import moved as moved_to
from tests.audits.swept import plan_for, sweep_now
from tests.crawler.servers import Server, http

BANNER = '<img src="/banner.png" class="banner" width="40" height="40">'
PHOTO = '<p><img src="/photo.jpg" class="photo" width="40" height="40">'
PAGES = tuple(f"/{name}" for name in ("kurashi", "zei", "kosodate", "bosai", "kanko", "sangyo", "kenko"))


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tools(engine: Engine, chromium: str) -> AsyncIterator[Tools]:
    async with shared_browsers() as driver:
        yield Tools(engine=engine, browser=chromium, driver=driver, workers=2)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The site that a sweep knows: where it stands, what it answers, and the database with the sweep."""

    server: Server
    pages: dict[str, Answer]
    path: Path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(
    tools: Tools, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Known]:
    """Swept once; tests change the pages and a copy of the database."""
    pages, path = site(), tmp_path_factory.mktemp("known") / "swept.sqlite"
    shutil.copyfile(sqlite_template, path)
    async with small_site(pages) as server:
        async with Database(str(path)) as database:
            await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
        yield Known(server=server, pages=pages, path=path)


@pytest.fixture(autouse=True)
def as_it_was_swept(known: Known) -> None:
    """No page has changed, and nobody has asked for anything yet."""
    known.pages.clear()
    known.pages.update(site())
    known.server.requests.clear()


@pytest.fixture
def pages(known: Known) -> dict[str, Answer]:
    """What the site answers."""
    return known.pages


@pytest.fixture
def server(known: Known) -> Server:
    """Where the site stands."""
    return known.server


@pytest.fixture
def database_url(backend: str, database_url: str, known: Known) -> str:
    """The database with the first sweep; in PostgreSQL the tables only."""
    if backend == "sqlite":
        shutil.copyfile(known.path, database_url)
    return database_url


@pytest_asyncio.fixture(loop_scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url) as opened:
        yield opened


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


def page(path: str, body: str = "") -> bytes:
    return html(f"{BANNER}<p>{path}のご案内</p>{body}", title=path)


def site() -> dict[str, Answer]:
    """A start page and seven with one fault in their common header, one of them with a photo of its own."""
    links = "".join(f'<p><a href="{path}">{path}</a></p>' for path in PAGES)
    pages: dict[str, Answer] = {path: page(path) for path in PAGES}
    return {"/": html(links), **pages, "/bosai": page("/bosai", PHOTO)}


def repaired(path: str, body: str = "") -> bytes:
    """The page with a banner that has its text."""
    banner = BANNER.replace("width", 'alt="東京" width')
    return html(f"<p>{path}のご案内</p>{banner}{body}", title=path)


async def defects_of(database: Database) -> dict[str, Listed]:
    """The faults of the site: the banner's and the photo's."""
    async with database.reading() as connection:
        found = [each for each in await book.listed(connection, 1) if each.rule == "image-alt"]
    return {"photo" if each.pages_ever == 1 else "banner": each for each in found}


async def first_sweep(database: Database, server: Server, tools: Tools) -> dict[str, Listed]:
    """The faults that the first sweep found."""
    if not database.is_sqlite:
        await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
    return await defects_of(database)


async def claim(database: Database, *defects: Listed) -> None:
    async with database.writing() as connection:
        for each in defects:
            await book.say_repaired(connection, each, "広報課 田中", None)


async def rechecked(
    database: Database, tools: Tools, targets: Sequence[int | str], *, stopped: bool = False
) -> tuple[int, list[Seen], dict[int, Moved]]:
    async with database.writing() as connection:
        aim: Aim = await rechecking.aim_at(connection, targets)
        before = await rechecking.states(connection, aim)
        sweep = await rechecking.begin_recheck(connection, aim, seed=7)
        await rechecking.choose_pages(connection, sweep, await rechecking.first_look(connection, aim, 7))
    stopping = asyncio.Event()
    if stopped:
        stopping.set()
    assert await rechecking.run(database, sweep, aim, tools, stopping) is not stopped
    async with database.reading() as connection:
        moved = {each.defect.id: each for each in await rechecking.moved(connection, sweep, aim, before)}
        return sweep, await rechecking.seen(connection, sweep, aim), moved


def by_the_browser(server: Server) -> list[str]:
    return sorted(path for path in asked(server, browser=True) if path in PAGES)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_template_repaired_everywhere_is_confirmed_once_all_its_pages_were_seen(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    banner = (await first_sweep(database, server, tools))["banner"]
    assert (banner.pages, banner.state) == (7, DefectState.FOUND)
    await claim(database, banner)
    pages |= {path: repaired(path, PHOTO if path == "/bosai" else "") for path in PAGES}
    server.requests.clear()
    _, seen, moved = await rechecked(database, tools, [banner.id])
    assert by_the_browser(server) == sorted(PAGES)
    assert all(each.audited and not each.places for each in seen)
    assert len(seen) == 7
    found = moved[banner.id]
    assert (found.before, found.defect.state) == (DefectState.REPAIRED, DefectState.CONFIRMED)
    assert (found.seen, found.showing) == (7, 0)


async def test_a_template_that_still_has_its_fault_costs_a_few_pages(
    database: Database, tools: Tools, server: Server
) -> None:
    banner = (await first_sweep(database, server, tools))["banner"]
    await claim(database, banner)
    server.requests.clear()
    _, seen, moved = await rechecked(database, tools, [banner.id])
    assert len(by_the_browser(server)) == len(seen) == FIRST
    found = moved[banner.id]
    assert (found.before, found.defect.state) == (DefectState.REPAIRED, DefectState.FOUND)
    assert (found.seen, found.showing, found.defect.pages) == (FIRST, FIRST, 7)


async def test_one_page_that_was_repaired_says_nothing_of_the_others(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    known = await first_sweep(database, server, tools)
    pages["/bosai"] = repaired("/bosai")
    server.requests.clear()
    _, seen, moved = await rechecked(database, tools, [server.address("/bosai")])
    assert by_the_browser(server) == ["/bosai"]
    assert [(each.audited, each.places) for each in seen] == [(True, 0)]
    assert moved[known["photo"].id].defect.state is DefectState.CONFIRMED
    banner = moved[known["banner"].id]
    assert (banner.defect.state, banner.seen, banner.showing) == (DefectState.FOUND, 1, 0)
    assert banner.defect.pages == 6


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(b"<title>x</title>", status="503 Service Unavailable"), Reason.SERVER_ERROR),
        (http(b"<title>x</title>", status="404 Not Found"), Reason.NOT_FOUND),
        (http(b"", status="302 Found", content_type=None, Location="/"), Reason.REDIRECT),
    ],
    ids=["broken", "gone", "moved"],
)
async def test_a_page_that_was_lost_moves_nothing(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer], answer: bytes, reason: Reason
) -> None:
    photo = (await first_sweep(database, server, tools))["photo"]
    await claim(database, photo)
    pages["/bosai"] = answer
    _, seen, moved = await rechecked(database, tools, [photo.id])
    assert [(each.audited, each.reason) for each in seen] == [(False, reason)]
    assert moved[photo.id].defect.state is DefectState.REPAIRED
    assert (moved[photo.id].seen, moved[photo.id].showing, moved[photo.id].defect.pages) == (0, 0, 1)


async def test_a_page_that_is_not_there_any_more_holds_no_repair_back_while_the_site_answers(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    """All other pages were seen without the fault before; one of these is asked again, for a site that is out says 404, too."""
    banner = (await first_sweep(database, server, tools))["banner"]
    pages |= {path: repaired(path) for path in PAGES[:-1]}
    await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
    whole = dict(pages)
    pages |= dict.fromkeys(PAGES, http(b"<title>x</title>", status="404 Not Found"))
    _, seen, moved = await rechecked(database, tools, [banner.id])
    assert [each.audited for each in seen] == [False, False]
    assert not all(each.is_told for each in seen)
    assert moved[banner.id].defect.state is DefectState.FOUND
    pages |= {path: whole[path] for path in PAGES[:-1]}
    _, seen, moved = await rechecked(database, tools, [banner.id])
    assert [(each.audited, each.is_told) for each in seen] == [(False, True), (True, True)]
    assert moved[banner.id].defect.state is DefectState.CONFIRMED


async def test_a_page_that_moved_takes_its_faults_along_also_where_only_the_recheck_asks_for_its_old_address(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    """The site links to the new address alone, and its old one leads there only since the last sweep."""
    known = await first_sweep(database, server, tools)
    photo = page("/bosai", PHOTO)
    there = tuple(path for path in PAGES if path != "/bosai")
    links = "".join(f'<p><a href="{path}">{path}</a></p>' for path in (*there, "/anzen"))
    pages |= {"/": html(links), "/anzen": photo}
    pages["/bosai"] = http(b"<title>x</title>", status="500 Internal Server Error")
    await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
    pages["/bosai"] = moved_to(server.address("/anzen"))
    pages |= {path: repaired(path) for path in there} | {"/anzen": repaired("/bosai")}
    _, seen, moved = await rechecked(database, tools, [known["banner"].id, known["photo"].id])
    assert {each.address for each in seen if not each.audited} == {server.address("/bosai")}
    assert all(each.is_told for each in seen)
    assert {each.defect.state for each in moved.values()} == {DefectState.CONFIRMED}
    assert {each.defect.pages for each in moved.values()} == {0}


@pytest.mark.parametrize("title", ["", "東京都見本局"])
async def test_a_title_that_is_none_or_that_many_pages_bear_tells_of_no_move(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer], title: str
) -> None:
    """The page was removed, and its address leads to one that never had its fault."""
    for path in PAGES:
        photo = PHOTO if path == "/bosai" else ""
        pages[path] = html(f"{BANNER}<p>{path}のご案内</p>{photo}", title=title)
    await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
    known = await defects_of(database)
    pages["/bosai"] = moved_to(server.address(next(path for path in PAGES if path != "/bosai")))
    _, seen, moved = await rechecked(database, tools, [known["photo"].id])
    assert [(each.is_told, each.moved_to) for each in seen if not each.audited] == [(False, None)]
    assert {each.defect.state for each in moved.values()} != {DefectState.CONFIRMED}


async def test_a_page_that_stood_beside_one_is_not_where_that_has_moved_to(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    """Two pages of one title, of which one was removed and leads to the other: nobody repaired its photo."""
    beside = next(path for path in PAGES if path != "/bosai")
    for path, photo in (("/bosai", PHOTO), (beside, "")):
        pages[path] = html(f"{BANNER}<p>{path}のご案内</p>{photo}", title="防災")
    await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
    known = await defects_of(database)
    pages["/bosai"] = moved_to(server.address(beside))
    for targets in ([known["photo"].id], [known["photo"].id, server.address(beside)]):  # which it sees, too
        _, seen, moved = await rechecked(database, tools, targets)
        assert [(each.is_told, each.moved_to) for each in seen if not each.audited] == [(False, None)]
        assert moved[known["photo"].id].defect.state is not DefectState.CONFIRMED


async def test_one_document_in_place_of_all_pages_confirms_nothing(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    banner = (await first_sweep(database, server, tools))["banner"]
    await claim(database, banner)
    pages |= dict.fromkeys(PAGES, html("<p>ただいま混み合っています。しばらくお待ちください。</p>", title="混雑"))
    _, seen, moved = await rechecked(database, tools, [banner.id])
    assert {each.reason for each in seen} == {Reason.BLOCKED}
    assert moved[banner.id].defect.state is DefectState.REPAIRED


async def test_another_page_at_the_address_is_not_the_page_repaired(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    photo = (await first_sweep(database, server, tools))["photo"]
    await claim(database, photo)
    notice = "<div class='n'><table><tr><td><h2>お知らせ</h2><ol><li>一</li></ol></td></tr></table></div>"
    pages["/bosai"] = http(
        f"<!DOCTYPE html><html lang='ja'><title>準備中</title><body>{notice}</body></html>".encode(),
        content_type="text/html; charset=utf-8",
    )
    _, seen, moved = await rechecked(database, tools, [photo.id])
    assert [(each.audited, each.reason) for each in seen] == [(False, Reason.BLOCKED)]
    assert moved[photo.id].defect.state is DefectState.REPAIRED


async def test_what_came_back_is_found_by_a_recheck_of_a_confirmed_defect(
    database: Database, tools: Tools, server: Server, pages: dict[str, Answer]
) -> None:
    photo = (await first_sweep(database, server, tools))["photo"]
    faulty = pages["/bosai"]
    pages["/bosai"] = page("/bosai")
    await rechecked(database, tools, [photo.id])
    pages["/bosai"] = faulty
    _, _, moved = await rechecked(database, tools, [photo.id])
    assert (moved[photo.id].before, moved[photo.id].defect.state) == (DefectState.CONFIRMED, DefectState.RETURNED)


async def test_a_recheck_says_nothing_of_the_site(database: Database, tools: Tools, server: Server) -> None:
    photo = (await first_sweep(database, server, tools))["photo"]
    sweep, _, _ = await rechecked(database, tools, [photo.id])
    with pytest.raises(UsageError, match="recheck"):
        await conclude(database, sweep)
    following = await sweep_now(database, plan_for(server.address(), method=Method.ALL, fresh=False), tools)
    async with database.reading() as connection:
        earlier = await connection.scalar(sa.select(Sweep.earlier_id).where(Sweep.id == following))
        states = {each.state for each in await book.listed(connection, 1)}
    assert earlier == 1
    assert states == {DefectState.FOUND}


async def test_a_recheck_that_is_stopped_has_changed_nothing(
    database: Database, tools: Tools, server: Server
) -> None:
    photo = (await first_sweep(database, server, tools))["photo"]
    await claim(database, photo)
    _, _, moved = await rechecked(database, tools, [photo.id], stopped=True)
    assert moved[photo.id].defect.state is DefectState.REPAIRED


async def test_what_cannot_be_rechecked_is_said(database: Database, tools: Tools, server: Server) -> None:
    await first_sweep(database, server, tools)
    async with database.reading() as connection:
        with pytest.raises(UsageError, match="no defect 999"):
            await rechecking.aim_at(connection, [999])
        with pytest.raises(UsageError, match="No sweep has audited"):
            await rechecking.aim_at(connection, ["http://example.jp/"])
        with pytest.raises(UsageError, match="shows no defect"):
            await rechecking.aim_at(connection, [server.address("/")])
        assert await rechecking.aim_at_repaired(connection, 1) is None
        assert await rechecking.aim_at_plan(connection, 1) is None
