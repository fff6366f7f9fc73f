"""The documents to publish: nothing is claimed that no named person has set, and nothing is filled in unknown."""

import io
import json
import re
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from docx import Document
from openpyxl import load_workbook
from selectolax.lexbor import LexborHTMLParser as Html

from audits.criteria import aimed_at
from audits.declaring import checked
from audits.jis_test import Lack, NotationRefused, declaration, declare, jis_test, lacks
from audits.trends.periods import fiscal_year
from crawler.notes import add_note
from db.database import Database
from db.errors import StorageError, UsageError
from db.tables import Declaration, Draw, Judgement, Sweep, Visit
from db.words import About, Edition, JudgementOutcome, Level, Method, Notation, Part, Reason, Redraw, SweepState
from reports.folder import MARK
from reports.language import Language
from reports.publish.documents import NAMES, write_documents
from reports.publish.facts import facts_of, lack_line
from reports.report import write_report
from tests.reports import rows, series
from tests.reports.judged import ABSENT, DETAILS, MET, NOT_MET, dispute, judged, lose, say
from tests.reports.rows import START, Writer

CLAIM = "JIS X 8341-3:2016 のレベルAAに準拠"
ITEMS = {
    "ja": ("表明日", "規格の番号と改正年", "満たしている適合レベル", "対象とするウェブページの簡単な説明",
           "依存したウェブコンテンツ技術", "試験するウェブページの選び方", "試験したウェブページのURI",
           "達成基準チェックリスト", "試験の実施期間"),
    "en": ("Date of the declaration", "Number and year of the standard", "Conformance level satisfied",
           "Brief description of the web pages", "Web content technologies relied upon",
           "How the tested pages were chosen", "URIs of the tested pages", "Checklist of success criteria",
           "Period of the test"),
}  # fmt: skip


def text_of(path: Path) -> str:
    """Everything that a document says, whatever its kind."""
    if path.suffix == ".xlsx":
        book = load_workbook(path)
        return "\n".join(str(cell.value or "") for sheet in book for row in sheet.iter_rows() for cell in row)
    if path.suffix == ".docx":
        return "\n".join(paragraph.text for paragraph in Document(str(path)).paragraphs)
    if path.suffix == ".html":
        body = Html(path.read_text(encoding="utf-8")).body
        assert body is not None
        return body.text(separator="\n")
    return path.read_text(encoding="utf-8")


def table(path: Path, caption: str) -> list[list[str]]:
    tree = Html(path.read_text(encoding="utf-8"))
    found = next(each for each in tree.css("table") if caption in each.css_first("caption").text())
    return [[" ".join(cell.text().split()) for cell in row.css("th, td")] for row in found.css("tbody tr")]


async def checklist(database: Database, sweep: int, out: Path, lang: str = "ja") -> dict[str, list[str]]:
    await write_documents(database, sweep, out, None, lang)
    caption = "達成基準チェックリスト" if lang == "ja" else "Checklist"
    return {row[0].split()[0]: row[1:] for row in table(out / "result.html", caption)}


async def test_everything_met_may_be_declared_and_is_then_stated(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, {"1.2.1": ABSENT})
    await write_documents(database, sweep, tmp_path / "before", DETAILS, "ja")
    assert "対応度は表記していません。" in text_of(tmp_path / "before" / "result.html")
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", DETAILS)
    facts = await write_documents(database, sweep, tmp_path / "after", None, "ja")
    assert facts.claim is Notation.CONFORMING
    shown = text_of(tmp_path / "after" / "result.html")
    assert CLAIM in shown
    assert "局長 佐藤が決定" in shown
    assert CLAIM in text_of(tmp_path / "after" / "result.xlsx")
    assert sorted(path.name for path in (tmp_path / "after").iterdir()) == sorted([*NAMES, "document.css", MARK])


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_no_document_claims_what_nobody_has_set(database: Database, tmp_path: Path, lang: str) -> None:
    sweep = await judged(database)
    await write_documents(database, sweep, tmp_path / "out", DETAILS, lang)
    for name in NAMES:
        if name != "missing.html":  # lists what is missing for each by its name
            said = text_of(tmp_path / "out" / name)
            assert "準拠" not in said, name
            assert not re.search(r"\bconform(s|ing)\b", said, re.IGNORECASE), name
    assert "表記しました" not in text_of(tmp_path / "out" / "missing.html")


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"1.3.1": None}, [Lack.UNJUDGED]),
        ({"1.1.1": NOT_MET}, [Lack.NOT_MET]),
        ({"1.1.1": NOT_MET, "1.3.1": None}, [Lack.UNJUDGED, Lack.NOT_MET]),
    ],
)
async def test_conforming_is_refused_while_a_criterion_is_undecided_or_not_met(
    database: Database, said: dict[str, Any], missing: list[Lack]
) -> None:
    sweep = await judged(database, said)
    with pytest.raises(NotationRefused) as refused:
        await declare(database, sweep, Notation.CONFORMING, "局長", DETAILS)
    assert refused.value.missing == missing
    assert await declaration(database, sweep) is None


async def test_conforming_is_refused_while_people_differ_or_a_page_is_lost(database: Database) -> None:
    sweep = await judged(database)
    await dispute(database, sweep, "2.1.1")
    assert lacks(await jis_test(database, sweep), Notation.CONFORMING, DETAILS) == [Lack.DISPUTED]
    await lose(database, sweep)
    assert lacks(await jis_test(database, sweep), Notation.CONFORMING, DETAILS) == [Lack.LOST, Lack.DISPUTED]


async def test_a_chosen_address_that_proved_to_be_no_page_is_not_lost(database: Database) -> None:
    sweep = await judged(database)
    await lose(database, sweep, Reason.NOT_FOUND)
    test = await jis_test(database, sweep)
    assert (test.lost, test.met) == (0, True)


async def test_a_test_of_all_pages_is_not_complete_while_some_could_not_be_read(
    database: Database, tmp_path: Path
) -> None:
    sweep = await judged(database, method=Method.ALL)
    assert lacks(await jis_test(database, sweep), Notation.CONFORMING, DETAILS) == []
    async with database.writing() as connection:
        await add_note(connection, sweep, About.HOST, "x", "y")
    assert lacks(await jis_test(database, sweep), Notation.CONFORMING, DETAILS) == [Lack.UNREAD]
    await write_documents(database, sweep, tmp_path / "out", DETAILS, "ja")
    shown = text_of(tmp_path / "out" / "result.html")
    assert "読めなかったアドレスや、見つけきれていないページがあります" in shown
    assert "試験結果として公開できません" in shown
    assert "全ページの検査は完了していません" in text_of(tmp_path / "out" / "evaluation.xlsx")


async def test_that_there_is_no_exception_is_said_only_where_somebody_wrote_it(
    database: Database, tmp_path: Path
) -> None:
    sweep = await judged(database)
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", DETAILS)
    await write_documents(database, sweep, tmp_path / "silent", None, "ja")
    assert "例外事項はありません" not in text_of(tmp_path / "silent" / "result.html")
    told = DETAILS | checked({"exceptions": "なし"})
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", told)
    await write_documents(database, sweep, tmp_path / "told", told, "ja")
    assert "例外事項はありません" in text_of(tmp_path / "told" / "result.html")


async def test_an_unfinished_sweep_and_one_without_pages_lack_the_test(database: Database) -> None:
    unbegun = await jis_test(database, await rows.unbegun(database))
    found = lacks(unbegun, Notation.PARTIALLY, {})
    assert {Lack.UNFINISHED, Lack.LOST, Lack.UNJUDGED, Lack.POLICY, Lack.PLAN} <= set(found)


async def test_the_level_aimed_at_is_the_one_that_counts(database: Database) -> None:
    sweep = await judged(database, {"1.4.3": NOT_MET})  # of level AA
    test = await jis_test(database, sweep)
    assert lacks(test, Notation.CONFORMING, DETAILS) == [Lack.NOT_MET]
    assert lacks(test, Notation.CONFORMING, {**DETAILS, "level": "A"}) == []
    assert Lack.LEVEL in lacks(test, Notation.CONFORMING, {**DETAILS, "level": "AAA"})


async def test_the_notation_of_jis_is_not_for_another_standard(database: Database) -> None:
    sweep = await judged(database, edition=Edition.WCAG22)
    test = await jis_test(database, sweep)
    assert [lacks(test, each, DETAILS) for each in (Notation.CONFORMING, Notation.CONSIDERATE)] == [
        [Lack.EDITION]
    ] * 2


async def test_each_notation_lacks_what_it_needs(database: Database) -> None:
    test = await jis_test(database, await judged(database))
    assert lacks(test, Notation.CONFORMING, {}) == [
        Lack.POLICY, Lack.SCOPE, Lack.TECHNOLOGIES, Lack.DECLARED, Lack.PUBLISHED,
    ]  # fmt: skip
    for item in ("technologies", "declared"):  # items of JB.3.1: without them the result is not complete
        without = {key: value for key, value in DETAILS.items() if key != item}
        assert lacks(test, Notation.CONFORMING, without) == [Lack(item)]
    assert lacks(test, Notation.PARTIALLY, DETAILS) == [Lack.ALL_MET, Lack.PLAN]
    assert lacks(test, Notation.CONSIDERATE, {}) == [Lack.POLICY]
    assert lacks(test, Notation.CONSIDERATE, {"policy": DETAILS["policy"]}) == []


async def test_a_result_is_not_declared_before_the_test_has_ended(database: Database) -> None:
    """Its last word was said on 6 July in Tokyo, which people may know better; a word after the declaration ends it."""
    sweep = await judged(database)
    test = await jis_test(database, sweep)
    early = {**DETAILS, "declared": "2026-07-05"}
    assert lacks(test, Notation.CONFORMING, early) == [Lack.EARLY]
    assert lacks(test, Notation.CONFORMING, {**early, "ended": "2026-07-05"}) == []
    assert lacks(test, Notation.CONFORMING, {**early, "declared": "2026-07-06"}) == []
    assert "2026年7月6日" in lack_line(Lack.EARLY, await facts_of(database, sweep), Language("ja"))


async def test_steps_behind_sending_are_tested_by_hand_before_a_notation_stands(
    database: Database, tmp_path: Path
) -> None:
    sweep = await judged(database, {})
    async with database.writing() as connection:
        page = sa.select(Draw.visit_id).where(Draw.sweep_id == sweep).limit(1).scalar_subquery()
        forms = "POST https://www.example.lg.jp/contact/send"
        await connection.execute(sa.update(Visit).where(Visit.id == page).values(forms=forms))
    test = await jis_test(database, sweep)
    assert test.by_hand
    assert lacks(test, Notation.CONFORMING, DETAILS) == [Lack.PROCESS]
    await write_documents(database, sweep, tmp_path / "out", DETAILS, "ja")
    assert "/contact/send）をどう試験したかが書かれていません" in text_of(tmp_path / "out" / "result.html")
    assert lacks(test, Notation.CONFORMING, {**DETAILS, "processes": "11月20日に鈴木が送信して確認"}) == []


async def test_a_notation_that_no_longer_stands_is_not_stated(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database)
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", DETAILS)
    await dispute(database, sweep, "2.1.1")
    facts = await write_documents(database, sweep, tmp_path / "out", None, "ja")
    assert facts.claim is None
    assert "準拠" not in text_of(tmp_path / "out" / "result.html")
    assert "いまは条件を満たしていない" in text_of(tmp_path / "out" / "missing.html")
    for name in ("result.html", "evaluation.xlsx"):
        shown = text_of(tmp_path / "out" / name)
        assert "表記していない" not in shown.replace("表記していません", "表記していない"), "somebody has set one"
        assert "局長 佐藤が決めた対応度は、条件を満たさなくなったため、表記しません。" in shown


async def test_a_notation_is_taken_back_in_a_persons_name(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database)
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", DETAILS)
    await declare(database, sweep, None, "次長 鈴木", {})
    facts = await write_documents(database, sweep, tmp_path / "out", None, "ja")
    assert facts.claim is None
    assert "次長 鈴木が" in text_of(tmp_path / "out" / "missing.html")
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Declaration)) == 2


async def test_what_a_notation_was_set_with_is_not_changed_behind_it(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database)
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", DETAILS)
    with pytest.raises(UsageError, match="scope"):
        await write_documents(database, sweep, tmp_path / "out", {"scope": "ほかのページ"}, "ja")
    assert not (tmp_path / "out").exists()
    await write_documents(database, sweep, tmp_path / "out", {**DETAILS, "contact": "広報課"}, "ja")
    assert "広報課" in text_of(tmp_path / "out" / "result.html")


@pytest.mark.parametrize(
    ("key", "value"),
    [("declared", "2020-01-05"), ("ended", "2026-07-30"), ("began", "2026-07-30"), ("technologies", ["Flash"])],
)
async def test_no_condition_of_a_notation_is_changed_behind_it(
    database: Database, tmp_path: Path, key: str, value: Any
) -> None:
    """A date before the test would be refused when the notation is set: it is not slipped in afterwards."""
    sweep = await judged(database)
    await declare(database, sweep, Notation.CONFORMING, "局長 佐藤", DETAILS)
    with pytest.raises(UsageError, match=key):
        await write_documents(database, sweep, tmp_path / "out", {**DETAILS, key: value}, "ja")


async def test_what_a_file_no_longer_says_is_not_taken_from_what_was_declared_before(
    database: Database, tmp_path: Path
) -> None:
    """An exception that people took out of their file would go on to be published in their name."""
    sweep = await judged(database, {"1.1.1": NOT_MET})
    told = {**DETAILS, "plan": "年度内に直す", "exceptions": [{"what": "PDF", "reason": "元データがない"}]}
    await declare(database, sweep, Notation.PARTIALLY, "局長 佐藤", told)
    assert (await facts_of(database, sweep)).details == told
    facts = await facts_of(database, sweep, DETAILS)
    assert facts.details == DETAILS
    assert facts.missing(Notation.PARTIALLY) == [Lack.PLAN]
    with pytest.raises(UsageError, match="exceptions, plan"):
        await write_documents(database, sweep, tmp_path / "out", DETAILS, "ja")


async def test_partially_names_the_plan_and_the_exceptions(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, {"1.1.1": NOT_MET})
    exception = {"what": "PDF", "reason": "元データがないため", "until": "2027-03-31"}
    told = checked({**DETAILS, "plan": "年度内に直す", "exceptions": [exception]})
    await declare(database, sweep, Notation.PARTIALLY, "局長 佐藤", told)
    await write_documents(database, sweep, tmp_path / "out", None, "ja")
    shown = text_of(tmp_path / "out" / "result.html")
    assert "レベルAAに一部準拠（例外事項を除く）" in shown
    assert "年度内に直す" in shown
    assert table(tmp_path / "out" / "result.html", "例外事項") == [
        ["PDF", "", "元データがないため", "2027年3月31日"]
    ]


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_the_nine_items_are_there_in_their_order(database: Database, tmp_path: Path, lang: str) -> None:
    sweep = await judged(database)
    await write_documents(database, sweep, tmp_path / "out", DETAILS, lang)
    caption = "試験結果の表示項目" if lang == "ja" else "Items of the test result"
    told = {row[0]: row[1] for row in table(tmp_path / "out" / "result.html", caption)}
    assert tuple(told) == ITEMS[lang]
    blank = Language(lang).say("publish.blank")
    assert not [name for name, value in told.items() if blank in value]
    assert (
        "8341320160" in told[ITEMS[lang][5]]
        or str((await jis_test(database, sweep)).sweep.seed) in told[ITEMS[lang][5]]
    )
    sheet = load_workbook(tmp_path / "out" / "result.xlsx").worksheets[0]
    assert [name for name in (row[0].value for row in sheet.iter_rows()) if name in ITEMS[lang]] == list(
        ITEMS[lang]
    )


async def test_a_sample_that_was_drawn_again_says_where_its_draw_begins(database: Database, tmp_path: Path) -> None:
    """The seed alone gives the first draw, and no other."""
    sweep = await judged(database)
    for number, (begin, said) in enumerate(((0, False), (4_503_599_627_370_496, True))):
        async with database.writing() as connection:
            await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(draw_from=begin))
        await write_documents(database, sweep, tmp_path / str(number), DETAILS, "ja")
        told = {row[0]: row[1] for row in table(tmp_path / str(number) / "result.html", "試験結果の表示項目")}
        assert ("4503599627370496" in told[ITEMS["ja"][5]]) is said
    assert "半分ほどを残して" not in told[ITEMS["ja"][5]]
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(redraw=Redraw.HALF))
    await write_documents(database, sweep, tmp_path / "half", DETAILS, "ja")
    assert "前の調査の無作為の部分の半分ほどを残して" in text_of(tmp_path / "half" / "result.html")


async def test_a_page_of_both_parts_is_said_to_be_one(database: Database, tmp_path: Path) -> None:
    """2 representative and 3 random pages that are 4 would look like a slip."""
    sweep = await judged(database)
    async with database.writing() as connection:
        first = sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == sweep).scalar_subquery()
        both = {"sweep_id": sweep, "visit_id": first, "part": Part.RANDOM, "rank": 7}
        await connection.execute(sa.insert(Draw).values(both))
    await write_documents(database, sweep, tmp_path / "out", DETAILS, "ja")
    assert "無作為3ページ、合わせて4ページ（両方に入る1ページは1回だけ数える）、" in text_of(
        tmp_path / "out" / "result.html"
    )


async def test_the_period_begins_with_the_first_page_inspected_and_no_later_word_moves_it(
    database: Database, tmp_path: Path
) -> None:
    sweep = await judged(database)
    later = START + timedelta(days=9)
    async with database.writing() as connection:
        visits = list(await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep)))
        said = [(visit, number) for visit in visits for number in aimed_at(Edition.JIS2016, Level.AA)]
        again = [
            {"visit_id": visit, "criterion": number, "outcome": NOT_MET, "person": "環境局 山田", "reason": "見直した", "at": later}
            for visit, number in said
        ]  # fmt: skip
        await connection.execute(sa.insert(Judgement), again)
    test = await jis_test(database, sweep)
    assert (test.began, test.ended) == (START + timedelta(minutes=12), later)
    await write_documents(database, sweep, tmp_path / "out", DETAILS, "ja")
    shown = text_of(tmp_path / "out" / "result.html")
    assert "2026年7月4日から2026年7月13日まで" in shown
    assert "人が判定した最後の日まで" in shown


async def test_a_test_that_nobody_judges_any_more_has_no_period(database: Database) -> None:
    sweep = await judged(database, dict.fromkeys(aimed_at(Edition.JIS2016, Level.AA)))
    async with database.writing() as connection:
        await connection.execute(sa.update(Judgement).values(outcome=JudgementOutcome.WITHDRAWN))
    test = await jis_test(database, sweep)
    assert (test.people, test.began, test.ended) == ((), None, None)


async def test_what_only_people_know_is_marked_until_they_write_it(database: Database, tmp_path: Path) -> None:
    await write_documents(database, await judged(database), tmp_path / "out", None, "ja")
    told = {row[0]: row[1] for row in table(tmp_path / "out" / "result.html", "試験結果の表示項目")}
    assert {name for name, value in told.items() if "【記入】" in value} == {
        ITEMS["ja"][index] for index in (0, 3, 4)
    }
    assert "【記入】（例外事項がなければ「なし」）" in " ".join(
        text_of(tmp_path / "out" / "result.html").split("\n")
    ).replace(" ", "")


async def test_the_checklist_says_what_people_said(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, {"1.1.1": NOT_MET, "1.2.1": ABSENT, "1.3.1": None})
    await dispute(database, sweep, "1.1.1", MET)
    await dispute(database, sweep, "2.1.1")
    rows_ = await checklist(database, sweep, tmp_path / "out")
    assert list(rows_) == list(aimed_at(Edition.JIS2016, Level.AA))
    both = "1ページで、人の判定が分かれています。3ページが満たしていません：=1+1 代替テキストがない"
    assert rows_["1.1.1"] == ["A", "○", "×", both]
    assert rows_["1.2.1"] == ["A", "－", "○", "該当コンテンツなし"]
    assert rows_["1.3.1"] == ["A", "未判定", "未判定", "1ページを判定していません。"]
    assert rows_["2.1.1"] == ["A", "未判定", "未判定", "1ページで、人の判定が分かれています。"]
    assert rows_["1.4.3"] == ["AA", "○", "○", ""]
    assert Counter(row[2] for row in rows_.values()) == {"○": 35, "×": 1, "未判定": 2}


async def test_what_the_machine_alone_has_seen_is_never_a_result(database: Database, tmp_path: Path) -> None:
    rows_ = await checklist(database, await rows.mixed(database), tmp_path / "out")
    assert {tuple(row[1:3]) for row in rows_.values()} == {("未判定", "未判定")}


async def test_not_met_without_a_written_reason_names_the_machines_fault(
    database: Database, tmp_path: Path
) -> None:
    sweep = await judged(database)
    async with database.writing() as connection:
        page = sa.select(sa.func.min(Judgement.visit_id)).scalar_subquery()
        mine = sa.and_(Judgement.criterion == "1.1.1", Judgement.visit_id == page)
        await connection.execute(sa.update(Judgement).where(mine).values(outcome=NOT_MET, reason=None))
    rows_ = await checklist(database, sweep, tmp_path / "out")
    assert rows_["1.1.1"][2] == "×"
    assert "1ページが満たしていません：画像" in rows_["1.1.1"][3]


async def test_of_several_reasons_each_tells_on_how_many_pages_it_is_so(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, {"1.1.1": NOT_MET})
    async with database.writing() as connection:
        pages = list(
            await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep).order_by(Visit.id))
        )
        writer = Writer(connection)
        for visit in pages:  # a second person says the same of all pages: that is no second page
            await say(writer, visit, "1.1.1", NOT_MET, person="鈴木")
        mine = sa.and_(Judgement.criterion == "1.1.1", Judgement.visit_id == pages[0])
        await connection.execute(sa.update(Judgement).where(mine).values(reason=None))
        other = sa.and_(Judgement.criterion == "1.1.1", Judgement.visit_id == pages[1], Judgement.person == "鈴木")
        await connection.execute(sa.update(Judgement).where(other).values(reason="地図に説明がない"))
    rows_ = await checklist(database, sweep, tmp_path / "out")
    assert rows_["1.1.1"][3] == (
        "4ページが満たしていません：=1+1 代替テキストがない（3ページ）／地図に説明がない（1ページ）／"
        "画像に代替テキストがありません（1ページ）"
    )


async def test_the_checklist_in_english(database: Database, tmp_path: Path) -> None:
    rows_ = await checklist(
        database, await judged(database, {"1.2.1": ABSENT, "1.3.1": None}), tmp_path / "out", "en"
    )
    assert rows_["1.2.1"] == ["A", "－", "○", "No such content"]
    assert rows_["1.3.1"] == ["A", "Not judged", "Not judged", "Not judged on 1 page."]


async def test_the_workbook_has_the_same_tables_and_no_formulas(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, {"1.1.1": NOT_MET, "1.2.1": ABSENT})
    told = {**DETAILS, "organisation": '=HYPERLINK("http://x")', "exceptions": [{"what": "@x", "reason": "+1"}]}
    await write_documents(database, sweep, tmp_path / "out", told, "ja")
    book = load_workbook(tmp_path / "out" / "result.xlsx")
    assert book.sheetnames == ["試験結果", "達成基準チェックリスト", "URI一覧", "例外事項"]
    checks = {str(row[0]).split()[0]: row for row in book["達成基準チェックリスト"].iter_rows(values_only=True)}
    assert checks["1.2.1"] == ("1.2.1 音声だけ及び映像だけ（収録済み）", "A", "－", "○", "該当コンテンツなし")
    assert [row[2] for row in book["URI一覧"].iter_rows(min_row=2, values_only=True)] == [
        f"https://www.example.metro.tokyo.lg.jp/p/{number}.html" for number in range(1, 5)
    ]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells if cell.value.startswith(("=", "+", "@"))] == []
    assert "'=お知らせ 2" in [cell.value for cell in cells]
    with zipfile.ZipFile(tmp_path / "out" / "result.xlsx") as archive:
        assert not [name for name in archive.namelist() if b"<f>" in archive.read(name)]
    assert [sheet.page_setup.paperSize for sheet in book] == [9, 9, 9, 9]  # A4
    assert book["達成基準チェックリスト"].print_title_rows == "$2:$2"
    items = [row[1] for row in book["試験結果"].iter_rows(values_only=True)]
    assert {"4ページ。シート「URI一覧」のとおりです。", "シート「達成基準チェックリスト」のとおりです。"} <= set(
        items
    )
    assert "結果は、すべて人が判定したものです" in str(book["達成基準チェックリスト"]["A1"].value)


async def test_the_policy_is_a_draft_in_word_and_html_alike(database: Database, tmp_path: Path) -> None:
    where = {"what": "過去の画像", "reason": "元データがない", "where": "/old/", "until": "2027-03-31"}
    told = {**DETAILS, "notation": "conforming", "exceptions": [where, {"what": "PDF", "reason": "多い"}]}
    await write_documents(database, await judged(database), tmp_path / "out", told, "ja")
    document = Document(str(tmp_path / "out" / "policy.docx"))
    headings = [
        paragraph.text for paragraph in document.paragraphs if str(paragraph.style.name).startswith("Heading")
    ]
    tree = Html((tmp_path / "out" / "policy.html").read_text(encoding="utf-8"))
    assert headings[1:] == [each.text() for each in tree.css("h2")]
    said = text_of(tmp_path / "out" / "policy.docx")
    assert "東京都みどり局は、" in said
    assert "レベルAA。対応度の目標：準拠" in said
    assert "/kako/（理由：元データがないため）" in said
    assert "過去の画像（アドレス：/old/、理由：元データがない、対応する時期：2027年3月31日）" in said
    assert "PDF（理由：多い）" in said
    assert "【記入】" in said
    marked = [run.text for paragraph in document.paragraphs for run in paragraph.runs if run.font.highlight_color]
    assert set(marked) == {"【記入】"}
    assert document.styles["Normal"].element.xpath(".//w:lang/@w:val") == ["ja-JP"]


async def test_the_yearly_sheet_says_where_what_it_knows_is_from(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, {"1.1.1": NOT_MET})
    await write_documents(database, sweep, tmp_path / "out", {"policy": DETAILS["policy"]}, "ja")
    book = load_workbook(tmp_path / "out" / "evaluation.xlsx")
    told = {row[0]: row[1:] for row in book["記録から分かること"].iter_rows(values_only=True)}
    assert told["年度"] == ("2026年度", f"調査{sweep}")
    assert told["ウェブアクセシビリティ方針のアドレス"] == (
        DETAILS["policy"],
        "details ファイル（人が書いたもの）",
    )
    assert told["満たしていない達成基準"] == ("1.1.1", f"調査{sweep}の人の判定")
    assert str(told["JISにもとづく試験をした"][0]).startswith("4ページを試験した")
    for unknown in ("組織の名前", "試験結果のアドレス", "改善の計画", "利用者の意見の受付と対応"):
        assert told[unknown][0] == "人が記入"
    assert str(told["全ページの機械検査をした"][0]).startswith("人が記入")
    assert [row[1:] for row in book["配点"].iter_rows(min_row=3, values_only=True)] == [
        (points, "人が記入") for points in (20, 16, 8, 6)
    ]


async def test_the_yearly_sheet_knows_a_check_of_all_pages(database: Database, tmp_path: Path) -> None:
    await rows.census(database, 30)
    later = await judged(database)
    async with database.writing() as connection:
        await connection.execute(
            sa.update(Sweep)
            .where(Sweep.id == later)
            .values(site_id=sa.select(sa.func.min(Sweep.site_id)).scalar_subquery())
        )
    await write_documents(database, later, tmp_path / "out", None, "ja")
    book = load_workbook(tmp_path / "out" / "evaluation.xlsx")
    told = {row[0]: row[1:] for row in book["記録から分かること"].iter_rows(values_only=True)}
    assert re.match(
        r"2026年7月\d+日に30ページを検査し、問題のあるページは", str(told["全ページの機械検査をした"][0])
    )
    assert told["全ページの機械検査をした"][1] == "調査1"


@pytest.mark.parametrize("narrowed", [False, True])
async def test_the_yearly_sheet_compares_only_what_is_a_series(
    database: Database, tmp_path: Path, narrowed: bool
) -> None:
    for failing, excluded in ((12, None), (9, "/news/*" if narrowed else None)):
        await series.swept(
            database, frame=30, drawn=range(30), failing={"image-alt": range(failing)}, excluded=excluded
        )
    later = await judged(database)
    async with database.writing() as connection:
        await connection.execute(
            sa.update(Sweep).values(site_id=sa.select(sa.func.min(Sweep.site_id)).scalar_subquery())
        )
    await write_documents(database, later, tmp_path / "out", None, "ja")
    book = load_workbook(tmp_path / "out" / "evaluation.xlsx")
    told = {row[0]: str(row[1]) for row in book["記録から分かること"].iter_rows(values_only=True)}
    improved = next(value for name, value in told.items() if str(name).startswith("前回から"))
    assert improved.startswith("人が記入") is narrowed
    assert ("対象範囲や規則などが違う" in improved) is narrowed


async def test_a_check_of_the_next_year_does_not_hide_that_of_the_tests_own(
    database: Database, tmp_path: Path
) -> None:
    """A test that is published, or published again, after the next year's check of all pages."""
    for failing, days in ((12, -200), (9, 20), (3, 300)):
        at = START + timedelta(days=days)
        await series.swept(
            database,
            frame=30,
            drawn=range(30),
            failing={"image-alt": range(failing)},
            created_at=at,
            finished_at=at,
        )
    sweep = await judged(database)
    await write_documents(database, sweep, tmp_path / "out", None, "ja")
    book = load_workbook(tmp_path / "out" / "evaluation.xlsx")
    told = {row[0]: str(row[1]) for row in book["記録から分かること"].iter_rows(values_only=True)}
    assert "問題のあるページは9ページ" in told["全ページの機械検査をした"]
    improved = next(value for name, value in told.items() if str(name).startswith("前回から"))
    assert "40" in improved
    assert "30" in improved


def test_the_fiscal_year_begins_in_april() -> None:
    assert fiscal_year(datetime(2026, 3, 31, 14, 59, tzinfo=UTC)) == 2025
    assert fiscal_year(datetime(2026, 3, 31, 15, 0, tzinfo=UTC)) == 2026  # midnight in Tokyo


async def test_every_lack_is_one_line_that_says_what_to_do(database: Database) -> None:
    sweep = await judged(database, {"1.3.1": None})
    for lang in ("ja", "en"):
        facts = await facts_of(database, sweep)
        for lack in Lack:
            line = lack_line(lack, facts, Language(lang))
            assert "\n" not in line
            assert lack.value not in re.findall(r"[a-z_]+", line) or lack in (
                Lack.POLICY,
                Lack.PUBLISHED,
                Lack.PLAN,
                Lack.SCOPE,
                Lack.TECHNOLOGIES,
                Lack.DECLARED,
                Lack.LEVEL,
                Lack.SUSPECT,
            )
    assert f"jisweep judge export {sweep}" in lack_line(Lack.UNJUDGED, facts, Language("ja"))


@pytest.mark.parametrize("about", ["sitemap", "pace"])
async def test_a_sample_of_a_site_that_was_read_in_part_says_so(
    database: Database, tmp_path: Path, about: str
) -> None:
    """A note that only informs leaves the frame whole."""
    sweep = await judged(database, notes=[{"about": about, "address": "https://www.example.lg.jp/", "said": "500"}])
    await write_documents(database, sweep, tmp_path / "out", DETAILS, "ja")
    assert ("見つけたページだけから選択" in text_of(tmp_path / "out" / "result.html")) is (about == "sitemap")


@pytest.mark.parametrize(
    ("lang", "kinds"), [("ja", "緊急・災害情報"), ("en", "emergency and disaster information")]
)
async def test_a_result_says_which_kinds_of_page_were_not_tested(
    database: Database, tmp_path: Path, lang: str, kinds: str
) -> None:
    sweep = await judged(database)

    async def method() -> str:
        await write_documents(database, sweep, tmp_path / "out", DETAILS, lang)
        return next(row[1] for row in table(tmp_path / "out" / "result.html", "") if row[0] == ITEMS[lang][5])

    assert kinds not in await method()
    async with database.writing() as connection:
        other = Writer(connection)
        other.sweep = sweep
        other.site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep)) or 0
        await other.visit("https://www.example.metro.tokyo.lg.jp/bosai/", kinds=["emergency"])
    assert kinds in await method()
    assert kinds in text_of(tmp_path / "out" / "result.xlsx")


async def test_another_report_of_ours_is_not_replaced(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database)
    index = await write_report(database, sweep, tmp_path / "out", "ja")
    with pytest.raises(StorageError, match="another report"):
        await write_documents(database, sweep, tmp_path / "out", None, "ja")
    assert index.is_file()


async def test_documents_are_written_anew_over_their_own(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database)
    for lang in ("ja", "en"):
        await write_documents(database, sweep, tmp_path / "out", None, lang)
    assert "Web accessibility test result" in text_of(tmp_path / "out" / "result.html")


async def test_hostile_texts_are_shown_as_texts(database: Database, tmp_path: Path) -> None:
    sweep = await rows.mixed(database)
    async with database.writing() as connection:
        writer = rows.Writer(connection)
        for text in rows.HOSTILE:
            await say(writer, 1, "1.1.1", NOT_MET, person=rows.storable(text), reason=rows.storable(text))
        await say(writer, 1, "1.1.1", MET, person="山田")
    told = checked(
        {"organisation": rows.storable("".join(rows.HOSTILE)), "contact": "</title><script>alert(1)</script>"}
    )
    await write_documents(database, sweep, tmp_path / "out", told, "ja")
    for path in (tmp_path / "out").glob("*.html"):
        tree = Html(path.read_text(encoding="utf-8"))
        assert tree.css("script, img") == []
        assert [link for link in tree.css("a") if (link.attributes["href"] or "").startswith("javascript")] == []
    for name in ("wcag-em.jsonld", "earl.jsonld"):
        json.loads((tmp_path / "out" / name).read_text(encoding="utf-8"))
    load_workbook(io.BytesIO((tmp_path / "out" / "result.xlsx").read_bytes()))
    assert (await jis_test(database, sweep)).sweep.state is SweepState.FINISHED
