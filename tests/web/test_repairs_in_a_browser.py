"""Pages and defects in a real browser: our own audit finds nothing, and a web team gets from fault to repair by keyboard alone."""

import io
import json
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright
from pypdf import PdfReader

from audits.defects import book, excepting
from audits.defects.cover import today
from audits.defects.excepting import Said
from audits.defects.reconcile import reconcile
from audits.engine import installed_engine
from audits.work import Tools
from db.database import Database
from db.tables import Defect, Page, Sweep
from db.words import DefectState, ExceptionReason, Method, Role
from reports.access.accounts import Grant
from tests.audits.sites import Answer, html, small_site
from tests.audits.swept import plan_for, sweep_now
from tests.own_audit import AUDIT, AXE_SCRIPT
from tests.reports import rows
from tests.web.serving import Served, person

BANNER = '<a href="/"><img src="/banner.png" class="banner" width="40" height="40"></a>'
REPAIRED = BANNER.replace("width", 'alt="みどり局" width')
FOCUS = """() => {
    const on = document.activeElement;
    if (!on || on === document.body) return null;
    const style = getComputedStyle(on), flag = on.closest("svg") && on.querySelector(".flag");
    const rings = flag ? parseFloat(getComputedStyle(flag).strokeWidth) > 4
        : style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const box = on.getBoundingClientRect();
    return {name: on.getAttribute("aria-label") || on.labels?.[0]?.innerText || on.innerText || on.textContent || "",
            href: on.getAttribute("href") || "", rings, seen: box.width > 0 && box.height > 0};
}"""


@pytest.fixture
def backend() -> str:
    """The pages are the same from either database."""
    return "sqlite"


async def _faults(tab: Tab, address: str, width: int) -> list[str]:
    await tab.set_viewport_size({"width": width, "height": 900})
    answer = await tab.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    await tab.evaluate(AXE_SCRIPT)
    found = [f"{rule['id']} {rule['nodes'][0]['target']}" for rule in json.loads(await tab.evaluate(AUDIT))]
    if await tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    levels = await tab.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5')].map(each => +each.tagName[1])")
    found += [f"heading {level} after {before}" for before, level in pairwise(levels) if level > before + 1]
    return [f"{address} at {width}: {fault}" for fault in found]


async def test_no_view_has_a_violation(database: Database, database_url: str, chromium: str) -> None:
    sweep = await rows.mixed(database)
    await rows.survey(database, sweep)
    async with database.writing() as connection:
        await reconcile(connection, sweep)
        late = {"owner": "広報課", "due_on": today() - timedelta(days=1), "state": DefectState.PLANNED}
        await connection.execute(sa.update(Defect).where(Defect.id == 2).values(late))
        said = Said(reason=ExceptionReason.THIRD_PARTY, text=rows.HOSTILE[1], person="佐藤", until=today())
        await excepting.except_defects(connection, said, [await book.one(connection, 3)], proposed=True)
        await excepting.except_defects(connection, said, [await book.one(connection, 4)])
        lost = await connection.scalar(sa.select(Page.id).where(Page.address.like("%/heavy.html")))
    who = await person(database, "tanaka", Grant(role=Role.ADMINISTRATOR))
    views = (
        "/pages/1", "/pages/2", f"/pages/{lost}", "/pages/1?kind=failed&rule=image-alt", "/defects", "/defects/1", "/defects/3",
        "/defects/1/repaired", "/defects/1/plan", "/defects/1/except?page=1", "/exceptions", "/exceptions/1", "/exceptions/2",
    )  # fmt: skip
    wrong: list[str] = []
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with Served(database_url) as origin:
            for lang in ("ja", "en"):
                context = await browser.new_context()
                kept = {"jisweep": who.cookies["jisweep"], "lang": lang}
                await context.add_cookies(
                    [{"name": name, "value": value, "url": origin} for name, value in kept.items()]
                )
                tab = await context.new_page()
                tab.on("console", lambda message: complaints.append(message.text))
                for view in views:
                    for width in (1280, 320):
                        wrong += await _faults(tab, f"{origin}{view}", width)
                await context.close()
            for theme in ("dark", "contrast"):
                context = await browser.new_context()
                kept = {"jisweep": who.cookies["jisweep"], "theme": theme, "size": "larger"}
                await context.add_cookies(
                    [{"name": name, "value": value, "url": origin} for name, value in kept.items()]
                )
                tab = await context.new_page()
                for view in ("/pages/1", "/defects", "/defects/1/except?page=1"):
                    wrong += await _faults(tab, f"{origin}{view}", 320)
                await context.close()
        await browser.close()
    assert wrong == []
    assert complaints == [], "the content policy lets everything through that a page needs"


async def _tab_to(tab: Tab, name: str, *, key: str = "Tab", href: str = "") -> None:
    """Go on by keyboard until the focus is on what is called so; everything on the way shows that it has the focus."""
    for _ in range(300):
        await tab.keyboard.press(key)
        on = await tab.evaluate(FOCUS)
        if on is None:
            continue
        assert on["rings"], f"no visible focus on {on}"
        assert on["seen"], f"the focus is nowhere: {on}"
        if name in on["name"] and href in on["href"]:
            return
    raise AssertionError(f"no way by keyboard to {name}")


async def test_a_web_team_finds_reads_claims_rechecks_and_prints_by_keyboard_alone(
    database: Database, database_url: str, chromium: str
) -> None:
    links = "".join(f'<p><a href="/{name}">{name}</a></p>' for name in ("kurashi", "zei"))
    pages: dict[str, Answer] = {
        "/": html(links), "/kurashi": html(f"<p>暮らし</p>{BANNER}{BANNER}", title="暮らし"), "/zei": html("<p>税</p>", title="税"),
    }  # fmt: skip
    async with small_site(pages) as server:
        tools = Tools(engine=installed_engine(), browser=chromium, workers=2)
        await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
        async with database.reading() as connection:
            site = (await connection.scalars(sa.select(Sweep.site_id))).one()
        who = await person(database, "sato", Grant(role=Role.WEB_TEAM, site=site))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            with Served(database_url, runs_sweeps=True, browser=chromium, allow_private=True) as origin:
                context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="ja-JP")
                await context.add_cookies([{"name": "jisweep", "value": who.cookies["jisweep"], "url": origin}])
                tab = await context.new_page()
                await tab.goto(f"{origin}/sites")
                await _tab_to(tab, "欠陥", href="/defects")
                await tab.keyboard.press("Enter")
                await tab.wait_for_url("**/defects")
                await _tab_to(tab, "画像に代替テキストがありません", href="/defects/")
                await tab.keyboard.press("Enter")
                await tab.wait_for_url("**/defects/*")
                await _tab_to(tab, "/kurashi", href="/pages/")
                await tab.keyboard.press("Enter")
                await tab.wait_for_url("**/pages/*")
                page = tab.url
                await _tab_to(tab, "箇所", href="#place-")  # a marker of the picture
                await tab.keyboard.press("Enter")
                assert await tab.evaluate("document.activeElement.matches('li.place:target')")
                assert '<a href="/"><img' not in await tab.locator("li.place:target pre").inner_html(), (
                    "text, not HTML"
                )
                await _tab_to(tab, "直したと申告する", key="Shift+Tab")
                await tab.keyboard.press("Enter")
                await tab.wait_for_url("**/repaired?page=*")
                await _tab_to(tab, "何をしたか")
                await tab.keyboard.type("代替テキストを付けた")
                await _tab_to(tab, "申告する")
                await tab.keyboard.press("Enter")
                await tab.wait_for_url("**/pages/*?done=repaired")
                assert "直したとの申告" in await tab.inner_text("main")
                pages["/kurashi"] = html(f"<p>暮らし</p>{REPAIRED}{REPAIRED}", title="暮らし")
                await _tab_to(tab, "今すぐ再検査する")
                await tab.keyboard.press("Enter")
                await tab.wait_for_url("**done=recheck_asked**")
                await tab.locator("#recheck .told-confirmed").first.wait_for(timeout=120_000)  # it comes by itself
                assert "直ったことを確認しました" in await tab.inner_text("#recheck")
                await tab.goto(page)
                assert "機械検査では問題が見つかりませんでした" in await tab.inner_text("main")
                assert "問題がないことを示すものではありません" in await tab.inner_text("main")
                printed = PdfReader(io.BytesIO(await tab.pdf(format="A4")))
                text = "".join(each.extract_text() for each in printed.pages)
                assert "暮らし" in text
                assert "サインアウト" not in text
                await context.close()
            await browser.close()
        async with database.reading() as connection:
            [found] = [each for each in await book.listed(connection, site) if each.rule == "image-alt"]
            told = [(each.new, each.who) for each in await book.events(connection, found.id)][1:]
    assert told == [(DefectState.REPAIRED, "satoさん"), (DefectState.CONFIRMED, "jisweep")]
