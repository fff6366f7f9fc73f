"""Sweeps that are asked for in the application: begun, stopped, gone on with after a restart, with the numbers of any other."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright

from audits import recheck as rechecking
from audits import runner
from audits.asked import ask_again, ask_recheck, ask_stop, settled
from audits.conclude import conclude, sweep_row
from audits.engine import installed_engine
from audits.fleet.crew import Crew
from audits.fleet.needs import Act, Need, needs
from audits.recheck import Aim, aim_of
from audits.sweep import begin, run
from audits.work import Tools
from db.database import Database
from db.leases import LEASE, hold_sweep, this_process
from db.tables import Defect, Page, Sweep, Trail
from db.types import now
from db.words import Done, Method, Role, SweepState
from reports.access.accounts import Grant
from reports.summary import as_json
from reports.web.standing import Standing, standing
from tests.audits.sites import html, small_site
from tests.audits.swept import plan_for, sweep_now
from tests.cli.servers import Answer, plain, serving
from tests.cli.small import small_site as pages_of_small_site
from tests.web.serving import Served, person

LONG = 120.0  # seconds


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that takes its time."""
    ends = time.monotonic() + LONG
    while not await true():
        assert time.monotonic() < ends, "it did not come"
        await asyncio.sleep(0.1)


async def row_of(database: Database, sweep: int) -> Sweep:
    async with database.reading() as connection:
        return await sweep_row(connection, sweep)


async def stands(database: Database, sweep: int) -> Standing:
    return standing(await row_of(database, sweep), now())


OWN = ("sweep", "seed", "rule_set_before", "health")  # what it was held against, and how long it took


def told(numbers: dict[str, Any]) -> dict[str, Any]:
    """What a sweep says of its site, without what is the sweep's own."""
    return {name: value for name, value in numbers.items() if name not in OWN}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_begun_stopped_resumed_and_restarted_it_says_what_an_undisturbed_sweep_says(
    database: Database, database_url: str, chromium: str
) -> None:
    slowly, repaired = False, False
    quick = pages_of_small_site()

    def answer(path: str) -> Answer:
        time.sleep(0.4 if slowly else 0)
        return plain("一の一", "<p>直りました。</p>") if repaired and path == "/a/1.html" else quick(path)

    async def said(tab: Tab, word: str) -> None:
        await tab.locator(f"#progress .standing.{word}").wait_for(timeout=LONG * 1000)

    with serving(answer) as site:
        tools = Tools(engine=installed_engine(), browser=chromium, workers=2)
        undisturbed = await sweep_now(database, plan_for(site.url, method=Method.ALL), tools)
        who = await person(database, "sato", Grant(role=Role.OPERATOR))
        slowly = True
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            with Served(database_url, runs_sweeps=True, browser=chromium) as origin:
                context = await browser.new_context()
                await context.add_cookies([{"name": "jisweep", "value": who.cookies["jisweep"], "url": origin}])
                tab = await context.new_page()
                await tab.goto(f"{origin}/sites/1")
                await tab.click("a.button.main")
                await tab.click("main button.main")
                assert tab.url == f"{origin}/sweeps/2?done=sweep_asked"
                await said(tab, "running")  # it shows by itself, without a click
                assert await tab.locator("#progress .line").inner_text() != ""
                await tab.goto(f"{origin}/sweeps/2")
                await tab.click("form[action$='/stop'] button")
                await said(tab, "paused")
                stopped = await row_of(database, 2)
                assert (stopped.state is SweepState.FINISHED, stopped.lease_owner) == (False, None)
                await tab.goto(f"{origin}/sweeps/2")
                await tab.click("form[action$='/resume'] button")
                await said(tab, "running")
            await until(lambda: _free(database, 2))
            assert (await row_of(database, 2)).state is not SweepState.FINISHED
            await browser.close()
        assert await stands(database, 2) is Standing.WAITING
        slowly = False
        with Served(database_url, runs_sweeps=True, browser=chromium):
            await until(lambda: _done(database, 2))
            before, after = [await conclude(database, each) for each in (undisturbed, 2)]
            assert told(as_json(after, None)) == told(as_json(before, None))
            repaired = True
            async with database.writing() as connection:
                aim = await rechecking.aim_at_page(connection, await page_of(connection, f"{site.url}a/1.html"))
                again = await ask_recheck(connection, aim, "佐藤")
            await until(lambda: _done(database, again))
        async with database.reading() as connection:
            seen = await rechecking.seen(connection, again, aim)
            done = list(await connection.scalars(sa.select(Trail.done).order_by(Trail.id)))
    assert [(each.audited, each.places) for each in seen] == [(True, 0)]
    assert done == [Done.SWEEP_ASKED, Done.SWEEP_STOPPED, Done.SWEEP_ASKED]


async def page_of(connection: Any, address: str) -> int:
    return int((await connection.scalars(sa.select(Page.id).where(Page.address == address))).one())


async def _free(database: Database, sweep: int) -> bool:
    return (await row_of(database, sweep)).lease_owner is None


async def _done(database: Database, sweep: int) -> bool:
    row = await row_of(database, sweep)
    assert row.halted is None, row.halted
    return row.state is SweepState.FINISHED and row.asked_at is None


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_who_runs_a_sweep_at_a_terminal_heeds_the_request_to_stop_and_may_go_on_later(
    database: Database, chromium: str
) -> None:
    links = "".join(f'<a href="/{number}">{number}</a>' for number in range(30))
    pages: dict[str, Any] = {
        f"/{number}": html(f"<p>第{number}回のご案内です。", title=f"{number}") for number in range(30)
    }
    async with small_site({"/": html(links), **pages}) as server:
        sweep = await begin(database, plan_for(server.address(), delay=0.2, method=Method.ALL))
        tools = Tools(engine=installed_engine(), browser=chromium)

        async def running() -> bool:
            return await run(database, sweep, tools, asyncio.Event(), until=SweepState.CHOOSING)

        first = asyncio.create_task(running())
        await until(lambda: _held(database, sweep))
        assert await stands(database, sweep) is Standing.RUNNING
        async with database.writing() as connection:
            await ask_stop(connection, sweep)
        assert await stands(database, sweep) in (Standing.STOPPING, Standing.PAUSED)
        assert await first is False
        assert len(server.requests) < 30
        assert await stands(database, sweep) is Standing.PAUSED
        assert await following(database, False) is None  # it is the terminal's
        assert await running() is True  # what was asked before it began is no request to it


async def following(database: Database, recheck: bool) -> int | None:
    """The wanted sweep, or recheck, that comes next."""
    async with database.reading() as connection:
        return next((each.sweep for each in await needs(connection) if each.recheck == recheck), None)


async def _held(database: Database, sweep: int) -> bool:
    return not await _free(database, sweep)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_outside_its_window_a_sweep_makes_room_for_others(database: Database, chromium: str) -> None:
    later = f"{now() + timedelta(hours=11):%H}:00"
    async with small_site({"/": html("<p>窓口")}) as server:
        sweep = await begin(database, plan_for(server.address(), window=f"{later}-{later[:3]}01"))
        async with database.writing() as connection:
            await ask_again(connection, sweep, "佐藤")
        need = Need(
            sweep=sweep, act=Act.PREPARE, asked_at=now(), recheck=False, takes=1
        )  # as when it closes just then
        async with Crew(database, lambda: Tools(engine=installed_engine(), browser=chromium), places=1) as crew:
            await asyncio.wait_for(crew.see_to(need), LONG)
        assert server.requests == []
    assert await stands(database, sweep) is Standing.WAITING  # until the window opens


async def test_only_what_is_wanted_free_and_in_its_window_is_run(database: Database) -> None:
    sweeps = [
        await begin(database, plan_for(f"https://{name}.example.jp/", window=window))
        for name, window in (("a", ""), ("b", ""), ("c", f"{now() + timedelta(hours=11):%H}:00-{now() + timedelta(hours=11):%H}:01"))
    ]  # fmt: skip
    a, b, closed = sweeps

    assert await following(database, False) is None
    async with database.writing() as connection:
        for sweep in (closed, b, a):
            await ask_again(connection, sweep, "佐藤")
    assert await stands(database, b) is Standing.WAITING
    assert await following(database, False) == b  # asked for before the other
    async with database.writing() as connection:
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == b).values(lease_owner="elsewhere/1/1", lease_until=now() + LEASE)
        )
    assert await stands(database, b) is Standing.RUNNING
    assert await following(database, False) == a
    async with database.writing() as connection:
        await ask_stop(connection, a)
    assert await following(database, False) is None
    assert await stands(database, a) is Standing.PAUSED
    async with database.writing() as connection:
        await ask_again(connection, a, "佐藤")
        assert await hold_sweep(connection, a, this_process()) is None
    assert await following(database, False) == a  # ours from before a restart within one process
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).where(Sweep.id == a).values(lease_owner=None, lease_until=None))
        await settled(connection, a, {"ja": "だめ", "en": "no"})
    assert (await stands(database, a), await following(database, False)) == (Standing.HALTED, None)
    async with database.writing() as connection:
        await ask_again(connection, a, "佐藤")
    assert (await row_of(database, a)).halted is None
    assert await stands(database, closed) is Standing.WAITING


async def test_a_recheck_that_waits_is_not_begun_twice_and_knows_what_it_is_for(
    database: Database, sweep: int
) -> None:
    async with database.writing() as connection:
        defect, page = await connection.scalar(sa.select(sa.func.min(Defect.id))), 1
        assert defect is not None
        aim = Aim(site=1, pages={defect: [page]})
        first = await ask_recheck(connection, aim, "佐藤")
        assert await ask_recheck(connection, aim, "鈴木") == first
        await ask_stop(connection, first)
        second = await ask_recheck(connection, aim, "鈴木")
    assert second != first
    kept, before = aim_of(await row_of(database, second))
    assert (kept, set(before)) == (aim, {defect})
    assert await following(database, True) == second
    assert await following(database, False) is None


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_what_keeps_a_sweep_from_running_is_told_and_it_is_not_tried_again(database: Database) -> None:
    sweep = await begin(database, plan_for("http://127.0.0.1:9/"))
    async with database.writing() as connection:
        await ask_again(connection, sweep, "佐藤")

    def tools() -> Tools:
        return Tools(engine=installed_engine(), browser="/nowhere/chromium")

    async with runner.standing_by(database, tools):
        await until(lambda: _halted(database, sweep))
    row = await row_of(database, sweep)
    assert row.halted is not None
    assert "/nowhere/chromium" in row.halted["ja"]
    assert row.asked_at is None


async def _halted(database: Database, sweep: int) -> bool:
    return (await row_of(database, sweep)).halted is not None
