"""The change from the survey before: told of finished surveys by one engine, with what neither could read."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from audits import mic
from audits.conclude import conclude
from audits.survey import Survey
from db.database import Database
from db.tables import Assertion, Sweep, Visit
from db.words import Assertor, Level, Method, Reason, SweepState, VisitState
from reports.language import Language
from reports.report import write_report
from reports.survey_view import summary
from tests.reports.rows import START, Writer

UNREAD = {"about": "sitemap", "address": "https://www.example.metro.tokyo.lg.jp/sitemap.xml", "said": "500"}
INFORMS = {**UNREAD, "about": "pace"}


async def surveyed(database: Database, found: list[bool | None], **values: Any) -> int:
    """A survey of some pages: with a problem, without, or not analysed yet."""
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(method=Method.ALL, mic=mic.VERSION, **values)
        for number, problem in enumerate(found):
            address = f"https://www.example.metro.tokyo.lg.jp/{number}.html"
            visit = await writer.visit(address, state=VisitState.SELECTED)
            if problem is not None:
                result = await writer.result(visit)
                await writer.insert(
                    Assertion, result_id=result, criterion="1.1.1", assertor=Assertor.MIC, level=Level.A,
                    failed_places=int(problem), cant_tell_places=0,
                )  # fmt: skip
    return writer.sweep


async def told(database: Database, sweep: int) -> tuple[Survey, str]:
    """The survey, and what is said of its change."""
    conclusion = await conclude(database, sweep)
    assert conclusion.survey is not None
    said = summary(conclusion, conclusion.survey, Language("ja"))
    return conclusion.survey, "".join(said[2:])


async def test_the_csv_file_has_both_rates_and_every_share_its_denominator(
    database: Database, tmp_path: Path
) -> None:
    """It goes to people without the page that stands beside it."""
    sweep = await surveyed(database, [True, True, False, False])
    await write_report(database, sweep, tmp_path / "report", "ja")
    table = pd.read_csv(tmp_path / "report" / "survey.csv", dtype=str).fillna("")
    kinds = table.groupby("区分", sort=False)
    assert {kind: len(rows) for kind, rows in kinds} == {"割合": 4, "達成基準": 13, "項目": 45}
    rates = table[table["区分"] == "割合"]
    assert list(rates["問題のあるページ"]) == ["2", "2", "0", "0"]
    assert list(rates["分析できたページに占める割合"]) == ["50.0%", "50.0%", "0.0%", "0.0%"]
    assert [each.partition("（")[0] for each in rates["項目"]] == [
        "総務省の調査の条件に相当する45項目", "総務省の調査の条件に相当する45項目", "検査エンジンの規則", "検査エンジンの規則",
    ]  # fmt: skip
    assert list(rates["レベル"]) == ["A・AA", "A", "A・AA", "A"]
    assert set(table["分析できたページ"]) == {"4"}
    async with database.writing() as connection:
        lost = {"state": VisitState.UNAUDITED, "reason": Reason.TIMED_OUT, "result_id": None}
        last = sa.select(sa.func.max(Visit.id)).scalar_subquery()
        await connection.execute(sa.update(Visit).where(Visit.id == last).values(lost))
    await write_report(database, sweep, tmp_path / "report", "ja")
    table = pd.read_csv(tmp_path / "report" / "survey.csv", dtype=str).fillna("")
    [row] = table[table["区分"] == "分析できなかったページ"].to_dict("records")
    assert (row["項目"], row["件数"], row["分析できたページに占める割合"]) == ("時間切れ", "1", "")
    assert set(table[table["区分"] != "分析できなかったページ"]["分析できたページ"]) == {"3"}


async def test_a_survey_that_goes_on_tells_no_change(database: Database) -> None:
    await surveyed(database, [True, True, False, False])
    going = await surveyed(database, [False, None, None, None], state=SweepState.AUDITING, finished_at=None)
    found, said = await told(database, going)
    assert (found.change, found.change_bounds) == (None, None)
    assert said == "この調査はまだ終わっていないので、前回との差は言えません。"


async def test_a_survey_is_not_held_against_one_that_another_engine_decided(database: Database) -> None:
    first = await surveyed(database, [True, False])
    await surveyed(database, [True, True], engine_version="4.10.0")
    again = await surveyed(database, [False, False])
    found, said = await told(database, again)
    assert found.before is not None
    assert found.before.sweep == first
    assert "差は-50.0ポイントです。全ページどうしの差なので、推定ではありません。" in said
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).where(Sweep.id == again).values(engine_version="4.15.0"))
    found, said = await told(database, again)
    assert (found.before, found.change) == (None, None)
    assert said.startswith("同じ条件を同じ版の検査エンジンで調べた前回の結果はまだありません。")


@pytest.mark.parametrize(("before", "after"), [([UNREAD], []), ([], [UNREAD]), ([UNREAD, INFORMS], [UNREAD])])
async def test_pages_beyond_what_could_not_be_read_are_said_to_be_missing(
    database: Database, before: list[dict[str, str]], after: list[dict[str, str]]
) -> None:
    await surveyed(database, [True, False], notes=before, finished_at=START - timedelta(days=1))
    found, said = await told(database, await surveyed(database, [False, False], notes=after))
    assert found.change == -0.5
    assert "全ページどうし" not in said
    parts = f"前回{int(UNREAD in before)}か所、今回{int(UNREAD in after)}か所"
    assert f"見つけたページどうしの差は-50.0ポイントです。サイトに読めなかった部分があり（{parts}）" in said
