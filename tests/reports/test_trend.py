"""The page of a trend: every number of the object stands in it, its charts are told in words, and it stands our own audit."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.async_api import async_playwright

from audits.organisations import read_table, shown, take_in, tree
from audits.trends.pages import page_of
from audits.trends.periods import Every, Period
from audits.trends.trend import Target, trend_of
from db.database import Database
from db.tables import Site
from db.words import DefectState as S
from reports.chart import Ahead, Mark, Series, line_chart, share_axis
from reports.language import Language
from reports.trend_report import write_trend
from reports.trend_view import Of
from reports.trend_words import period_label
from tests.audits.trending import FIRST, Histories
from tests.reports.test_own_audit import WIDTHS, faults

TABLE = "組織,サイト\n都<b>/局,https://a.example.lg.jp/\n都<b>/局,https://b.example.lg.jp/\n都<b>,https://c.example.lg.jp/\n"
LAST = date(2026, 10, 31)


async def written(database: Database, out: Path, lang: str) -> dict[str, Path]:
    """The pages of an organisation, a site and a page."""
    async with database.writing() as connection:
        await take_in(connection, read_table(TABLE, "t"))
        first, second, _ = await connection.scalars(sa.select(Site.id).order_by(Site.address))
        rows = Histories(connection=connection)
        for month in range(6):
            day = FIRST + timedelta(days=30 * month)
            await rows.sweeps(
                [first], day, {"image-alt": range(20 - 3 * month)}, pages=30, lost=[29] if month == 1 else []
            )
            drawn = range(20 * month, 20 * month + 20)
            await rows.sweeps(
                [second],
                day,
                {"label": range(130)},
                pages=300,
                drawn=drawn,
                rule_set="new" if month > 3 else "rules",
            )
        await rows.life(
            first, "a", [(FIRST, S.FOUND), (FIRST + timedelta(days=40), S.CONFIRMED), (LAST, S.RETURNED)]
        )
        await rows.life(second, "b", [(FIRST, S.FOUND)], rule="label")
    target = Target(share=0.1, by=LAST + timedelta(days=20))
    async with database.reading() as connection:
        known = await tree(connection)
        of = {site: address for some in known.sites.values() for site, address in some}
        asked = {"first": FIRST, "last": LAST}
        page = await page_of(connection, first, f"https://s{first}.example.lg.jp/0")
        trends = {
            "organisation": (await trend_of(connection, sorted(of), alone=False, target=target, **asked), "都<b>"),
            "site": (await trend_of(connection, [first], alone=True, target=target, **asked), of[first]),
            "page": (await trend_of(connection, [first], alone=True, page=page, **asked), "p"),
        }
    owners = {site: shown(known.nodes[each].path) for each, some in known.sites.items() if each for site, _ in some}
    return {
        kind: write_trend(trend, Of(name=name, kind=kind, sites=of, organisations=owners), out / kind, lang)
        for kind, (trend, name) in trends.items()
    }


@pytest.mark.parametrize("backend", ["sqlite"])  # the pages are the same from either database
@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_the_pages_of_trends_have_no_violation(
    database: Database, tmp_path: Path, chromium: str, lang: str
) -> None:
    pages = await written(database, tmp_path, lang)
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        for path in pages.values():
            wrong += await faults(page, path, *WIDTHS)
        await page.emulate_media(color_scheme="dark")
        wrong += await faults(page, pages["organisation"], WIDTHS[0])
        await page.emulate_media(media="print", color_scheme="light")
        wrong += await faults(page, pages["organisation"], 680)  # A4 within its margins
        await browser.close()
    assert wrong == []


async def test_the_page_says_what_the_chart_shows(database: Database, tmp_path: Path) -> None:
    pages = await written(database, tmp_path, "ja")
    text = pages["organisation"].read_text(encoding="utf-8")
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))
    assert "都&lt;b&gt; の推移" in plain
    assert text.count('class="break"') == 1, "one break, where the second site has new rules"
    assert "入っているサイトが違う（加わった0、抜けた1、それ自身と比べられない0サイト）" in plain
    assert "（判定規則が違う）" in plain, "the other one is named with the reason"
    assert "ページで重み付けした割合" in plain
    assert "重みなし（サイトの平均）" in plain
    assert "https://c.example.lg.jp/ （この期間の調査がない）" in plain, "the missing site is named"
    assert "完了していない調査：1サイト" in plain
    assert "この期間に、人が判定した調査はありません。" in plain
    described = re.findall(
        r'<svg class="chart".*?<title id="(.*?)-title">(.*?)</title><desc id=".*?">(.*?)</desc>', text
    )
    assert [name for name, _, _ in described] == ["rates", "flow", "ages"]
    assert all(title and told for _, title, told in described)
    site = re.sub(r"<[^>]*>", " ", pages["site"].read_text(encoding="utf-8"))
    assert "30ページのうち検査できた29ページに17ページ" in site
    assert "予測：このまま続けば" in site
    assert "見ていない" not in re.sub(r"<[^>]*>", " ", pages["page"].read_text(encoding="utf-8"))


def test_points_on_two_lines_are_never_joined_and_what_is_foreseen_lies_ahead() -> None:
    marks = [
        Mark(x=day, y=0.5, low=0.4, high=0.6, line=line, broken="1" if day == 2 else "", whole=day != 1)
        for day, line in enumerate((0, 0, 1, None))
    ]
    told = line_chart(
        "rates", "<t>", "d", share_axis([0.6], Language("en").share), [Series(kind="first", marks=marks)],
        [(0, "a")], ahead=Ahead(name="then", x=6, y=0.3, low=0.1, high=0.55),
    )  # fmt: skip
    paths = re.findall(r'<path class="line first" d="(.*?)"/>', told)
    assert [path.count(" L") for path in paths] == [1, 0], "two points, and one by itself"
    assert told.count('class="alone"') == 1
    assert told.count("partly") == 1
    assert "&lt;t&gt;" in told
    last_mark = max(float(x) for x in re.findall(r'cx="([\d.]+)"', told))
    [ahead] = re.findall(r'<rect class="ahead-extent" x="([\d.]+)"', told)
    assert float(ahead) > last_mark


def test_periods_are_called_as_offices_call_them() -> None:
    autumn = Period(first=date(2026, 10, 1), last=date(2026, 12, 31))
    spring = Period(first=date(2026, 1, 1), last=date(2026, 3, 31))  # of the fiscal year before
    assert period_label(autumn, Every.QUARTER, Language("ja")) == "2026年度Q3"
    assert period_label(spring, Every.QUARTER, Language("en")) == "FY2025 Q4"
    assert period_label(spring, Every.YEAR, Language("ja")) == "2025年度"
