"""Auditing as a guest: walls in the browser are no results, hosts that refuse the browser are left alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio

from audits import auditing
from audits import work as working
from audits.conclude import conclude
from audits.sweep import Tools, begin, run
from crawler.notes import notes_of
from crawler.politeness import Patience
from crawler.windows import TOKYO
from db.database import Database
from db.words import Reason, SweepState
from tests.audits import browsers
from tests.audits.browsers import shared_browsers
from tests.audits.sites import Answer, asked, by_browser, html, small_site
from tests.audits.swept import plan_for, read_rows, sweep_now
from tests.crawler.servers import Request, http
from tests.crawler.test_blocking import AKAMAI, CONTACT, RECAPTCHA

QUICK = Patience(failures=3, pause=0.05, pauses=2)

pytestmark = pytest.mark.asyncio(loop_scope="module")
database = browsers.database


@pytest.fixture
def backend() -> str:
    """SQLite: what hosts do is the same for both databases."""
    return "sqlite"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_by_one(tools: Tools) -> AsyncIterator[Tools]:
    async with shared_browsers() as driver:
        yield replace(tools, driver=driver, workers=1)


def page(source: str, status: str = "200 OK") -> bytes:
    return http(source.encode(), status=status, content_type="text/html; charset=utf-8")


def to_browsers(wall: bytes) -> Callable[[Request], bytes]:
    """A site that lets other clients in, and shows browsers driven by programs a wall."""
    return lambda request: wall if by_browser(request) else html("よい")


def linked(*paths: str) -> bytes:
    return html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths))


@pytest.mark.parametrize("wall", [page(RECAPTCHA), page(AKAMAI, "403 Forbidden")], ids=["200", "403"])
async def test_a_wall_in_the_browser_is_no_result(database: Database, one_by_one: Tools, wall: bytes) -> None:
    site: dict[str, Answer] = {
        "/": linked("/wall", "/contact"), "/wall": to_browsers(wall), "/contact": page(CONTACT)
    }  # fmt: skip
    async with small_site(site) as server:
        sweep = await sweep_now(database, plan_for(server.address()), one_by_one)
    said = await conclude(database, sweep)
    assert said.unaudited == {Reason.BLOCKED: 1}
    assert (said.audited, said.complete) == (2, False)
    visits = (await read_rows(database))["visit"]
    [detail] = visits[visits["reason"] == Reason.BLOCKED]["detail"]
    assert "in the browser" in detail


async def test_a_site_that_refuses_the_browser_from_some_page_on_is_left_alone_and_said_to_be_blocked(
    database: Database, one_by_one: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_patience(monkeypatch)
    shown = [0]

    def refusing(request: Request) -> bytes:
        shown[0] += by_browser(request)
        return page(AKAMAI, "403 Forbidden") if by_browser(request) and shown[0] > 3 else html("よい")

    paths = [f"/{number:02}" for number in range(25)]
    async with small_site({"/": linked(*paths), **dict.fromkeys(paths, refusing)}) as server:
        sweep = await sweep_now(database, plan_for(server.address()), one_by_one)
    said = await conclude(database, sweep)
    assert said.unaudited == {Reason.BLOCKED: 22}
    assert not said.complete
    assert len(set(asked(server, browser=True)) & set(paths)) < 12
    async with database.reading() as connection:
        [note] = await notes_of(connection, sweep)
    assert (note["about"], note["address"]) == ("blocked", "127.0.0.1")


async def test_a_page_that_robots_txt_has_come_to_disallow_is_not_audited(
    database: Database, one_by_one: Tools
) -> None:
    given = [http(b"", content_type="text/plain"), http(b"User-agent: *\nDisallow: /a", content_type="text/plain")]
    site: dict[str, Answer] = {
        "/": linked("/a", "/b"), "/a": html("よい"), "/b": html("よい"),
        "/robots.txt": lambda _: given.pop(0),
    }  # fmt: skip
    async with small_site(site) as server:
        sweep = await sweep_now(database, plan_for(server.address()), one_by_one, until=SweepState.AUDITING)
        assert await run(database, sweep, one_by_one, asyncio.Event())  # as after a break: it is read anew
    said = await conclude(database, sweep)
    assert said.unaudited == {Reason.ROBOTS: 1}
    assert "/a" not in asked(server, browser=True)


async def test_outside_its_window_a_sweep_stops_when_asked_to_and_goes_on_within(
    database: Database, one_by_one: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(TOKYO)
    closed = f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    async with small_site({"/": html("よい")}) as server:
        plan = plan_for(server.address(), window=closed, stop_outside=True)
        sweep = await begin(database, plan)
        assert not await run(database, sweep, one_by_one, asyncio.Event())
        assert server.requests == []
        manners = working.manners_of
        monkeypatch.setattr(working, "manners_of", lambda limits: manners(replace(limits, window="")))
        assert await run(database, sweep, one_by_one, asyncio.Event())
    assert (await conclude(database, sweep)).complete


async def test_a_page_that_waits_long_for_its_turn_keeps_its_lease(
    database: Database, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "RENEW", 0.05)
    renewed: list[int] = []
    renew = auditing.renew_visits

    async def counted(connection: object, visits: list[int], owner: str) -> None:
        renewed.extend(visits)
        await renew(connection, visits, owner)  # type: ignore[arg-type]

    monkeypatch.setattr(auditing, "renew_visits", counted)
    async with small_site({"/": linked("/a", "/b"), "/a": html("よい"), "/b": html("よい")}) as server:
        plan = plan_for(server.address(), delay=1.0)
        sweep = await sweep_now(database, plan, tools)
    assert (await conclude(database, sweep)).audited == 3
    assert len(set(renewed)) >= 2


def with_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sweeps be as patient with hosts that fail as a test can wait for."""
    manners = working.manners_of
    monkeypatch.setattr(working, "manners_of", lambda limits: replace(manners(limits), patience=QUICK))
