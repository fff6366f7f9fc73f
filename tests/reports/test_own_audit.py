"""Our own pages stand our own audit: no violation, no sideways scrolling, no request, in both languages."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from audits.jis_test import declare
from db.database import Database
from db.words import Notation
from reports.publish.documents import write_documents
from reports.report import write_report
from tests.own_audit import AUDIT, AXE_SCRIPT
from tests.reports import rows
from tests.reports.judged import ABSENT, DETAILS, NOT_MET, judged

WIDTHS = (1280, 320)


async def faults(page: Page, path: Path, *widths: int) -> list[str]:
    """What is wrong with a page at these widths, in words."""
    await page.goto(path.as_uri())
    await page.evaluate(AXE_SCRIPT)
    wrong = []
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 900})
        found = [f"{rule['id']} {rule['nodes'][0]['target']}" for rule in json.loads(await page.evaluate(AUDIT))]
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append("scrolls sideways")
        wrong += [f"{path.name} at {width}: {fault}" for fault in found]
    return wrong


@pytest.mark.parametrize("backend", ["sqlite"])  # the pages are the same from either database
@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_no_page_has_a_violation(
    database: Database, sweep: int, tmp_path: Path, chromium: str, lang: str
) -> None:
    await rows.survey(database, sweep)
    await rows.further(database, sweep)
    await rows.exempted(database, sweep)
    mixed = (await write_report(database, sweep, tmp_path / "mixed", lang)).parent
    assert (mixed / "survey.html").is_file()
    assert (mixed / "revision.html").is_file()
    assert 'id="exceptions"' in (mixed / "index.html").read_text(encoding="utf-8")
    unbegun = await write_report(database, await rows.unbegun(database), tmp_path / "unbegun", lang)
    requests: list[str] = []
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = await browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        for path in (*sorted(mixed.rglob("*.html")), unbegun):
            wrong += await faults(page, path, *WIDTHS)
        await page.emulate_media(color_scheme="dark")
        for name in ("index.html", "unaudited.html", "pages/1.html"):
            wrong += await faults(page, mixed / name, WIDTHS[0])
        await browser.close()
    assert wrong == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_no_document_to_publish_has_a_violation(
    database: Database, tmp_path: Path, chromium: str, lang: str
) -> None:
    half = await judged(database, {"1.1.1": NOT_MET, "1.2.1": ABSENT, "1.3.1": None})
    await write_documents(database, half, tmp_path / "half", None, lang)
    exception = {"what": "PDF", "where": "/*.pdf", "reason": "元データがないため", "until": "2027-03-31"}
    told = {**DETAILS, "exceptions": [exception], "plan": "年度内に直す"}
    await write_documents(database, await rows.mixed(database), tmp_path / "mixed", told, lang)
    await write_documents(database, await rows.unbegun(database), tmp_path / "unbegun", None, lang)
    await declare(database, half, Notation.CONSIDERATE, "局長", told)
    await write_documents(database, half, tmp_path / "set", None, lang)
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        for path in sorted(tmp_path.glob("*/*.html")):
            wrong += await faults(page, path, *WIDTHS)
            hidden = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"
            if path.name == "result.html" and await page.evaluate(hidden):
                wrong.append(f"{path}: a table has columns out of sight at {WIDTHS[-1]}")
        await page.emulate_media(color_scheme="dark")
        for path in sorted((tmp_path / "half").glob("*.html")):
            wrong += await faults(page, path, WIDTHS[0])
        await page.emulate_media(media="print", color_scheme="light")
        wrong += await faults(page, tmp_path / "set" / "result.html", 680)  # A4 within its margins
        await browser.close()
    assert wrong == []


async def test_text_stays_usable_when_letters_are_twice_as_large(report: Path, chromium: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 640, "height": 900})
        for name in ("index.html", "pages/1.html"):
            await page.goto((report / name).as_uri())
            await page.add_style_tag(content="html { font-size: 200% }")
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await browser.close()
