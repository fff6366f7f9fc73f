"""Judging, cycles, know-how and search stand our own audit in both languages, and a judge works by keyboard alone."""

import io
import json
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa
from playwright.async_api import Browser, Page, async_playwright
from pypdf import PdfReader

from audits.examples import book
from db.database import Database
from db.schema import ready
from db.tables import Judgement, Visit
from db.words import JudgementOutcome, Role
from reports.access.accounts import Grant
from tests.own_audit import AUDIT, AXE_SCRIPT
from tests.reports.judged import ABSENT, NOT_MET, dispute, judged
from tests.reports.test_knowhow import examples
from tests.reports.test_own_audit import WIDTHS
from tests.web.serving import Person, Served, person
from tests.web.test_cycle import rolling


async def filled(database: Database) -> tuple[list[str], str]:
    """Rows of every kind; the pages to look at, and the form of a page with open criteria."""
    await examples(database)
    sweep = await judged(database, {"1.1.1": NOT_MET, "1.2.1": ABSENT, "1.3.1": None})
    await dispute(database, sweep, "1.1.1")
    await dispute(database, sweep, "1.4.3")
    cycle, *_ = await rolling(database)
    async with database.writing() as connection:
        for each in await book.entries(connection):
            await book.confirm(connection, each.id, "局長", anonymously=True)
        pages = list(
            await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep).order_by(Visit.id))
        )
    form = f"/tests/{sweep}/{pages[0]}"
    return [
        "/tests", f"/tests/{sweep}", f"/notations/{sweep}", form, "/cycles", "/cycles/new", f"/cycles/{cycle}", f"/cycles/{cycle}/change", "/know-how?q=image",
        "/know-how/rules/image-alt", "/know-how/criteria/1.1.1", "/know-how/checklist?site=1", "/search?q=list",
        "/search?q=www.&part=addresses",
    ], form  # fmt: skip


async def faults(page: Page, address: str) -> list[str]:
    """What is wrong with the page that is open, in words."""
    await page.evaluate(AXE_SCRIPT)
    found = [f"{rule['id']} {rule['nodes'][0]['target']}" for rule in json.loads(await page.evaluate(AUDIT))]
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    levels = await page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map((each) => Number(each.tagName[1]))"
    )
    if levels[0] != 1 or levels.count(1) != 1 or any(b - a > 1 for a, b in pairwise(levels)):
        found.append(f"headings {levels}")
    return [f"{address}: {fault}" for fault in found]


async def opened(browser: Browser, origin: str, who: Person, **choices: str) -> Page:
    """A tab of somebody who has signed in."""
    context = await browser.new_context(locale="ja-JP")
    cookies = {**who.cookies, **choices}
    await context.add_cookies([{"name": name, "value": value, "url": origin} for name, value in cookies.items()])
    return await context.new_page()


async def test_every_view_stands_our_own_audit_and_judging_needs_no_mouse(tmp_path: Path, chromium: str) -> None:
    url = str(tmp_path / "audit.sqlite")
    async with Database(url) as database:
        await ready(database)
        paths, form = await filled(database)
        every = await person(database, "kanri", Grant(role=Role.ADMINISTRATOR))
        reader = await person(database, "dokusha", Grant(role=Role.READER))
        wrong: list[str] = []
        said: list[str] = []
        with Served(url) as origin:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                for lang in ("ja", "en"):
                    page = await opened(browser, origin, every, lang=lang)
                    page.on("console", lambda message: said.append(message.text))
                    for path in paths:
                        for width in WIDTHS:
                            await page.set_viewport_size({"width": width, "height": 900})
                            answer = await page.goto(origin + path)
                            assert answer is not None
                            assert answer.status == 200, path
                            wrong += await faults(page, f"{path} {lang} {width}")
                        assert len(await answer.body()) < 200_000, path
                for theme in ("dark", "contrast"):
                    page = await opened(browser, origin, every, theme=theme, size="larger")
                    await page.set_viewport_size({"width": WIDTHS[1], "height": 900})
                    for path in (form, paths[5], paths[7]):
                        await page.goto(origin + path)
                        wrong += await faults(page, f"{path} {theme}")
                page = await opened(browser, origin, reader)
                await page.goto(origin + form)
                wrong += await faults(page, f"{form} of a reader")
                await prints_one_sheet(browser, origin, every)
                await judges_by_keyboard(browser, origin, every, form)
                await browser.close()
        assert wrong == [], "\n".join(wrong)
        assert said == []
        async with database.reading() as connection:
            query = sa.select(Judgement.criterion, Judgement.outcome, Judgement.reason)
            rows = (
                await connection.execute(query.where(Judgement.person == "kanriさん").order_by(Judgement.id))
            ).all()
        met, not_met = JudgementOutcome.MET, JudgementOutcome.NOT_MET
        assert [tuple(row) for row in rows] == [
            ("1.1.1", not_met, None),
            ("1.2.1", met, None),
            ("1.2.2", not_met, "字幕がない"),
        ]


async def prints_one_sheet(browser: Browser, origin: str, who: Person) -> None:
    page = await opened(browser, origin, who)
    await page.goto(f"{origin}/know-how/checklist?site=1")
    printed = PdfReader(io.BytesIO(await page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == 1
    assert round(float(printed.pages[0].mediabox.width)) in (594, 595, 596)


async def judges_by_keyboard(browser: Browser, origin: str, who: Person, form: str) -> None:
    """By keys of our own where scripts run: a fault of the form is told at its field, and nothing is lost."""
    page = await opened(browser, origin, who)
    await page.goto(origin + form)
    await page.locator('input[name="o.1.1.1"]').last.focus()
    await page.keyboard.press("2")
    await page.keyboard.press("n")
    await page.keyboard.press("1")
    await page.keyboard.press("n")
    assert await page.evaluate("document.activeElement.name") == "o.1.2.2"
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    await page.keyboard.press("2")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url(origin + form)
    await page.get_by_role("alert").wait_for()
    field = page.locator('textarea[name="r.1.2.2"]')
    assert await field.get_attribute("aria-invalid") == "true"
    await page.get_by_role("link", name="1.2.2", exact=False).first.focus()
    await page.keyboard.press("Enter")  # to the field, from the list of what is wrong
    await field.focus()
    await page.keyboard.type("字幕がない 12nr"[:5])
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**/tests/**done=judged")
    assert await page.get_by_role("status").inner_text() == "判定を保存しました。"
