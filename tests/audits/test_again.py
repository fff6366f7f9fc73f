"""A later sweep audits what has changed, carries what has not, and says which is which."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from audits.conclude import conclude
from audits.sweep import begin
from audits.work import Tools
from crawler.notes import notes_of
from crawler.scope import Exclusion
from db.database import Database
from db.tables import Site, Sweep
from db.words import Edition, Method, VisitState
from tests.audits import browsers
from tests.audits.sites import Answer, asked, by_browser, html, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of
from tests.crawler.servers import Request, Server, http

FAULTY = '<img src="/i.png" width="40" height="40">'
CSS = http(b"main { color: #222 }", content_type="text/css", ETag='"css-1"')
SCRIPT = http(b"document.title += '!'", content_type="text/javascript")
STYLED = '<link rel="stylesheet" href="/site.css">'
SCRIPTED = '<script src="/site.js"></script>'


pytestmark = pytest.mark.asyncio(loop_scope="module")
tools, database = browsers.tools, browsers.database


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


def versioned(page: bytes, etag: str) -> Callable[[Request], bytes]:
    """A page whose server answers 304 to whoever has it already."""

    def answer(request: Request) -> bytes:
        if request.headers.get("if-none-match") == etag:
            return http(b"", status="304 Not Modified", content_type=None, ETag=etag)
        head, _, body = page.partition(b"\r\n\r\n")
        return head + f"\r\nETag: {etag}\r\n\r\n".encode() + body

    return answer


def site_of(*paths: str, head: str = STYLED) -> dict[str, Answer]:
    """A start page that links to pages, each with a fault and an ETag of its own."""
    links = "".join(f'<p><a href="{path}">{path}</a></p>' for path in paths)
    pages: dict[str, Answer] = {
        "/": versioned(html(links, head=head), '"start"'),
        "/site.css": CSS,
        "/site.js": SCRIPT,
    }
    for path in paths:
        pages[path] = versioned(html(f"<p>{path}の本文</p>{FAULTY}", title=path, head=head), f'"{path}"')
    return pages


async def sweep(database: Database, server: Server, tools: Tools, **given: Any) -> int:
    plan = plan_for(server.address(), method=Method.ALL, **{"fresh": False, "recheck": 0.0, **given})
    return await sweep_now(database, plan, tools)


async def carried(database: Database, sweep_id: int, server: Server) -> dict[str, bool]:
    found = await visits_of(database, sweep_id, server)
    return {path: row.carried for path, row in found.items() if row.state is VisitState.AUDITED}


async def notes(database: Database, sweep_id: int) -> list[dict[str, str]]:
    async with database.reading() as connection:
        return await notes_of(connection, sweep_id)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_an_unchanged_site_is_carried_with_the_date_of_its_evidence_and_the_same_numbers(
    database: Database, tools: Tools
) -> None:
    async with small_site(site_of("/a", "/b", "/c")) as server:
        first = await sweep(database, server, tools)
        server.requests.clear()
        second = await sweep(database, server, tools)
        assert asked(server, browser=True) == []
        assert {each.path: each.headers.get("if-none-match") for each in server.requests if each.path in "/a/b/c"} == {
            "/": '"start"', "/a": '"/a"', "/b": '"/b"', "/c": '"/c"',
        }  # fmt: skip
        before, after = await visits_of(database, first, server), await visits_of(database, second, server)
    for path, row in after.items():
        assert (row.carried, row.result_id, row.audited_at) == (
            True,
            before[path].result_id,
            before[path].audited_at,
        )
        assert (row.title, row.kinds, row.shape) == (before[path].title, before[path].kinds, before[path].shape)
    one, two = await conclude(database, first), await conclude(database, second)
    assert (two.audited, two.problem_pages, two.places, two.criteria) == (
        one.audited,
        one.problem_pages,
        one.places,
        one.criteria,
    )
    assert (two.reliance.carried, two.reliance.rechecked, one.reliance.carried) == (4, 0, 0)
    assert two.complete


async def test_a_third_sweep_carries_what_the_second_has_carried(database: Database, tools: Tools) -> None:
    async with small_site(site_of("/a", "/b")) as server:
        first = await sweep(database, server, tools)
        await sweep(database, server, tools)
        third = await sweep(database, server, tools)
        before, after = await visits_of(database, first, server), await visits_of(database, third, server)
    assert {path: (row.carried, row.audited_at) for path, row in after.items()} == {
        path: (True, row.audited_at) for path, row in before.items()
    }


async def test_a_changed_page_is_audited_and_the_others_are_carried(database: Database, tools: Tools) -> None:
    pages = site_of("/a", "/b")
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        pages["/b"] = versioned(html("<p>直しました</p>", title="/b", head=STYLED), '"/b2"')
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": True, "/a": True, "/b": False}
    assert (await conclude(database, second)).problem_pages == 1


@pytest.mark.parametrize("part", ["/site.css", "/site.js"])
async def test_what_uses_a_changed_script_or_style_sheet_is_audited(
    database: Database, tools: Tools, part: str
) -> None:
    """The second page has them from the browser's cache, and depends on them all the same."""
    pages = site_of("/a", "/b", head=STYLED + SCRIPTED)
    pages["/plain"] = versioned(html("<p>飾りのないページ</p>", title="素"), '"plain"')
    pages["/"] = versioned(html('<a href="/a">a</a> <a href="/b">b</a> <a href="/plain">p</a>'), '"start"')
    cached = {"Cache_Control": "max-age=600"}
    pages["/site.css"] = http(b"main { color: #222 }", content_type="text/css", **cached)
    pages["/site.js"] = http(b"document.title += '!'", content_type="text/javascript", **cached)
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        pages[part] = http(b"/* new */", content_type="text/css" if part.endswith("css") else "text/javascript")
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": True, "/plain": True, "/a": False, "/b": False}


async def test_tokens_and_counters_of_a_page_do_not_keep_it_from_being_carried(
    database: Database, tools: Tools
) -> None:
    numbers = count(1000)

    def counting(_: Request) -> bytes:
        number = next(numbers)
        return html(
            f'<p>来訪 {number} 人目</p><input type="hidden" value="t{number * 7919}">{FAULTY}', title="数える",
            head=f'<meta name="csrf" content="x{number * 31}">',
        )  # fmt: skip

    pages: dict[str, Answer] = {"/": counting}
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": True}
        pages["/"] = lambda _: html(f"<p>来訪 {next(numbers)} 人目</p><p>新しい段落</p>", title="数える")
        third = await sweep(database, server, tools)
        assert await carried(database, third, server) == {"/": False}


NEVER = {
    "data that was sent for": "<script>fetch('/data', {method: 'POST', body: 'x'})</script>",
    "a stream": "<script>new EventSource('/stream')</script>",
    "data that does not come": "<script>fetch('/broken').catch(() => 0)</script>",
    "a worker": "<script>new Worker('/worker.js')</script>",
}


@pytest.mark.parametrize("script", NEVER.values(), ids=NEVER)
async def test_a_page_that_is_made_of_what_cannot_be_compared_is_audited_each_time(
    database: Database, tools: Tools, script: str
) -> None:
    pages: dict[str, Answer] = {
        "/": html(script), "/data": http(b"{}", content_type="application/json"),
        "/stream": http(b"data: 1\n\n", content_type="text/event-stream"), "/broken": b"nonsense\r\n\r\n",
        "/worker.js": http(b"1", content_type="text/javascript"),
    }  # fmt: skip
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": False}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_beacon_does_not_keep_a_page_from_being_carried(
    database: Database, tools: Tools, method: str
) -> None:
    beacon = f"<script>fetch('/count?' + Math.random(), {{method: '{method}', keepalive: true}})</script>"
    nothing = http(b"", status="204 No Content", content_type=None)

    class Counting(dict[str, Answer]):
        def get(self, path: str, default: Any = None) -> Any:
            return nothing if path.startswith("/count") else super().get(path, default)

    async with small_site(Counting({"/": html(beacon)})) as server:
        await sweep(database, server, tools)
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": True}


async def test_unchanged_says_nothing_of_another_document_that_the_browser_was_given(
    database: Database, tools: Tools
) -> None:
    """The page had changed between exploring and its audit, and is now again what exploring had read."""
    old = versioned(html("<p>前</p>"), '"old"')
    pages: dict[str, Answer] = {"/": lambda request: html(FAULTY) if by_browser(request) else old(request)}
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        pages["/"] = old
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": False}
    assert (await conclude(database, second)).problem_pages == 0


async def test_an_empty_style_sheet_that_is_filled_counts_as_a_change(database: Database, tools: Tools) -> None:
    pages = site_of("/a")
    pages["/site.css"] = http(b"", content_type="text/css")
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        pages["/site.css"] = CSS
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": False, "/a": False}


async def test_data_that_a_script_gets_counts_like_the_page(database: Database, tools: Tools) -> None:
    script = "<p id=p></p><script>fetch('/data').then(r => r.json()).then(d => { p.textContent = d.say })</script>"
    pages: dict[str, Answer] = {
        "/": versioned(html(script), '"s"'), "/data": http(b'{"say": "x"}', content_type="application/json")
    }  # fmt: skip
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        second = await sweep(database, server, tools)
        pages["/data"] = http(b'{"say": "y"}', content_type="application/json")
        third = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": True}
        assert await carried(database, third, server) == {"/": False}


async def test_a_page_that_is_lost_is_not_carried(database: Database, tools: Tools) -> None:
    """What was clean, or faulty, in the last sweep says nothing of a page that cannot be had now."""
    pages = site_of("/a", "/b")
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        pages["/b"] = http(b"", status="500 Internal Server Error")
        second = await sweep(database, server, tools)
        assert await carried(database, second, server) == {"/": True, "/a": True}
        assert (await visits_of(database, second, server))["/b"].result_id is None
    assert not (await conclude(database, second)).complete


async def test_links_that_a_script_makes_are_known_without_the_browser_until_something_changes(
    database: Database, tools: Tools
) -> None:
    maker = "<script>for (const p of ['/a', '/b']) document.body.innerHTML += `<a href='${p}'>${p}</a>`</script>"
    pages = site_of("/a", "/b")
    pages["/"] = versioned(html(maker), '"start"')
    async with small_site(pages) as server:
        first = await sweep(database, server, tools)
        server.requests.clear()
        second = await sweep(database, server, tools)
        assert asked(server, browser=True) == []
        before, after = await visits_of(database, first, server), await visits_of(database, second, server)
        assert {path: row.found_by for path, row in after.items()} == {
            path: row.found_by for path, row in before.items()
        }
        pages["/"] = versioned(html(maker.replace("'/b'", "'/c'")), '"start2"')
        pages["/c"] = html("<p>新しい</p>", title="c")
        third = await sweep(database, server, tools)
        assert set(await carried(database, third, server)) == {"/", "/a", "/c"}


async def test_some_are_audited_anyway_and_agree(database: Database, tools: Tools) -> None:
    async with small_site(site_of("/a", "/b", "/c")) as server:
        await sweep(database, server, tools)
        second = await sweep(database, server, tools, recheck=0.3)
        found = await visits_of(database, second, server)
    assert sum(row.expected_id is not None for row in found.values()) == 2
    assert all((row.expected_id is None) == row.carried for row in found.values())
    reliance = (await conclude(database, second)).reliance
    assert (reliance.carried, reliance.rechecked, reliance.disagreeing) == (2, 2, 0)


async def test_a_server_that_says_unchanged_of_what_has_changed_loses_its_shortcut(
    database: Database, tools: Tools
) -> None:
    pages = site_of("/a", "/b", "/c")
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        for path in ("/a", "/b", "/c"):
            pages[path] = versioned(html("<p>直しました</p>", title=path), f'"{path}"')
        second = await sweep(database, server, tools, recheck=0.6)
        assert await carried(database, second, server) == dict.fromkeys(("/", "/a", "/b", "/c"), False)
        found = await conclude(database, second)
        assert (found.problem_pages, found.reliance.carried, found.complete) == (0, 0, True)
        assert found.reliance.disagreeing >= 1
        assert [note["about"] for note in await notes(database, second)] == ["carry"]
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(Site.settings)) == {"fresh": True}


async def test_few_that_disagree_are_told_and_tolerated(database: Database, tools: Tools) -> None:
    pages = site_of("/a", "/b", "/c")
    async with small_site(pages) as server:
        await sweep(database, server, tools)
        pages["/a"] = versioned(html("<p>直しました</p>", title="/a"), '"/a"')
        second = await sweep(database, server, tools, recheck=1.0, tolerance=0.3)
    reliance = (await conclude(database, second)).reliance
    assert (reliance.rechecked, reliance.disagreeing) == (4, 1)


async def earlier_of(database: Database, server: Server, **given: Any) -> int | None:
    sweep_id = await begin(database, plan_for(server.address(), **{"fresh": False, **given}))
    async with database.reading() as connection:
        earlier: int | None = await connection.scalar(sa.select(Sweep.earlier_id).where(Sweep.id == sweep_id))
    return earlier


OTHERWISE = {
    "fresh": {"fresh": True},
    "signed in": {"signed_in": ("https://a.jp",)},
    "robots meta": {"obey_meta_robots": True},
    "size": {"bytes": 1000},
    "menus": {"menus": True},
    "included": {"includes": ("/other/*",)},
    "excluded": {"exclusions": (Exclusion(pattern="/x*", reason="対象外"),)},
}


async def test_a_sweep_leans_on_the_last_that_met_the_site_alike_and_ended(
    database: Database, tools: Tools
) -> None:
    async with small_site({"/": html("")}) as server:
        first = await sweep(database, server, tools)
        otherwise = {name: await earlier_of(database, server, **given) for name, given in OTHERWISE.items()}
        assert otherwise == dict.fromkeys(OTHERWISE)
        assert await earlier_of(database, server) == first, "none of those that were begun since has ended"
        async with database.writing() as connection:
            await connection.execute(sa.update(Sweep).where(Sweep.id == first).values(reader=-1))
        assert await earlier_of(database, server) is None


@pytest.mark.parametrize("changed", ["edition", "browser"])
async def test_other_rules_and_another_browser_carry_nothing_and_the_sweep_says_why(
    database: Database, tools: Tools, changed: str
) -> None:
    async with small_site(site_of("/a")) as server:
        first = await sweep(database, server, tools)
        async with database.writing() as connection:
            if changed == "browser":
                await connection.execute(sa.update(Sweep).where(Sweep.id == first).values(browser="Chromium 99.0"))
        edition = Edition.WCAG22 if changed == "edition" else Edition.JIS2016
        second = await sweep(database, server, tools, edition=edition)
        assert await carried(database, second, server) == {"/": False, "/a": False}
    (note,) = await notes(database, second)
    assert (note["about"], note["said"].startswith("all pages are audited anew")) == ("carry", True)
