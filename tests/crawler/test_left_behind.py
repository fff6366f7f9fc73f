"""What nothing leads to any more, and bears open defects, is asked for last, and is never a page of the sweep."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

import crawler.explore
from audits.conclude import conclude
from crawler.exploration import LeftBehind
from crawler.scope import Exclusion
from db.database import Database
from db.tables import Page, Site, Sweep, Visit
from db.words import FoundBy, Reason, VisitState
from tests.audits.sites import Answer, asked, html, moved, small_site
from tests.crawler.exploring import begun, explored
from tests.crawler.servers import Request, Server, http

OLD: dict[str, Answer] = {
    "/old/there": html('<p>本文</p><a href="/old/beyond">先</a>', title="残っている"),
    "/old/beyond": html("先"),
    "/old/moved": moved("/new", status="301 Moved Permanently"),
    "/old/twice": moved("/hop"),
    "/hop": moved("/new"),
    "/old/alone": moved("/alone"),
    "/alone": html("どこからも"),
    "/old/out": moved("http://other.example/"),
    "/old/broken": http(b"", status="500 Internal Server Error", content_type="text/html"),
    "/old/file": http(b"%PDF-1.4", content_type="application/pdf"),
}
SITE: dict[str, Answer] = {
    "/": html('<a href="/new">新</a><a href="/news/">一覧</a>'),
    "/new": html("新しい場所"),
    "/news/": html("一覧"),
    "/robots.txt": http(b"User-agent: *\nDisallow: /old/robots", content_type="text/plain"),
    **OLD,
}
ASKED = ("there", "moved", "twice", "alone", "out", "broken", "file", "gone", "robots/x", "kept/x")
ENDS = {
    "/old/there": "unlinked", "/old/moved": "redirect", "/old/twice": "redirect", "/hop": "redirect",
    "/old/alone": "redirect", "/alone": "unlinked", "/old/out": "redirect_out", "/old/broken": "unlinked",
    "/old/file": "not_html", "/old/gone": "not_found", "/old/robots/x": "unlinked",
}  # fmt: skip
THERE = {"/": "explored", "/new": "explored", "/news/": "explored"}
NOT_COMPARED = ("id", "sweep_id", "page_id", "found_on_id", "leads_to_id")
KEPT = Exclusion(pattern="/old/kept/*", reason="別に調べる")


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


both_databases = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


def left(server: Server, *names: str) -> LeftBehind:
    """These pages, as long as the sweep in question has not met them."""
    addresses = [server.address(f"/old/{name}") for name in names]

    async def behind(connection: AsyncConnection) -> dict[int, str]:
        sweep = await connection.scalar(sa.select(sa.func.max(Sweep.id)))
        site = await connection.scalar(sa.select(Site.id))
        for address in addresses:
            if await connection.scalar(sa.select(Page.id).where(Page.address == address)) is None:
                await connection.execute(sa.insert(Page).values(site_id=site, address=address))
        met = sa.exists().where(Visit.sweep_id == sweep, Visit.page_id == Page.id)
        rows = await connection.execute(sa.select(Page.id, Page.address).where(Page.address.in_(addresses), ~met))
        return dict(rows.all())

    return behind


def compared(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {path: {key: row[key] for key in row.keys() - {*NOT_COMPARED}} for path, row in rows.items()}


@both_databases
async def test_what_is_left_behind_tells_what_became_of_it_and_nothing_of_the_site(database: Database) -> None:
    async with small_site(SITE) as site:
        before = await explored(database, site, exclusions=(KEPT,))
        site.requests.clear()
        sweep = await explored(database, site, exclusions=(KEPT,), left_behind=left(site, *ASKED))
        wanted = asked(site)
        rows = await sweep.rows()
        assert await sweep.ends() == THERE | ENDS
        assert {path for path, row in rows.items() if row["found_by"] is FoundBy.EARLIER} == ENDS.keys()
        assert not {"/old/beyond", "/old/robots/x", "/old/kept/x"} & {*wanted}, (
            "no link of theirs counts, no robots.txt is broken"
        )
        assert wanted.index("/news/") < min(wanted.index(f"/old/{name}") for name in ("there", "moved", "gone")), (
            "last"
        )
        assert (rows["/old/moved"]["leads_to"], rows["/old/twice"]["leads_to"]) == ("/new", "/hop")
        assert (rows["/alone"]["found_on"], rows["/old/there"]["title"]) == ("/old/alone", "残っている")
        assert rows["/old/broken"]["detail"].startswith("server_error")
        assert rows["/old/robots/x"]["detail"] == "robots"
        for path in ("/old/there", "/alone"):
            assert (rows[path]["linked"], rows[path]["shown"], rows[path]["links"], rows[path]["body_digest"]) == (
                False, False, None, None,
            )  # fmt: skip
    assert compared({path: row for path, row in rows.items() if path in THERE}) == compared(await before.rows())
    assert await sweep.notes() == await before.notes()
    one, two = [await conclude(database, each.sweep, sample=False) for each in (before, sweep)]
    assert (
        (two.known, two.unread, two.incomplete_because)
        == (one.known, one.unread, one.incomplete_because)
        == (3, 0, ())
    )


async def test_sitemaps_of_a_host_that_nothing_leads_to_any_more_are_not_read(database: Database) -> None:
    async with small_site({}) as other, small_site(SITE) as site:
        host = other.address("")
        sweep = await explored(database, site, includes=("http*",), left_behind=left(other, "gone"))
        assert "/sitemap.xml" not in asked(other)
        assert "/old/gone" in asked(other)
        assert {path for path in await sweep.rows() if path.startswith("http")} == {f"{host}/old/gone"}


@both_databases
async def test_a_run_that_is_stopped_anywhere_asks_what_is_left_behind_as_one_that_is_not(
    database: Database,
) -> None:
    stopping, rest = asyncio.Event(), 10_000

    def counting(answer: Answer) -> Callable[[Request], bytes]:
        def count(_: Request) -> bytes:
            nonlocal rest
            rest -= 1
            if rest <= 0:
                stopping.set()
            assert isinstance(answer, bytes)
            return answer

        return count

    pages: dict[str, Answer] = {path: counting(answer) for path, answer in SITE.items() if path != "/robots.txt"}
    pages["/robots.txt"] = SITE["/robots.txt"]
    async with small_site(pages) as site:
        given: dict[str, Any] = {"exclusions": (KEPT,), "left_behind": left(site, *ASKED), "per_host": 1}
        whole = compared(await (await explored(database, site, **given)).rows())
        for every in (1, 2, 3, 5):
            sweep, breaks = await begun(database, site, **given), 0
            while True:
                rest = every
                stopping.clear()
                if await sweep.go(stopping):
                    break
                breaks += 1
                assert breaks < 100
            rest = 10_000
            assert breaks >= 2
            assert compared(await sweep.rows()) == whole, every


@both_databases
async def test_what_is_killed_while_it_is_put_on_the_frontier_is_put_there_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_through, killed = crawler.explore._let_through, 0

    async def breaking(exploration: Any, depth: int) -> bool:
        nonlocal killed
        async with database.reading() as connection:
            added = Visit.sweep_id == exploration.sweep.id, Visit.found_by == FoundBy.EARLIER
            if await connection.scalar(sa.select(sa.exists().where(*added, Visit.state == VisitState.FOUND))):
                killed += 1
                if killed <= 2:
                    raise InterruptedError
        return await let_through(exploration, depth)

    monkeypatch.setattr("crawler.explore._let_through", breaking)
    async with small_site(SITE) as site:
        sweep = await begun(database, site, exclusions=(KEPT,), left_behind=left(site, *ASKED))
        for _ in range(2):
            with pytest.raises(InterruptedError):
                await sweep.go()
        assert await sweep.go()
        assert await sweep.ends() == THERE | ENDS
        assert asked(site).count("/old/gone") == 1


async def test_limits_that_it_meets_are_said_and_leave_the_sweep_complete(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_site(SITE) as site:
        given: dict[str, Any] = {"left_behind": left(site, "gone", "moved", "there")}
        few = await explored(database, site, addresses=4, **given)
        said = {path: (row["reason"], row["detail"]) for path, row in (await few.rows()).items() if "/old/" in path}
        assert said == {
            "/old/gone": (Reason.NOT_FOUND, None), "/old/moved": (Reason.UNLINKED, "page_limit"),
            "/old/there": (Reason.UNLINKED, "page_limit"),
        }  # fmt: skip
        assert (await conclude(database, few.sweep, sample=False)).incomplete_because == ()
        flat = await explored(database, site, depth=1, **given)
        assert {(await flat.ends())[path] for path in ("/old/gone", "/old/there")} == {"not_found", "unlinked"}, (
            "no link"
        )

        async def late(connection: AsyncConnection) -> dict[int, str]:
            return await left(site, "gone")(connection)

        over = await begun(database, site, left_behind=late, seconds=3600)
        add = crawler.explore.add_left_behind
        clock = time.monotonic

        async def out_of_time(exploration: Any, depth: int) -> None:
            await add(exploration, depth)
            monkeypatch.setattr("crawler.exploration.time.monotonic", lambda: clock() + 7200)

        monkeypatch.setattr("crawler.explore.add_left_behind", out_of_time)
        assert await over.go()
        row = (await over.rows())["/old/gone"]
        assert (row["reason"], row["detail"]) == (Reason.UNLINKED, "time_limit")


@pytest.mark.parametrize("answer", [http(b"", status="503 Service Unavailable"), html("", title="ない")])
async def test_of_a_site_without_a_page_nothing_more_is_asked(database: Database, answer: bytes) -> None:
    empty = answer if b"503" in answer else http(b"", status="404 Not Found")
    async with small_site({**SITE, "/": empty}) as site:
        sweep = await explored(database, site, left_behind=left(site, "gone", "there"))
        assert not [path for path in asked(site) if "/old/" in path]
        assert len(await sweep.rows()) == 1


async def test_folders_of_what_is_left_behind_are_not_probed(database: Database) -> None:
    missing = html("<p>お探しのページは見つかりません。</p>", title="見つかりません")
    async with small_site({"/": html("<p>始まり</p>"), "/old/soft": missing}) as site:
        sweep = await explored(database, site, left_behind=left(site, "soft"))
        assert (await sweep.ends())["/old/soft"] == "unlinked"
        assert not [path for path in asked(site) if "/old/jisweep-" in path]
