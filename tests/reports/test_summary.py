"""The object of `--json` and the last lines in a terminal."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audits.conclude import conclude
from audits.reliance import Reliance
from db.database import Database
from db.words import Redraw
from reports.report import write_report
from reports.summary import as_json, as_lines
from tests.reports import rows, series

NUMBERS = ("drawn", "audited", "problem_pages")


async def test_the_object_has_the_documented_shape(database: Database, sweep: int) -> None:
    told = json.loads(json.dumps(as_json(await conclude(database, sweep), "/tmp/report/index.html")))
    assert told | {"pages": 0, "criteria": 0, "estimate": 0, "incomplete_because": 0, "rule_set": 0, "rule_set_before": 0, "unexplored_parts": 0} == {
        "sweep": sweep, "site": "https://www.example.metro.tokyo.lg.jp/", "method": "mixed", "seed": 8341320160,
        "edition": "jis2016", "level": "AA", "engine": {"name": "axe-core", "version": "4.14.1"}, "pages": 0,
        "problem_pages": 3, "problem_page_rate": 0.375, "places": 51, "criteria": 0, "complete": False,
        "survey": None, "revision": None, "health": None, "overlap": None,
        "left_out": [{"address": "https://www.example.metro.tokyo.lg.jp/rest/0.html", "why": "category"}], "carried": {"pages": 0, "drawn": 0, "rechecked": 0, "disagreeing": 0},
        "problem_pages_without_excepted": None, "problem_page_rate_without_excepted": None,
        "estimate_without_excepted": None, "excepted": {},
        "report": "/tmp/report/index.html", "estimate": 0, "incomplete_because": 0, "rule_set": 0, "rule_set_before": 0, "unexplored_parts": 0,
    }  # fmt: skip
    assert told["pages"]["audited"] == 8
    assert told["pages"]["unaudited"]["not_found"] == 203
    assert next(iter(told["criteria"])) == "1.1.1"
    assert told["criteria"]["1.4.3"] == {
        "level": "AA",
        "problem_pages": 1,
        "places": 4,
        "needs_review_pages": 1,
        "state": "failed",
        "estimate": {
            **told["estimate"],
            "problem_pages": 1,
            "rate": round(1 / 7, 4),
            "low": 0.0256,
            "high": 0.6154,
        },
    }
    assert told["criteria"]["3.3.4"]["estimate"] is None, "no rule looked"
    assert told["estimate"]["drawn"] == 8
    assert told["estimate"]["rate"] == round(2 / 7, 4)


@pytest.mark.parametrize("half", [True, False])
async def test_an_estimate_from_pages_that_were_drawn_before_says_so(
    database: Database, tmp_path: Path, half: bool
) -> None:
    """Of the first sample all faulty pages were repaired, and of the site none: the second looks better than it is."""
    drawn = series.swept(
        database, frame=60, drawn=range(12), failing={"image-alt": range(0, 12, 2)}, seed=1, draw_from=0
    )
    first = await drawn
    again = (
        {"drawn": range(6, 18), "draw_from": 7, "redraw": Redraw.HALF, "earlier_draw_id": first}
        if half
        else {"drawn": range(12), "draw_from": 0}
    )
    second = await series.swept(database, frame=60, failing={"image-alt": range(12, 18, 2)}, seed=1, **again)
    drawn_anew = await series.swept(
        database, frame=60, drawn=range(20, 32), failing={}, seed=1, draw_from=9, redraw=Redraw.WHOLLY,
        earlier_draw_id=first,
    )  # fmt: skip
    conclusion = await conclude(database, second)
    kept, new = (6, {"drawn": 6, "audited": 6, "problem_pages": 3}) if half else (12, dict.fromkeys(NUMBERS, 0))
    assert as_json(conclusion, None)["overlap"] == {
        "sweep": first, "shared": {"drawn": kept, "audited": kept, "problem_pages": 0}, "new": new,
    }  # fmt: skip
    [told] = [line for line in as_lines(conclusion, "ja") if "よく見えるおそれ" in line]
    counts = (
        "前にも選ばれたページでは検査した6ページのうち0ページ、新しく選ばれたページでは検査した6ページのうち3ページ"
    )
    assert (counts if half else f"--redraw {first}") in told
    shown = (await write_report(database, second, tmp_path / "report", "ja")).read_text(encoding="utf-8")
    assert told in shown
    assert f"ただし、無作為の12ページのうち{kept}ページは調査{first}でも選ばれた" in shown
    for sweep in (first, drawn_anew):
        assert (await conclude(database, sweep)).overlap is None


async def test_no_page_is_no_rate(database: Database) -> None:
    conclusion = await conclude(database, await rows.unbegun(database))
    assert as_json(conclusion, None)["problem_page_rate"] is None
    assert as_lines(conclusion, "ja")[1] == "検査できたページがありません。割合は算出できません。"
    assert "Not complete: the sweep is still under way" in as_lines(conclusion, "en")


@pytest.mark.parametrize(
    ("lang", "line"),
    [
        ("ja", "問題のあるページ：3ページ（37.5%）、問題の箇所：51か所"),
        ("en", "Pages with problems: 3 pages (37.5%); places: 51 places"),
    ],
)
async def test_the_lines_say_the_numbers_with_what_they_stand_on(
    database: Database, sweep: int, lang: str, line: str
) -> None:
    conclusion = await conclude(database, sweep)
    lines = as_lines(conclusion, lang)
    assert line in lines
    assert len(lines) <= 7
    assert not any("\n" in each for each in lines)
    assert len(as_lines(replace(conclusion, complete=True, unaudited={}, estimate=None, left_out=()), lang)) == 3


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("ja", ["8ページのうち5ページは", "検査日: 2026年10月1日～2026年11月2日", "選んだ3ページを改めて検査し、結果が出た2ページのうち", "違っていたのは1ページ"]),
        ("en", ["Of 8 pages inspected, 5 pages carry", "from 1 October 2026 to 2 November 2026", "3 pages, drawn", "2 pages with a result, 1 page with other findings"]),
    ],
)  # fmt: skip
async def test_what_is_carried_is_told_with_its_dates_and_what_the_recheck_found(
    database: Database, sweep: int, lang: str, words: list[str]
) -> None:
    dates = {"oldest": datetime(2026, 10, 1, tzinfo=UTC), "newest": datetime(2026, 11, 2, tzinfo=UTC)}
    leaning = Reliance(carried=5, drawn=3, rechecked=2, disagreeing=1, **dates)
    conclusion = replace(await conclude(database, sweep), reliance=leaning)
    said = "\n".join(as_lines(conclusion, lang))
    unchecked = replace(conclusion, reliance=replace(leaning, drawn=0, rechecked=0, disagreeing=0))
    assert len(as_lines(unchecked, lang)) == len(as_lines(conclusion, lang)), "that nothing was rechecked is said"
    assert [word for word in words if word not in said] == []
    assert as_json(conclusion, None)["carried"] == {"pages": 5, "drawn": 3, "rechecked": 2, "disagreeing": 1}
