"""Exceptions in a report: marked and never hidden, a second rate beside the first, and the same numbers to programs."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from audits.conclude import conclude
from audits.defects import book, excepting, regrouping
from audits.defects.cover import today
from audits.defects.reconcile import reconcile
from db.database import Database
from db.tables import Exemption, Sweep
from db.words import ExceptionReason
from reports.exception_view import exception_json, exception_words
from reports.language import Language
from reports.report import write_report
from reports.summary import as_json, as_lines
from tests.audits.test_reconcile import history_in
from tests.reports import rows, series
from tests.reports.test_tables import table


def text(path: Path) -> str:
    """What a page shows, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", path.read_text(encoding="utf-8")))


async def test_the_machines_numbers_are_what_they_were(database: Database, sweep: int) -> None:
    before = as_json(await conclude(database, sweep), None)
    await rows.exempted(database, sweep)
    after = as_json(await conclude(database, sweep), None)
    changed = {key for key in before if before[key] != after[key]}
    second = {"problem_pages_without_excepted", "problem_page_rate_without_excepted", "estimate_without_excepted"}
    assert changed == {*second, "excepted"}
    assert [before[key] for key in sorted(second)] == [None] * 3
    assert before["excepted"] == {}
    assert after["problem_pages_without_excepted"] <= after["problem_pages"]


async def test_numbers_for_programs_are_those_of_the_findings(
    database: Database, sweep: int, tmp_path: Path
) -> None:
    """Counted anew from the CSV file of the report."""
    await rows.exempted(database, sweep)
    told = as_json(await conclude(database, sweep), None)
    report = (await write_report(database, sweep, tmp_path / "report", "ja")).parent
    findings = table(report / "findings.csv")
    counting = findings[(findings["割合に算入"] == "はい") & (findings["区分"] == "問題あり")]
    covered = counting["例外"] != ""
    assert told["problem_pages"] == counting["ページ番号"].nunique()
    assert told["problem_pages_without_excepted"] == counting[~covered]["ページ番号"].nunique()
    for word, reason in (
        ("元のデータがない", "no_source_data"),
        ("誤検出", "false_alarm"),
        ("第三者", "third_party"),
    ):
        of = counting[counting["例外"].str.startswith(f"例外：{word}")]
        assert told["excepted"][reason] == {"pages": of["ページ番号"].nunique(), "places": len(of)}
    assert not findings[findings["区分"] == "要確認"]["例外"].any(), (
        "what people have to look at stays to be looked at"
    )
    pages = table(report / "pages.csv")
    audited = pages[pages["状態"] == "検査済み"].set_index("ページ番号")
    assert audited["うち例外の箇所"].astype(int).sum() == covered.sum()
    assert (audited["問題の箇所"].astype(int) >= audited["うち例外の箇所"].astype(int)).all()


async def test_an_exception_of_what_was_merged_since_is_not_told_as_one_of_the_whole(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}))
        a, b = history.defects["a"], history.defects["b"]
        said = excepting.Said(reason=ExceptionReason.THIRD_PARTY, text="外部", person="田中", until=today())
        await excepting.except_defects(history.connection, said, [await book.one(history.connection, a)])
        [before] = await excepting.told(history.connection, history.site, today())
        await regrouping.merge(history.connection, regrouping.Said(who="鈴木", why="同じ"), b, [a])
        [after] = await excepting.told(history.connection, history.site, today())
    assert [exception_json(each)["scope"] for each in (before, after)] == ["defect", "restated"]
    assert (after.exemption.defect_id, after.pages) == (b, 1)
    words = exception_words(after.exemption, after.rule, after.page, Language("ja"))["scope"]
    assert "決めたときの範囲だけ" in words
    assert "すべてのページ" not in words


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "ja",
            [
                "例外を除いた場合",
                "元のデータがない",
                "規則「",
                "田中 &lt;b&gt;",
                "鈴木が確認し、同意",
                "2026年7月4日",
            ],
        ),
        ("en", ["Without excepted", "no source data", "rule “", "reviewed by 鈴木, who agrees", "4 July 2026"]),
    ],
)
async def test_the_report_says_what_is_excepted_why_by_whom_and_until_when(
    database: Database, sweep: int, tmp_path: Path, lang: str, said: list[str]
) -> None:
    await rows.exempted(database, sweep)
    report = (await write_report(database, sweep, tmp_path / "report", lang)).parent
    index, page = text(report / "index.html"), (report / "pages" / "1.html").read_text(encoding="utf-8")
    assert [each for each in said if each not in index] == []
    first = re.search(r'id="place-1".*?</li>', page, re.DOTALL)
    assert first is not None
    assert ("例外：元のデータがない（2026年7月4日まで" if lang == "ja" else "Exception: no source data") in first[0]
    assert rows.HOSTILE[1] not in page


async def test_without_exceptions_a_report_says_nothing_of_them(report: Path) -> None:
    assert "例外を除いた場合" not in text(report / "index.html")
    assert not table(report / "findings.csv")["例外"].any()


async def test_a_sample_has_a_second_interval_and_other_pages_are_said_to_be_pages_only(
    database: Database, tmp_path: Path
) -> None:
    sweep = await series.swept(database, frame=60, drawn=range(30), failing={"image-alt": range(10), "label": [0]})
    await _except_rule(database, sweep, "image-alt")
    conclusion = await conclude(database, sweep)
    assert conclusion.excepted is not None
    assert conclusion.estimate is not None
    assert (conclusion.estimate.problem_pages, conclusion.problem_pages) == (10, 10)
    second = conclusion.excepted.estimate
    assert second is not None
    assert (second.problem_pages, second.drawn, second.frame) == (1, 30, 60)
    lines = "\n".join(as_lines(conclusion, "ja"))
    assert "例外を除いた場合：30ページのうち1ページ（3.3%）" in lines
    assert "例外を除いた場合のサイト全体の推定" in lines
    assert "第三者のコンテンツ 10ページ・10か所" in lines
    report = (await write_report(database, sweep, tmp_path / "report", "ja")).parent
    assert "無作為に選んだ部分から、同じ求め方による" in text(report / "index.html")


async def _except_rule(database: Database, sweep: int, rule: str) -> None:
    async with database.writing() as connection:
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep))
        row = {
            "site_id": site,
            "rule": rule,
            "pattern": "/*",
            "reason": ExceptionReason.THIRD_PARTY,
            "text": "地図",
        }
        told = {"person": "田中", "at": rows.START, "until": rows.START.date().replace(year=2027)}
        await connection.execute(sa.insert(Exemption).values(row | told))
