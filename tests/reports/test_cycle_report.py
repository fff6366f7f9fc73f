"""The closing report of a cycle: its numbers are those that were kept, in both languages, and its page stands our own audit."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from audits.cycles import closing, rounds
from audits.cycles.progress import Progress
from audits.cycles.rounds import Target
from audits.defects import book
from audits.defects.book import Plan
from db.database import Database
from db.errors import StorageError
from db.words import DefectState, Method, Origin
from reports.cycle_report import write_cycle_report
from tests.audits.test_cycles import FIRST, LAST, Sites, days, pages
from tests.reports.rows import HOSTILE
from tests.reports.test_own_audit import WIDTHS, faults

NAME = "<b>第1回</b> " + HOSTILE[13]


async def closed(database: Database) -> Progress:
    """A cycle with a site of every kind: better, of another rule set, chosen on purpose, never swept."""
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), pages(30, "a", "b", of=40))
        await sites.sweep("b", days(-1), pages(9, "a"))
        await sites.sweep("c", days(-1), pages(9, "a"), method=Method.REPRESENTATIVE)
        numbers = [(await sites.site(name)).site for name in "abcd"]
        target = Target(rate=0.2, defects=3, on=days(30))
        await rounds.begin(connection, NAME, (FIRST, LAST), target, numbers)
        await sites.sweep("a", days(40), pages(10, "b", "c", of=40), lost=["/a/20"])
        await sites.sweep("b", days(40), pages(1, "a"), rule_set="two")
        await sites.sweep("c", days(40), pages(0), method=Method.REPRESENTATIVE)
        history = sites.histories["a"]
        plan = Plan(owner=HOSTILE[0], due_on=days(60), way=HOSTILE[6])
        await book.plan(connection, await book.one(connection, history.defects["b"]), "鈴木", plan)
    async with database.reading() as connection:
        cycle = await rounds.named(connection, NAME)
    return await closing.close(database, cycle, HOSTILE[1])


@pytest.mark.parametrize("backend", ["sqlite"])  # what it is written from is the same from either database
async def test_a_closing_report_tells_what_was_kept_and_its_page_has_no_violation(
    database: Database, tmp_path: Path, chromium: str
) -> None:
    found = await closed(database)
    for lang in ("ja", "en"):
        write_cycle_report(found, tmp_path / lang, lang)
    told = json.loads((tmp_path / "ja" / "cycle.json").read_text(encoding="utf-8"))
    assert told == json.loads((tmp_path / "en" / "cycle.json").read_text(encoding="utf-8"))
    assert [each["gap"] for each in told["sites"]] == [None, "unlike", "no_rate", "no_baseline"]
    with (tmp_path / "en" / "cycle_defects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(told["tally"][origin][state] for origin in Origin for state in DefectState) == 5
    with (tmp_path / "en" / "cycle_sites.csv").open(encoding="utf-8-sig", newline="") as file:
        sites = list(csv.DictReader(file))
    assert [each["Baseline share"] for each in sites] == ["0.75", "0.9", "", ""]
    assert [each["Confirming share"] for each in sites] == ["0.2564", "", "", ""]
    assert sites[3]["Defects at the baseline"] == "", "no number of what was not seen"
    page = (tmp_path / "ja" / "index.html").read_text(encoding="utf-8")
    assert "比べられる1サイト（全4サイト）" in page
    assert "調査4は完了していません" in page
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = await browser.new_page()
        for lang in ("ja", "en"):
            wrong += await faults(tab, tmp_path / lang / "index.html", *WIDTHS)
        await tab.emulate_media(color_scheme="dark")
        wrong += await faults(tab, tmp_path / "ja" / "index.html", WIDTHS[0])
        await tab.emulate_media(media="print", color_scheme="light")
        wrong += await faults(tab, tmp_path / "ja" / "index.html", 680)  # A4 within its margins
        await browser.close()
    assert wrong == []


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_report_of_another_cycle_is_not_written_over(database: Database, tmp_path: Path) -> None:
    found = await closed(database)
    write_cycle_report(found, tmp_path / "out", "ja")
    write_cycle_report(found, tmp_path / "out", "en")
    with pytest.raises(StorageError):
        write_cycle_report(replace(found, name="別"), tmp_path / "out", "ja")
