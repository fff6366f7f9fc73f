"""A sweep from begin to end: what goes wrong with one page costs that page only, and hosts are met politely."""

import asyncio
import functools
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.base import AXE_FILE_PATH

from audits import work as working
from audits.conclude import conclude
from audits.engine import installed_engine
from audits.sweep import Held, Tools, begin, run
from crawler import gate as gates
from crawler.gate import Gate, resolve_by_system
from crawler.notes import notes_of
from db.database import Database
from db.errors import BrowserMissing, UsageError
from db.tables import Page, Visit
from db.words import Edition, FoundBy, Level, Method, Outcome, Part, Reason, SweepState, VisitState
from tests.audits import browsers
from tests.audits.processes import ours
from tests.audits.sites import Answer, asked, by_browser, html, small_site
from tests.audits.swept import CALENDAR, plan_for, read_rows, sweep_now, visits_of
from tests.crawler.servers import Request, Server, http
from tests.site import SampleSite

OK = html('<img id="i" src="/i.png" width="40" height="40">')
PICTURE = http(b"\x89PNG\r\n\x1a\n", content_type="image/png")


pytestmark = pytest.mark.asyncio(loop_scope="module")
tools, database = browsers.tools, browsers.database


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


def linked(*paths: str) -> bytes:
    return html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths))


def for_browsers(answer: Answer) -> Callable[[Request], bytes | Awaitable[bytes]]:
    """The page as it should be when exploring asks, and this answer when the browser does."""

    def choose(request: Request) -> bytes | Awaitable[bytes]:
        if not by_browser(request):
            return OK
        return answer(request) if callable(answer) else answer

    return choose


# ── pages that are lost ────────────────────────────────────────────────────────────────────────────


async def test_a_page_that_hangs_has_one_retry_and_ends_timed_out_while_the_others_are_audited(
    database: Database, tools: Tools
) -> None:
    hanging = html("<h1>計算中</h1><script>for (;;) {}</script>")
    others = [f"/{n}" for n in range(4)]
    pages: dict[str, Answer] = {"/": linked("/hang", *others), "/hang": for_browsers(hanging)}
    async with small_site({**pages, **dict.fromkeys(others, OK)}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/"), page_seconds=3.0), tools)
        visits = await visits_of(database, sweep, site)
    assert (visits["/hang"].state, visits["/hang"].reason) == (VisitState.UNAUDITED, Reason.TIMED_OUT)
    assert visits["/hang"].tries == 2
    assert asked(site, browser=True).count("/hang") == 2
    assert {path for path, visit in visits.items() if visit.state is VisitState.AUDITED} == {"/", *others}
    said = await conclude(database, sweep)
    assert (said.complete, said.incomplete_because, said.audited) == (False, (Reason.TIMED_OUT,), 5)


async def test_the_sample_sites_hanging_page_is_given_up_while_it_is_explored(
    database: Database, tools: Tools
) -> None:
    """Its script is seen when exploring, so that the browser meets it there, with one retry as well."""
    with SampleSite() as site:
        plan = plan_for(site.url + "hostile/hang.html", page_seconds=2.5)
        sweep = await sweep_now(database, plan, tools)
        rows = await read_rows(database)
        tries = [
            each for each in site.requests if each.path == "/hostile/hang.html" and "Chrome/" in each.user_agent
        ]
    assert list(rows["visit"]["reason"]) == [Reason.TIMED_OUT]
    assert len(tries) == 2
    assert not (await conclude(database, sweep)).complete


@pytest.mark.parametrize("kind", ["renderer", "browser"])
async def test_a_page_that_kills_its_browser_has_one_retry_and_the_others_are_audited(
    database: Database, tools: Tools, kind: str
) -> None:
    def kill(_: Request) -> bytes:
        for process in ours(kind):
            process.kill()
        return PICTURE

    pages: dict[str, Answer] = {
        "/": linked("/a", "/b", "/kill"),
        "/kill": for_browsers(html('<img src="/bomb" alt="">')),
        "/bomb": kill,
        "/a": OK,
        "/b": OK,
    }
    async with small_site(pages) as site:
        sweep = await sweep_now(database, plan_for(site.address("/"), page_seconds=20.0), tools)
        visits = await visits_of(database, sweep, site)
    assert (visits["/kill"].reason, visits["/kill"].tries) == (Reason.CRASHED, 2)
    assert {path for path, visit in visits.items() if visit.state is VisitState.AUDITED} == {"/", "/a", "/b"}


async def test_a_page_that_is_lost_once_in_passing_is_audited_after_all(database: Database, tools: Tools) -> None:
    failing = iter([http(status="500 Internal Server Error")])
    pages: dict[str, Answer] = {"/": linked("/a"), "/a": for_browsers(lambda _: next(failing, OK))}
    async with small_site(pages) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        visits = await visits_of(database, sweep, site)
    assert (visits["/a"].state, visits["/a"].reason, visits["/a"].tries) == (VisitState.AUDITED, None, 1)
    assert (await conclude(database, sweep)).complete


@pytest.mark.parametrize(
    ("answer", "reason", "tries"),
    [
        (http(status="500 Internal Server Error"), Reason.SERVER_ERROR, 2),
        (http(status="404 Not Found"), Reason.NOT_FOUND, 1),
        (http(b"x", Content_Disposition="attachment; filename=x"), Reason.NOT_HTML, 1),
        (html("<script>location.replace('/')</script>"), Reason.REDIRECT, 1),
    ],
)
async def test_what_the_browser_gets_counts_not_what_exploring_got(
    database: Database, tools: Tools, answer: bytes, reason: Reason, tries: int
) -> None:
    async with small_site({"/": linked("/a"), "/a": for_browsers(answer)}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        visits = await visits_of(database, sweep, site)
    assert (visits["/a"].state, visits["/a"].reason, visits["/a"].tries) == (VisitState.UNAUDITED, reason, tries)
    assert visits["/"].state is VisitState.AUDITED
    assert visits["/a"].result_id is None


async def test_a_page_that_runs_away_while_its_links_are_read_does_not_end_the_sweep(
    database: Database, tools: Tools
) -> None:
    away = html("<script>setTimeout(() => { location.href = '/b' }, 20)</script>")
    async with small_site({"/": linked("/away", "/b"), "/away": away, "/b": OK}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/"), page_seconds=10.0), tools)
        visits = await visits_of(database, sweep, site)
    assert {visits[path].state for path in ("/", "/b")} == {VisitState.AUDITED}
    assert visits["/away"].state is VisitState.UNAUDITED


async def test_links_that_only_the_browser_shows_are_followed(database: Database, tools: Tools) -> None:
    script = "document.querySelector('main').attachShadow({mode: 'closed'}).innerHTML = '<a href=/shown>次</a>'"
    pages: dict[str, Answer] = {"/": html(f"<script>{script}</script>"), "/shown": OK}
    async with small_site(pages) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        visits = await visits_of(database, sweep, site)
    assert visits["/shown"].found_by is FoundBy.RENDERED
    assert visits["/shown"].state is VisitState.AUDITED


async def test_declared_closed_roots_are_known_from_exploring(database: Database, tools: Tools) -> None:
    closed = '<div id="h"><TEMPLATE ShadowRootMode="CLOSED"><p>中</p></TEMPLATE></div>'
    async with small_site({"/": html(closed)}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        untested = (await read_rows(database))["result"]["untested"][0]
    assert [each["part"] for each in untested] == ["closed shadow root"]
    assert (await conclude(database, sweep)).untested_parts_pages == 1


# ── one sweep, one engine, one process, one browser ────────────────────────────────────────────────


@dataclass
class Pages:
    """Pages that ask for a stop when the browser has asked for so many of them."""

    left: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def answers(self, count: int) -> dict[str, Answer]:
        paths = [f"/{n}" for n in range(count)]
        return {"/": linked(*paths), **dict.fromkeys(paths, self._answer)}

    def _answer(self, request: Request) -> bytes:
        self.left -= by_browser(request)
        if self.left == 0:
            self.stopping.set()
        return OK


async def stopped_while_auditing(database: Database, site: Server, tools: Tools, pages: Pages, after: int) -> int:
    """A sweep of the site that was stopped when the browser had asked for so many of its pages."""
    sweep = await begin(database, plan_for(site.address("/")))
    pages.left, pages.stopping = after, asyncio.Event()
    assert await run(database, sweep, tools, asyncio.Event(), until=SweepState.AUDITING)
    assert not await run(database, sweep, tools, pages.stopping)
    return sweep


async def test_a_sweep_is_not_resumed_with_another_engine(database: Database, tools: Tools) -> None:
    pages = Pages()
    async with small_site(pages.answers(5)) as site:
        sweep = await stopped_while_auditing(database, site, tools, pages, after=3)
        other = replace(tools, engine=installed_engine(str(AXE_FILE_PATH)))
        assert other.engine.version != tools.engine.version
        before = await read_rows(database)
        with pytest.raises(UsageError) as refused:
            await run(database, sweep, other, asyncio.Event())
        assert "4.12" in refused.value.en
        assert tools.engine.version in refused.value.ja
        after = await read_rows(database)
        assert len(after["result"]) == len(before["result"]) > 0
        assert await run(database, sweep, tools, asyncio.Event())
        versions = set((await read_rows(database))["result"]["engine_version"])
    assert versions == {tools.engine.version}


async def test_another_engine_makes_other_results_of_the_same_pages(database: Database, tools: Tools) -> None:
    older = replace(tools, engine=installed_engine(str(AXE_FILE_PATH)))
    async with small_site({"/": OK}) as site:
        for each in (tools, older, tools):
            await sweep_now(database, plan_for(site.address("/")), each)
        rows = await read_rows(database)
    assert list(rows["result"]["engine_version"]) == [tools.engine.version, older.engine.version]
    assert rows["visit"]["result_id"].tolist() == [1, 2, 1], "an unchanged page shares its result"
    assert rows["sweep"]["rule_set"].nunique() == 2


async def test_another_try_that_is_refused_leaves_a_finished_sweep_as_it_is(
    database: Database, tools: Tools
) -> None:
    fails = iter([http(status="500 Internal Server Error")] * 2)
    page = for_browsers(lambda _: next(fails, OK))
    async with small_site({"/": linked("/a"), "/a": page}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        before = await read_rows(database)
        assert set(before["visit"]["reason"].dropna()) == {Reason.SERVER_ERROR}
        with pytest.raises(UsageError):
            other = replace(tools, engine=installed_engine(str(AXE_FILE_PATH)))
            await run(database, sweep, other, asyncio.Event(), again=True)
        with pytest.raises(BrowserMissing):
            await run(database, sweep, replace(tools, browser="/none"), asyncio.Event(), again=True)
        after = await read_rows(database)
        left_out = ["lease_owner", "lease_until"]
        for table in ("sweep", "visit"):
            assert after[table].drop(columns=left_out).equals(before[table].drop(columns=left_out))
        assert await run(database, sweep, tools, asyncio.Event(), again=True)
        assert (await conclude(database, sweep)).complete


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_of_two_sweeps_of_one_site_one_waits_and_both_share_results(database_url: str, tools: Tools) -> None:
    paths = [f"/{n}" for n in range(12)]
    pages: dict[str, Answer] = {
        path: html(f'<img src="/{path}.png" width="40" height="40">', title=path) for path in paths
    }
    async with (
        small_site({"/": linked(*paths), **pages}) as site,
        Database(database_url) as one, Database(database_url) as other,
    ):  # fmt: skip
        plan = plan_for(site.address("/"))
        both = (sweep_now(each, plan, tools) for each in (one, other))
        came = await asyncio.gather(*both, return_exceptions=True)
        assert {type(each) for each in came} == {int, Held}
        waited = next(sweep for sweep in (1, 2) if sweep not in came)
        assert await run(one, waited, tools, asyncio.Event())
        said = [await conclude(one, sweep) for sweep in (1, 2)]
        rows = await read_rows(one)
    assert [(each.complete, each.audited, each.places) for each in said] == [(True, 13, 12)] * 2
    assert len(rows["result"]) == 13
    assert len(rows["finding"]) == rows["finding"].drop_duplicates(["result_id", "position"]).shape[0]


async def test_where_a_script_leads_to_is_explored_and_audited(database: Database, tools: Tools) -> None:
    pages: dict[str, Answer] = {
        "/": linked("/away"),
        "/away": html("<script>location.replace('/there')</script>"),
        "/there": OK,
    }
    async with small_site(pages) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        visits = await visits_of(database, sweep, site)
    assert visits["/there"].state is VisitState.AUDITED
    assert (visits["/away"].reason, visits["/away"].leads_to_id) == (Reason.REDIRECT, visits["/there"].page_id)
    said = await conclude(database, sweep)
    assert (said.complete, said.known, said.selected) == (True, 3, 3)


async def test_a_page_that_leads_to_one_that_nobody_knows_leaves_the_sweep_incomplete(
    database: Database, tools: Tools
) -> None:
    away = html("<script>location.replace('/there')</script>")
    seen: Counter[str] = Counter()

    def answer(request: Request) -> bytes:
        seen[request.path] += by_browser(request)
        return away if seen[request.path] == 1 and by_browser(request) else OK

    async with small_site({"/": linked("/a"), "/a": answer, "/there": OK}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
    async with database.reading() as connection:
        notes = await notes_of(connection, sweep)
    assert notes == [{"about": "redirect", "address": site.address("/there"), "said": "only a script leads to it"}]
    assert not (await conclude(database, sweep)).complete


async def test_a_link_that_only_an_audited_page_shows_leaves_the_sweep_incomplete(
    database: Database, tools: Tools
) -> None:
    """Two pages with the same scripts showed nothing more; the third does, and exploring passed it over."""
    more = "document.body.insertAdjacentHTML('beforeend', '<a href=/only>x</a>')"
    links = "".join(f'<a href="/{name}">{name}</a>' for name in "abcd")
    pages = {
        f"/{name}": html(f"{links}<p>{name * 60}</p><script>if (location.pathname == '/d') {more}</script>")
        for name in "abcd"
    }
    async with small_site({"/": html(links), "/only": OK, **pages}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
    async with database.reading() as connection:
        notes = await notes_of(connection, sweep)
    assert notes == [{"about": "redirect", "address": site.address("/only"), "said": "only a script leads to it"}]
    assert not (await conclude(database, sweep)).complete


@pytest.mark.parametrize("page", [OK, html("<script>1</script>")], ids=["auditing", "reading links in the browser"])
async def test_a_host_that_is_busy_is_left_alone_as_long_as_it_asks(
    database: Database, tools: Tools, page: bytes
) -> None:
    times: list[float] = []

    def answer(request: Request) -> bytes:
        if not by_browser(request):
            return page
        times.append(time.monotonic())
        return http(status="503 Service Unavailable", Retry_After="2") if len(times) == 1 else page

    async with small_site({"/": answer}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
    assert (await conclude(database, sweep)).audited == 1
    assert times[1] - times[0] >= 2


async def test_a_failing_answer_in_the_browser_says_nothing_about_scripts(database: Database, tools: Tools) -> None:
    shows = "<script>document.querySelector('main').innerHTML += '<a href=/shown>次</a>'</script>"
    failing = iter([http(status="503 Service Unavailable", Retry_After="0")])

    def answer(request: Request) -> bytes:
        return next(failing, html(shows)) if by_browser(request) else html(shows)

    async with small_site({"/": answer, "/shown": OK}) as site:
        sweep = await sweep_now(database, plan_for(site.address("/")), tools)
        visits = await visits_of(database, sweep, site)
    assert visits["/shown"].state is VisitState.AUDITED


async def test_a_page_that_looks_different_has_a_result_and_a_picture_of_its_own(
    database: Database, tools: Tools
) -> None:
    image = '<img id="i" src="/i.png" width="40" height="40">'
    pages: dict[str, Answer] = {}
    async with small_site(pages) as site:
        for paper in ("#fff", "#def"):
            pages["/"] = html(image, head=f"<style>body {{background: {paper}}}</style>")
            await sweep_now(database, plan_for(site.address("/")), tools)
        rows = await read_rows(database)
    assert rows["visit"]["result_id"].tolist() == [1, 2]
    assert rows["result"]["picture_id"].nunique() == 2
    assert rows["defect"]["id"].tolist() == [1], "the fault is the same"


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_sweep_that_was_stopped_ends_with_the_rows_of_one_that_was_not(
    database: Database, tools: Tools
) -> None:
    pages = Pages()
    async with small_site(pages.answers(6)) as site:
        undisturbed = await sweep_now(database, plan_for(site.address("/")), tools)
        resumed = await stopped_while_auditing(database, site, tools, pages, after=3)
        left = Counter(visit.state for visit in (await visits_of(database, resumed, site)).values())
        assert left[VisitState.AUDITED] >= 1
        assert left[VisitState.SELECTED] >= 1
        assert await run(database, resumed, tools, asyncio.Event())
        ends = [
            {path: (visit.state, visit.reason, visit.tries) for path, visit in rows.items()}
            for rows in (await visits_of(database, undisturbed, site), await visits_of(database, resumed, site))
        ]
    assert ends[0] == ends[1]
    first, second = await conclude(database, undisturbed), await conclude(database, resumed)
    own = {"sweep": 0, "seed": 0, "health": None}  # which says how long it took
    assert replace(first, **own) == replace(second, **own)


async def test_errors_that_callers_know_come_out_by_themselves(database: Database, tools: Tools) -> None:
    async with small_site({"/": OK}) as site:
        sweep = await begin(database, plan_for(site.address("/")))
        with pytest.raises(BrowserMissing):
            await run(database, sweep, replace(tools, browser="/nowhere/chromium"), asyncio.Event())
    with pytest.raises(UsageError):
        await run(database, 999, tools, asyncio.Event())


# ── politeness ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("per_host", [1, 2])
async def test_as_many_pages_as_the_limit_are_asked_for_at_once_while_auditing(
    database: Database, tools: Tools, per_host: int
) -> None:
    open_now, highest = 0, 0

    async def slow(request: Request) -> bytes:
        nonlocal open_now, highest
        open_now += 1
        highest = max(highest, open_now)
        await asyncio.sleep(0.3)
        open_now -= 1
        return OK

    paths = [f"/{n}" for n in range(6)]
    pages: dict[str, Answer] = {"/": linked(*paths), **{path: for_browsers(slow) for path in paths}}
    async with small_site(pages) as site:
        await sweep_now(database, plan_for(site.address("/"), per_host=per_host), replace(tools, workers=3))
    assert highest == per_host


async def test_crawl_delay_keeps_pages_apart_also_in_the_browser_and_after_a_break(
    database: Database, tools: Tools
) -> None:
    delay = 0.8
    rules = http(f"User-agent: *\nCrawl-delay: {delay}".encode(), content_type="text/plain")
    paths = [f"/{n}" for n in range(3)]
    pages: dict[str, Answer] = {
        "/": html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths) + "<script>1</script>"),
        "/robots.txt": rules,
        **dict.fromkeys(paths, html("<p>本文</p>")),
    }
    async with small_site(pages) as site:
        sweep = await begin(database, plan_for(site.address("/")))
        assert await run(database, sweep, tools, asyncio.Event(), until=SweepState.AUDITING)
        explored = len(site.requests)
        assert await run(database, sweep, tools, asyncio.Event())
        documents = [each for each in site.requests if each.path in pages and each.path != "/robots.txt"]
        rendered = [each for each in site.requests[:explored] if by_browser(each) and each.path == "/"]
    assert len(rendered) == 1
    assert len([each for each in documents if by_browser(each)]) == 5
    gaps = [after.at - before.at for before, after in pairwise(documents)]
    assert min(gaps) > delay - 0.25, "a page in the browser starts a little after its turn"


# ── private networks ───────────────────────────────────────────────────────────────────────────────

PUBLIC = "203.104.130.1"


async def only_www(host: str, port: int) -> list[str]:
    """A name server for whom the test's site is public, although it is ours; all else is what it is."""
    if host == "www.example.jp":
        return [PUBLIC]
    return ["10.1.2.3"] if host == "intra.example.jp" else await resolve_by_system(host, port)


def reaching_for(port: int) -> bytes:
    """A page that tries in every way to reach private hosts, and that fails one rule itself."""
    targets = [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", "intra.example.jp", "[::1]")]
    tags = "".join(
        f'<img src="{to}/image" alt=""><iframe title="枠{n}" src="{to}/frame"></iframe>'
        f'<link rel="stylesheet" href="{to}/style"><script src="{to}/script"></script>'
        f'<object data="{to}/object" aria-label="物"></object><video src="{to}/video" aria-label="映像"></video>'
        for n, to in enumerate(targets)
    )
    script = "".join(
        f"fetch('{to}/fetch', {{mode: 'no-cors'}}).catch(() => 0); new Image().src = '{to}/new';"
        f"navigator.sendBeacon('{to}/beacon', 'x'); try {{ new WebSocket('{to.replace('http', 'ws')}/') }} catch {{}}"
        f"open('{to}/window');"
        for to in targets
    )
    redirected = '<img src="/redirected" alt=""><iframe title="転送" src="/redirected"></iframe>'
    return html(f'{tags}{redirected}<img id="i" src="/i.png"><script>{script}</script>')


async def test_a_page_of_a_public_site_reaches_nothing_private_and_is_audited(
    database: Database, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connection = asyncio.open_connection

    async def as_if_public(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await open_connection("127.0.0.1" if host == PUBLIC else host, port)

    monkeypatch.setattr(gates.asyncio, "open_connection", as_if_public)
    monkeypatch.setattr(working, "Gate", functools.partial(Gate, resolve=only_www))
    async with small_site(dict.fromkeys(("/page", "/script"), OK)) as private:
        to = f"http://127.0.0.1:{private.port}/page"
        pages: dict[str, Answer] = {
            "/": linked("/reaching", "/sent", "/scripted", "/a", to),
            "/reaching": for_browsers(reaching_for(private.port)),
            "/redirected": http(b"", status="302 Found", content_type=None, Location=to),
            "/sent": for_browsers(http(b"", status="302 Found", content_type=None, Location=to)),
            "/scripted": for_browsers(html(f"<script>location.href = '{to}'</script>")),
            "/a": OK,
        }
        async with small_site(pages) as site:
            start = site.address("/", host="www.example.jp")
            plan = plan_for(start, includes=("http*",), allow_private=False, page_seconds=30.0)
            sweep = await sweep_now(database, plan, tools)
            async with database.reading() as connection:
                rows = await connection.execute(
                    sa.select(Page.address, Visit.state, Visit.reason).join(Page, Page.id == Visit.page_id)
                )
                ends = {address.removeprefix(start): (state, reason) for address, state, reason in rows}
            rows = await read_rows(database)
        assert private.requests == []
    assert ends["reaching"] == (VisitState.AUDITED, None)
    assert ends["a"] == ends[""] == (VisitState.AUDITED, None)
    assert ends["sent"][1] is ends[to][1] is Reason.PRIVATE_ADDRESS
    assert ends["scripted"][0] is VisitState.UNAUDITED
    results = dict(zip(rows["page"]["address"], rows["page"]["id"], strict=True))
    reaching = rows["result"][rows["result"]["page_id"] == results[start + "reaching"]].iloc[0]
    assert {each["part"] for each in reaching["untested"]} == {"frame"}
    failed = rows["finding"][rows["finding"]["result_id"] == reaching["id"]]
    assert ["#i"] in list(failed[failed["rule"] == "image-alt"]["target"])
    assert (await conclude(database, sweep)).audited == 3


# ── samples and editions of the sample site ────────────────────────────────────────────────────────


async def chosen(
    database: Database, site: SampleSite, tools: Tools, **given: Any
) -> list[tuple[str, Part, int, str]]:
    """The draw of a sweep of the sample site that is explored and chosen, not audited."""
    plan = plan_for(site.url, exclusions=(CALENDAR,), **given)
    sweep = await sweep_now(database, plan, tools, until=SweepState.AUDITING)
    rows = await read_rows(database)
    draw = rows["draw"][rows["draw"]["sweep_id"] == sweep]
    visits, pages = rows["visit"].set_index("id"), rows["page"].set_index("id")
    paths = [pages.loc[visits.loc[each, "page_id"], "address"].removeprefix(site.url) for each in draw["visit_id"]]
    return list(zip(paths, draw["part"], draw["rank"], draw["why"], strict=True))


async def test_the_mixed_method_draws_thirty_at_random_and_fills_up_with_representatives(
    database: Database, tools: Tools
) -> None:
    with SampleSite() as site:
        one = await chosen(database, site, tools, seed=1)
        same = await chosen(database, site, tools, seed=1, method=Method.MIXED)
    assert one == same
    at_random, representative = (
        {path for path, part, _, _ in one if part is wanted} for wanted in (Part.RANDOM, Part.REPRESENTATIVE)
    )
    assert len(at_random) == 30
    assert len(at_random | representative) == 40
    why = {path: reason for path, part, _, reason in one if part is Part.REPRESENTATIVE}
    for path, stands_for in {
        "": "top", "accessibility/": "kind:accessibility", "contact/": "kind:contact",
        "sitemap.html": "kind:sitemap", "search/": "kind:search", "bousai/": "kind:emergency",
    }.items():  # fmt: skip
        assert stands_for in why[path].split(), path
    said = " ".join(why.values())
    assert "kind:form" in said
    assert "category" in said
    assert "template:" in said
    ranks = [rank for _, part, rank, _ in one if part is Part.REPRESENTATIVE]
    assert ranks == list(range(1, len(ranks) + 1))


async def test_a_sample_is_pictured_whole_and_estimates_from_its_random_part(
    database: Database, tools: Tools
) -> None:
    with SampleSite() as site:
        plan = plan_for(site.url, exclusions=(CALENDAR,), method=Method.MIXED, pages=9, at_random=5, seed=3)
        sweep = await sweep_now(database, plan, tools)
    rows = await read_rows(database)
    said = await conclude(database, sweep)
    assert (said.selected, said.audited, said.not_chosen) == (9, 9, 113)
    assert rows["result"]["picture_id"].notna().all(), "every page of a sample"
    random_part = rows["draw"][rows["draw"]["part"] == Part.RANDOM]["visit_id"]
    results = rows["visit"].set_index("id").loc[random_part, "result_id"]
    spoken = rows["sweep"]["rule_criteria"][0]
    failed = rows["finding"][rows["finding"]["outcome"] == Outcome.FAILED]
    problem = {row.result_id for row in failed.itertuples() if spoken[row.rule]}
    assert said.estimate is not None
    assert (said.estimate.frame, said.estimate.drawn, said.estimate.audited) == (122, 5, 5)
    assert said.estimate.problem_pages == len(problem & set(results))
    assert said.estimate.low <= said.estimate.problem_pages / 5 <= said.estimate.high


async def test_wcag_22_judges_what_jis_does_not_speak_about(database: Database, tools: Tools) -> None:
    with SampleSite() as site:
        judged = {}
        for edition in Edition:
            plan = plan_for(site.url + "contact/", edition=edition, level=Level.AA)
            judged[edition] = await sweep_now(database, plan, tools)
        rows = await read_rows(database)
        said = {edition: await conclude(database, sweep) for edition, sweep in judged.items()}
    results = rows["visit"].set_index("sweep_id")["result_id"]
    found = rows["finding"].assign(target=rows["finding"]["target"].map(tuple))
    by_edition = {edition: found[found["result_id"] == results[sweep]] for edition, sweep in judged.items()}
    wcag = by_edition[Edition.WCAG22]
    autocomplete = wcag[wcag["rule"] == "autocomplete-valid"]
    assert list(zip(autocomplete["outcome"], autocomplete["target"], strict=True)) == [(Outcome.FAILED, ("#mail",))]
    assert "autocomplete-valid" not in set(by_edition[Edition.JIS2016]["rule"])
    counts = {each.number: each for each in said[Edition.WCAG22].criteria}
    assert (counts["1.3.5"].problem_pages, counts["1.3.5"].places) == (1, 1)
    assert "4.1.1" not in counts
    assert len(counts) == 55
    assert len(said[Edition.JIS2016].criteria) == 38


def notices(kind: str) -> Callable[[str], bytes]:
    """What a wall gives the browser in place of a page: one document, one with a number, a consent that a script keeps."""
    number = itertools.count(0xA1B2C3)
    asking = """document.body.innerHTML = '<main><h1>市役所</h1><p>クッキーに同意してください。</p>'
        + '<button onclick="localStorage.agreed = document.cookie = 1; location.reload()">同意する</button></main>'"""
    said = "<p>ただいま大変混み合っております。{}</p>"
    return {
        "document": lambda _: html(said.format(""), title="市役所"),
        "number": lambda _: html(said.format(f"受付番号 {next(number):x}-{next(number)}"), title="市役所"),
        "consent": lambda name: html(
            f"<p>{name}の本文です</p><script>if (!localStorage.agreed) {asking}</script>", title="市役所"
        ),
    }[kind]


@pytest.mark.parametrize("kind", ["document", "number", "consent"])
async def test_a_wall_that_no_phrase_gives_away_is_blocked_and_never_clean(
    database: Database, tools: Tools, kind: str
) -> None:
    """Every page is explored; then the browser gets one and the same notice for all of them."""
    notice = notices(kind)
    pages = {f"/{name}": html(f'<p>{name}の本文です</p><img src="/i.png">', title=name) for name in "abcdef"}
    top = html("".join(f'<p><a href="{path}">{path}のページ</a></p>' for path in pages))

    def answering(answer: bytes) -> Callable[[Request], bytes]:
        return lambda request: notice(request.path) if by_browser(request) else answer

    site = {path: answering(answer) for path, answer in ({"/": top} | pages).items()}
    async with small_site(site) as server:
        sweep = await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
    conclusion = await conclude(database, sweep)
    assert conclusion.audited == 0
    assert conclusion.unaudited == {Reason.BLOCKED: 7}
    assert not conclusion.complete
