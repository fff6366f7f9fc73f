"""The overview and organisations: the numbers that trends and comparisons tell, to whom they are open, in few statements."""

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from playwright.async_api import Page, async_playwright
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import State

from audits.compare import compare
from audits.cycles.progress import Memory
from audits.defects.cover import day_of, today
from audits.defects.reconcile import reconcile
from audits.defects.settling import Daily
from audits.trends.kept import keep_points
from audits.trends.periods import Period
from audits.trends.portrait import Portrait, portrait_of
from audits.trends.trend import trend_of
from db.database import Database
from db.tables import Assertion, Cycle, CycleSite, Defect, Organisation, Sweep, Visit
from db.words import Assertor, DefectState, Level, Role
from reports.access.accounts import Grant
from reports.trend_view import rows_of, site_rows
from reports.web.app import application
from reports.web.portraits import Portraits
from reports.web.settings import WebSettings
from reports.web.warming import warm
from tests.audits.trending import Histories
from tests.db.asked import statements
from tests.own_audit import AUDIT, AXE_SCRIPT
from tests.web.serving import Person, Served, browsing, person


async def organisation(connection: AsyncConnection, name: str, parent: int | None = None) -> int:
    number = await connection.scalar(
        sa.insert(Organisation).values(name=name, parent_id=parent).returning(Organisation.id)
    )
    assert number is not None
    return number


async def town(database: Database) -> dict[str, int]:
    """都 over 局 with two sites, and 庁 with two: a census and a draw of two sweeps, a site swept once, one of other rules since."""
    last = today() - timedelta(days=3)
    async with database.writing() as connection:
        top = await organisation(connection, "都")
        bureau, office = await organisation(connection, "局", top), await organisation(connection, "庁<b>", top)
        rows = Histories(connection=connection)
        census, drawn = await rows.sites(2, bureau, "a")
        once, broken = await rows.sites(2, office, "b")
        [alone] = await rows.sites(1, None, "c")
        for ago, failing in ((95, 8), (0, 5)):
            day = last - timedelta(days=ago)
            await rows.sweeps(
                [census], day, {"image-alt": range(failing), "region": [9]}, pages=20, lost=[19] if not ago else ()
            )
            await rows.sweeps([drawn], day, {"image-alt": range(0, 200, 4)}, pages=200, drawn=range(ago, ago + 60))
            rules = {"rule_set": "other"} if ago else {}
            await rows.sweeps([broken], day, {"label": [0]}, **rules)
        await rows.sweeps([once], last, {})
        await surveyed(connection, census)
        sweeps = list(await connection.scalars(sa.select(Sweep.id).order_by(Sweep.finished_at, Sweep.id)))
        for sweep in sweeps:
            await reconcile(connection, sweep)
        await keep_points(connection)
        late = {"owner": "A", "due_on": last, "state": DefectState.PLANNED}
        first = sa.select(sa.func.min(Defect.id)).where(Defect.site_id == census).scalar_subquery()
        await connection.execute(sa.update(Defect).where(Defect.id == first).values(late))
        cycle = await connection.scalar(
            sa.insert(Cycle)
            .values(
                name="第1回<i>",
                begins_on=last,
                ends_on=last + timedelta(days=60),
                target_on=last + timedelta(days=60),
                rate=0.3,
            )
            .returning(Cycle.id)
        )
        await connection.execute(
            sa.insert(CycleSite), [{"cycle_id": cycle, "site_id": each} for each in (census, drawn)]
        )
    return {
        "top": top, "bureau": bureau, "office": office, "census": census, "drawn": drawn, "once": once, "broken": broken,
        "alone": alone, "cycle": cycle or 0,
    }  # fmt: skip


async def surveyed(connection: AsyncConnection, site: int) -> None:
    """Let the site's sweeps have checked the ministry's conditions, which one page of the last sweep meets."""
    await connection.execute(sa.update(Sweep).where(Sweep.site_id == site).values(mic="miChecker 3.2"))
    last = sa.select(sa.func.max(Sweep.id)).where(Sweep.site_id == site).scalar_subquery()
    result = await connection.scalar(sa.select(sa.func.max(Visit.result_id)).where(Visit.sweep_id == last))
    said = {
        "criterion": "1.1.1",
        "assertor": Assertor.MIC,
        "level": Level.A,
        "failed_places": 2,
        "cant_tell_places": 0,
    }
    await connection.execute(sa.insert(Assertion).values(result_id=result, **said))


async def table(client: httpx.AsyncClient, path: str, name: str) -> list[list[str]]:
    """All rows of a table as its CSV file has them, below the headings."""
    url = httpx.URL(path).copy_merge_params({"as": "csv", "table": name})
    text = (await client.get(url)).text.removeprefix("\N{BYTE ORDER MARK}")
    return list(csv.reader(io.StringIO(text)))[1:]


async def test_sites_and_units_have_the_numbers_that_trends_and_comparisons_tell(
    database: Database, origin: str
) -> None:
    of = await town(database)
    who = await person(database, "m", Grant(role=Role.MANAGER))
    async with browsing(origin, who) as client:
        sites = {row[0]: row for row in await table(client, "/?sites.sort=address", "sites")}
        units = {row[0]: row for row in await table(client, "/", "units")}
        page = (await client.get("/")).text
        office = (await client.get(f"/organisations/{of['office']}")).text
    async with database.reading() as connection:
        trend = await trend_of(connection, [of["census"], of["drawn"], of["once"], of["broken"]], alone=False)
        addresses = {each.id: each.address for each in trend.sites}
        portrait = await portrait_of(connection, addresses, Period(first=date(2020, 1, 1), last=today()))
    for site, row, _ in site_rows(trend):
        assert row is not None
        assert row.estimate is not None
        assert float(sites[addresses[site]][1]) == pytest.approx(row.estimate.rate, abs=5e-5)
    for site, row, _ in site_rows(trend):  # and what it stands on, in the file as on the screen
        assert row is not None
        estimate = row.estimate
        assert estimate is not None
        shown = sites[addresses[site]][8:]
        assert f"{estimate.problem_pages} / {estimate.audited}" in shown[0]
        assert sites[addresses[site]][7] == day_of(portrait.faces[site].last.point.at).isoformat()  # type: ignore[union-attr]
    assert "ポイント" in sites[addresses[of["drawn"]]][9]
    assert "〜" in sites[addresses[of["drawn"]]][9]
    for site in ("census", "drawn"):
        found = await compare(database, *[step.point.sweep for step in trend.steps[of[site]]])
        shift = portrait.faces[of[site]].shift
        assert shift is not None
        measure = found.problem_pages
        assert (shift.difference, shift.low, shift.high, shift.change) == (
            measure.difference, measure.low, measure.high, measure.change,
        )  # fmt: skip
        assert float(sites[addresses[of[site]]][3]) == pytest.approx(shift.difference, abs=5e-5)
    assert sites[addresses[of["once"]]][3] == "前の調査がありません"
    assert sites[addresses[of["broken"]]][3] == "比べられません（判定規則が違う）"
    assert [row[1:4] for address, row in sites.items() if address not in addresses.values()] == [
        ["", "", "まだ調査がありません"]
    ]
    assert (sites[addresses[of["census"]]][5:7], units["局"][6:8]) == (["2", "1"], ["3", "1"])
    async with database.reading() as connection:
        bureau = await trend_of(
            connection, [of["census"], of["drawn"]], alone=False, first=today() - timedelta(days=30)
        )
    [*_, whole] = rows_of(bureau)
    assert whole.estimate is not None
    assert float(units["局"][2]) == pytest.approx(whole.estimate.rate, abs=5e-5)
    assert (units["庁<b>"][1], units["庁<b>"][4]) == ("2", "言えません")
    assert "組織に入っていないサイト" in units
    assert "問題のあるページは" in page
    assert "庁<b>" not in page, "names are no markup"
    assert f'href="/cycles/{of["cycle"]}"' in page
    assert 'class="target"' in page
    assert "（miChecker 3.2）では、1サイトの分析できた19ページのうち1ページ（5.3%）" in page
    assert "28.49%" in page, "published rates stand beside the rate by the ministry's conditions"
    assert "総務省が公表した割合は" in office, "and nowhere else, with why"
    assert "28.49%" not in office


async def test_a_rate_names_the_sites_that_it_is_of_and_why_others_are_not_in_it(
    database: Database, origin: str
) -> None:
    of = await town(database)
    async with database.writing() as connection:  # a site of the office is judged by rules of its own
        rows = Histories(connection=connection)
        further = await rows.sites(1, of["office"], "d")
        await rows.sweeps(further, today() - timedelta(days=1), {"label": [0, 1]}, rule_set="other")
        await keep_points(connection)
    who = await person(database, "m", Grant(role=Role.MANAGER))
    team = await person(database, "team", Grant(role=Role.WEB_TEAM, site=of["drawn"]))
    async with browsing(origin, who) as client:
        home = LexborHTMLParser((await client.get("/")).text)
        said = home.body.text()
        assert "判定規則がほかのサイトの多くと違う：1サイト" in said
        assert "この期間の調査がない：1サイト" in said
        links = [
            link for link in home.css("#units td a, #points td a") if "/rates" in (link.attributes["href"] or "")
        ]
        told = {
            link.attributes["href"] or "": link.text()
            for link in links
            if re.fullmatch(r"\d+ / \d+", link.text(strip=True))
        }
        assert len(told) > 5
        for href, text in told.items():
            listed = await table(client, href, "sites")
            counted = [row for row in listed if row[1] == "入る"]
            assert text.strip() == f"{len(counted)} / {len(listed)}", href
        [office] = [
            row for row in await table(client, f"/rates?organisation={of['office']}", "sites") if row[1] != "入る"
        ]
        assert office[1] == "入らない：判定規則がほかのサイトの多くと違う"
        units = {row[0]: row for row in await table(client, "/", "units")}
        assert units["庁<b>"][1] == "2", "in the file, too, the sites that the rate is of"
        for wrong in ("organisation=999", "organisation=x", "of=1999-01-01", "by=cycle&of=99"):
            assert (await client.get(f"/rates?{wrong}")).status_code == 404, wrong
    async with browsing(origin, team) as client:
        assert len(await table(client, "/rates?organisation=none", "sites")) == 1
        assert (await client.get(f"/rates?organisation={of['bureau']}")).status_code == 404


async def test_a_rate_of_a_sweep_before_the_last_is_said_to_be_that(database: Database, origin: str) -> None:
    of, told_on, last = await town(database), today() - timedelta(days=3), today() - timedelta(days=1)
    async with database.writing() as connection:  # a last sweep that says nothing of the whole site
        rows = Histories(connection=connection)
        await rows.sweeps([of["alone"]], told_on, {"label": [0]})
        [silent] = await rows.sweeps([of["alone"]], last, {}, lost=range(10))
        await keep_points(connection)
    who = await person(database, "m", Grant(role=Role.MANAGER))
    async with browsing(origin, who) as client:
        home = (await client.get("/")).text
        [site] = [row for row in await table(client, "/", "sites") if row[0].startswith("https://c0.")]
        rates = await table(client, "/rates", "sites")
    assert site[7] == last.isoformat()
    day = f"{told_on.year}年{told_on.month}月{told_on.day}日"
    assert f"割合は{day}の調査のもの" in site[-1]
    assert "1サイトの割合は、最後の調査のものではありません" in home
    [behind] = [row for row in rates if row[0].startswith("https://c0.")]
    assert behind[1] == "入る"
    assert f"調査 {silent}" in behind[-1], behind
    assert sum("からは割合を言えません" in row[-1] for row in rates) == 1


async def test_a_reader_sees_what_the_roles_reach(database: Database, origin: str) -> None:
    of = await town(database)
    office = await person(database, "office", Grant(role=Role.MANAGER, organisation=of["office"]))
    team = await person(database, "team", Grant(role=Role.WEB_TEAM, site=of["drawn"]))
    nobody = await person(database, "nobody")
    async with browsing(origin, office) as client:
        assert [row[0] for row in await table(client, "/", "units")] == ["都/庁<b>"]
        assert len(await table(client, "/", "sites")) == 2
        assert (await client.get(f"/organisations/{of['office']}")).status_code == 200
        for hidden in (of["top"], of["bureau"], 999, 2**70):
            assert (await client.get(f"/organisations/{hidden}")).status_code == 404
    async with browsing(origin, team) as client:
        [units] = await table(client, "/", "units")
        assert units[0] == "個別に見るサイト", "it belongs to an organisation, which this reader does not see"
        assert len(await table(client, "/defects?organisation=none", "defects")) == int(units[6]) > 0
        assert 'href="/defects?organisation=none"' in (await client.get("/")).text
        [site] = await table(client, "/", "sites")
        assert (site[0].startswith("https://a1."), site[5]) == (True, "1")
        assert (await client.get(f"/organisations/{of['bureau']}")).status_code == 404
    async with browsing(origin, nobody) as client:
        answer = await client.get("/")
        assert (answer.status_code, "まだ見られるサイトがありません" in answer.text) == (200, True)
        assert await table(client, "/", "sites") == []


async def asked_for(
    database: Database, who: Person, paths: Sequence[str], portraits: Portraits | None = None
) -> dict[str, int]:
    """How many statements each page takes."""
    app = application(WebSettings(database=str(database.url), public="http://127.0.0.1:1"), database)
    app.state.database = database
    app.state.portraits = portraits or app.state.portraits
    counted = {}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1", cookies=who.cookies) as client:
        for path in paths:
            with statements(database) as asked:
                assert (await client.get(path)).status_code == 200
            counted[path] = len([each for each in asked if not each.startswith("BEGIN")])
    return counted


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_number_of_statements_does_not_grow_with_the_sites(database: Database) -> None:
    of = await town(database)
    who = await person(database, "m", Grant(role=Role.ADMINISTRATOR))
    paths = ["/", "/?sites.sort=-open", "/?by=cycle", f"/organisations/{of['top']}", "/sites"]
    few = await asked_for(database, who, paths)
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        for number in range(8):
            below = await organisation(connection, f"部{number}", of["bureau"])
            made = await rows.sites(10, below, f"n{number}-")
            for ago in (90, 5):
                await rows.sweeps(made, today() - timedelta(days=ago), {"image-alt": range(3)}, pages=4)
        await keep_points(connection)
    many = await asked_for(database, who, paths)
    assert few["/"] <= 12
    assert all(many[path] <= few[path] for path in paths), (few, many)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_how_all_sites_stand_is_worked_out_before_somebody_asks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await town(database)
    who = await person(database, "m", Grant(role=Role.MANAGER))
    cold, portraits = await asked_for(database, who, ["/"]), Portraits()
    await warm(database, State({"daily": Daily(), "cycles": Memory(), "portraits": portraits}))
    assert (await asked_for(database, who, ["/"], portraits))["/"] < cold["/"], "no point is read again"
    worked_out, together = list[Any](), Portrait._together

    def noted(portrait: Portrait, sites: Any) -> Any:
        worked_out.append(sites)
        return together(portrait, sites)

    monkeypatch.setattr(Portrait, "_together", noted)
    await asked_for(database, who, ["/", f"/organisations/{of['top']}"], portraits)
    assert worked_out == [], "nor is anything rolled up again, of what is two steps below either"


async def faults(page: Page, path: str, width: int) -> list[str]:
    """What is wrong with a page at a width, in words."""
    await page.set_viewport_size({"width": width, "height": 900})
    answer = await page.goto(path)
    assert answer is not None
    assert answer.status == 200
    await page.evaluate(AXE_SCRIPT)
    found = [f"{rule['id']} {rule['nodes'][0]['target']}" for rule in json.loads(await page.evaluate(AUDIT))]
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    return [f"{path} at {width}: {fault}" for fault in found]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_pages_stand_our_own_audit(database: Database, database_url: str, chromium: str) -> None:
    of = await town(database)
    who = await person(database, "m", Grant(role=Role.MANAGER))
    nobody = await person(database, "nobody")
    wrong: list[str] = []
    with Served(database_url) as origin:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for lang, theme in (("ja", "auto"), ("en", "contrast"), ("ja", "dark")):
                context = await browser.new_context(bypass_csp=True)
                choices: dict[str, Any] = {"jisweep": who.cookies["jisweep"], "lang": lang, "theme": theme}
                await context.add_cookies(
                    [{"name": name, "value": value, "url": origin} for name, value in choices.items()]
                )
                page = await context.new_page()
                for path in ("/", f"/organisations/{of['bureau']}?by=month", "/rates"):
                    for width in (1280, 320):
                        wrong += await faults(page, f"{origin}{path}", width)
                await context.close()
            context = await browser.new_context(bypass_csp=True)
            await context.add_cookies([{"name": "jisweep", "value": nobody.cookies["jisweep"], "url": origin}])
            wrong += await faults(await context.new_page(), f"{origin}/", 320)
            context = await browser.new_context(forced_colors="active", color_scheme="dark")
            chosen = {"jisweep": who.cookies["jisweep"], "theme": "light"}  # our light chart on the reader's black
            await context.add_cookies(
                [{"name": name, "value": value, "url": origin} for name, value in chosen.items()]
            )
            page = await context.new_page()
            await page.goto(f"{origin}/")
            drawn = "getComputedStyle(document.querySelector('.chart text')).fill == getComputedStyle(document.body).color"
            if not await page.evaluate(drawn):
                wrong.append("forced colours: the chart keeps its own ink")
            await browser.close()
    assert wrong == []
