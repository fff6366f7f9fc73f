"""Exploring as a guest: hosts that fail or refuse are left alone and said to be, wishes of pages are noted."""

import time
from dataclasses import replace

import pytest

from crawler import robots as robotstxt
from crawler.exploration import Shown, note_pace, robots_of
from crawler.fetch import Fetcher, Manners
from crawler.politeness import Patience
from db.database import Database
from db.words import Reason, SweepState, VisitState
from tests.audits.sites import NOT_FOUND, Answer, asked, html, small_site
from tests.crawler.exploring import begun, explored
from tests.crawler.servers import Request, http
from tests.crawler.test_blocking import CLOUDFLARE, CONTACT

QUICK = Patience(failures=3, pause=0.02, pauses=2)


@pytest.fixture
def backend() -> str:
    """SQLite: what hosts do is the same for both databases."""
    return "sqlite"


def links(*paths: str, head: str = "", **headers: str) -> bytes:
    return html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths), head=head, **headers)


def pages(count: int, answer: Answer) -> dict[str, Answer]:
    """A start page and, linked from it, so many others with one answer."""
    paths = [f"/{number:02}" for number in range(count)]
    return {"/": links(*paths), **dict.fromkeys(paths, answer)}


def after(count: int, answer: bytes, then: bytes) -> Answer:
    """An answer that becomes another for every page of a site after so many requests."""
    given = [0]

    def say(_: Request) -> bytes:
        given[0] += 1
        return answer if given[0] <= count else then

    return say


async def test_a_host_that_breaks_down_for_good_is_given_up_and_said_to_be(database: Database) -> None:
    site = pages(40, after(10, html("よい"), http(status="500 Internal Server Error")))
    site["/"] = after(1, links(*list(site)[1:]), http(status="500 Internal Server Error"))
    async with small_site(site) as server:
        sweep = await begun(database, server)
        sweep.patience = QUICK
        assert await sweep.go()
    rows = await sweep.rows()
    lost = [row for row in rows.values() if row["reason"] is Reason.SERVER_ERROR]
    assert len(lost) == 30
    assert len(asked(server)) < 25
    assert any(str(row["detail"]).startswith("not asked: its host fails since ") for row in lost)
    row = await sweep.sweep_row()
    assert row["state"] is SweepState.CHOOSING
    notes = await sweep.notes()
    assert {each["about"] for each in notes} == {"host", "unanswered"}  # a probe got no answer any more
    [note] = [each for each in notes if each["about"] == "host"]
    assert note["address"] == "127.0.0.1"
    assert "HTTP 500" in note["said"]


async def test_pages_that_fail_in_a_row_do_not_give_up_their_host(database: Database) -> None:
    site = pages(30, http(status="500 Internal Server Error"))
    site |= {"/": links(*list(site)[1:], "/99"), "/99": html("よい")}
    async with small_site(site) as server:
        sweep = await begun(database, server)
        sweep.patience = QUICK
        assert await sweep.go()
    ends = await sweep.ends()
    assert ends["/99"] == VisitState.EXPLORED
    assert [ends[f"/{number:02}"] for number in range(30)] == [Reason.SERVER_ERROR] * 30
    assert sorted(set(asked(server))) == sorted(["/robots.txt", "/sitemap.xml", *site])
    assert await sweep.notes() == []


async def test_a_host_that_comes_back_is_explored_to_its_end(database: Database) -> None:
    broke: list[float] = []

    def recovering(request: Request) -> bytes:
        if request.path != "/" and not broke:
            broke.append(time.monotonic())
        if broke and time.monotonic() < broke[0] + 1.0:
            return http(status="500 Internal Server Error")
        return html("よい") if request.path != "/" else links(*list(site)[1:])

    site = pages(8, recovering) | {"/": recovering}
    async with small_site(site) as server:
        sweep = await begun(database, server, per_host=1)
        sweep.patience = Patience(failures=3, pause=0.5, pauses=3)
        assert await sweep.go()
    ends = list((await sweep.ends()).values())
    assert ends.count(Reason.SERVER_ERROR) == 3  # those that met it before it was left alone
    assert ends.count(VisitState.EXPLORED) == 6
    assert await sweep.notes() == []


async def test_a_host_that_rests_is_not_waited_for_beyond_the_time_for_exploring(database: Database) -> None:
    broken = http(status="500 Internal Server Error")
    site = pages(20, broken) | {"/": after(1, links(*(f"/{number:02}" for number in range(20))), broken)}
    async with small_site(site) as server:
        sweep = await begun(database, server, seconds=1.0)
        sweep.patience = Patience(failures=3, pause=60)
        begin = time.monotonic()
        assert await sweep.go()
    assert time.monotonic() - begin < 10
    ends = list((await sweep.ends()).values())
    assert ends.count(Reason.SERVER_ERROR) + ends.count(Reason.TIME_LIMIT) == 20
    [note] = await sweep.notes()
    assert note["about"] == "host"


async def test_a_site_that_begins_to_refuse_us_is_said_to_be_blocked(database: Database) -> None:
    refusal = http(b"<h1>403 Forbidden</h1>", status="403 Forbidden")
    site = pages(40, after(10, html("よい"), refusal))
    site["/"] = after(1, links(*list(site)[1:]), refusal)
    async with small_site(site) as server:
        sweep = await begun(database, server)
        sweep.patience = QUICK
        assert await sweep.go()
    rows = await sweep.rows()
    assert sum(row["reason"] is Reason.BLOCKED for row in rows.values()) == 30
    assert len(asked(server)) < 25
    notes = await sweep.notes()
    assert {each["about"] for each in notes} == {"blocked", "unanswered"}  # a probe got no answer any more
    [note] = [each for each in notes if each["about"] == "blocked"]
    assert note["said"].startswith("since 20")


async def test_a_part_of_a_site_that_is_closed_to_us_does_not_close_the_rest(database: Database) -> None:
    site = pages(20, http(status="403 Forbidden"))
    site |= {"/": links(*list(site)[1:], "/99"), "/99": html("よい")}
    async with small_site(site) as server:
        sweep = await begun(database, server)
        sweep.patience = QUICK
        assert await sweep.go()
    assert (await sweep.ends())["/99"] == VisitState.EXPLORED
    assert await sweep.notes() == []


async def nothing(_: str) -> Shown:
    """A browser in which no page shows further links."""
    return Shown(links=())


async def test_a_challenge_is_no_page_whatever_its_status(database: Database) -> None:
    site: dict[str, Answer] = {
        "/": links("/challenge", "/contact"),
        "/challenge": http(CLOUDFLARE.encode(), content_type="text/html; charset=utf-8"),
        "/contact": http(CONTACT.encode(), content_type="text/html; charset=utf-8"),
    }
    async with small_site(site) as server:
        rows = await (await explored(database, server, render=nothing)).rows()
    assert rows["/challenge"]["reason"] is Reason.BLOCKED
    assert rows["/challenge"]["detail"] == "Cloudflare challenge or block page (cf-chl), HTTP 200"
    assert rows["/contact"]["state"] is VisitState.EXPLORED


WISHES: dict[str, Answer] = {
    "/": links("/index", "/follow", "/header"),
    "/index": links("/a", head='<meta name="robots" content="noindex">'),
    "/follow": links("/b", head='<meta name="robots" content="nofollow">'),
    "/header": links("/c", X_Robots_Tag="none"),
    **dict.fromkeys(("/a", "/b", "/c"), html("よい")),
}


async def test_noindex_and_nofollow_are_noted_and_not_obeyed(database: Database) -> None:
    async with small_site(WISHES) as server:
        rows = await (await explored(database, server)).rows()
    assert {row["state"] for row in rows.values()} == {VisitState.EXPLORED}
    said = {path: row["robots_meta"] for path, row in rows.items() if row["robots_meta"]}
    assert said == {"/index": "noindex", "/follow": "nofollow", "/header": "nofollow, noindex"}


async def test_noindex_and_nofollow_are_obeyed_where_that_is_asked_for(database: Database) -> None:
    async with small_site(WISHES) as server:
        rows = await (await explored(database, server, obey_meta_robots=True)).rows()
    assert sorted(rows) == ["/", "/a", "/follow", "/header", "/index"]
    assert (rows["/index"]["reason"], rows["/index"]["detail"]) == (Reason.ROBOTS, "the page says noindex")
    assert rows["/header"]["reason"] is Reason.ROBOTS
    assert rows["/follow"]["state"] is VisitState.EXPLORED


async def test_a_long_crawl_delay_is_capped_and_said(database: Database) -> None:
    site: dict[str, Answer] = {"/robots.txt": http(b"User-agent: *\nCrawl-delay: 3600", content_type="text/plain")}
    async with small_site(site) as server, Fetcher(Manners()) as fetcher:
        sweep = await begun(database, server)
        known: dict[str, robotstxt.Robots] = {}
        robots = await robots_of(fetcher, known, server.address())
        assert robots.crawl_delay == 3600
        await note_pace(database, sweep.sweep, known)
        await note_pace(database, sweep.sweep, known)
    [note] = await sweep.notes()
    assert note["about"] == "pace"
    assert note["said"] == "Crawl-delay 3600 s, of which we keep 60 s: at most 60 pages an hour"


async def test_a_robots_txt_that_is_not_read_whole_is_said(database: Database) -> None:
    """Rules and sitemaps behind its cut are not known."""
    long = b"User-agent: *\nDisallow: /a\n" + b"# x\n" * 130_000 + b"Sitemap: /map.xml\n"
    async with small_site({"/": html("x"), "/robots.txt": http(long, content_type="text/plain")}) as server:
        sweep = await explored(database, server)
    [note] = await sweep.notes()
    assert note == {
        "about": "document", "address": server.address("/robots.txt"), "said": "larger than 512000 bytes: the rest was not read"
    }  # fmt: skip


async def test_robots_txt_is_asked_for_again_when_it_is_a_day_old() -> None:
    rules = [b"User-agent: *\nDisallow: /a", b"User-agent: *\nDisallow: /b"]
    left = list(rules)

    def say(_: Request) -> bytes:
        return http(left.pop(0), content_type="text/plain") if left else http(status="500 Internal Server Error")

    async with small_site({"/robots.txt": say}) as server, Fetcher(Manners()) as fetcher:
        known: dict[str, robotstxt.Robots] = {}

        async def allowed() -> tuple[bool, bool]:
            read = await robots_of(fetcher, known, server.address())
            return read.allows(server.address("/a")), read.allows(server.address("/b"))

        def let_pass(seconds: float) -> None:
            known.update({origin: replace(each, read_at=each.read_at - seconds) for origin, each in known.items()})

        assert await allowed() == (False, True)
        let_pass(robotstxt.DAY - 60)
        assert await allowed() == (False, True)
        let_pass(120)
        assert await allowed() == (True, False)
        assert len(server.requests) == 2
        let_pass(robotstxt.DAY + 60)
        assert await allowed() == (True, False), "what was known stays in force while nothing newer can be had"
        assert len(server.requests) == 3
        await allowed()
        assert len(server.requests) == 3
        let_pass(robotstxt.SOON + 1)
        await allowed()
        assert len(server.requests) == 4


async def test_a_robots_txt_that_could_not_be_had_is_asked_for_again_soon() -> None:
    left = [http(status="500 Internal Server Error"), NOT_FOUND]
    async with small_site({"/robots.txt": lambda _: left.pop(0)}) as server, Fetcher(Manners()) as fetcher:
        known: dict[str, robotstxt.Robots] = {}
        assert not (await robots_of(fetcher, known, server.address())).allows(server.address())
        known.update(
            {origin: replace(each, read_at=each.read_at - robotstxt.SOON - 1) for origin, each in known.items()}
        )
        assert (await robots_of(fetcher, known, server.address())).allows(server.address())
