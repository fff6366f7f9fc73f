"""A test judged by people: what is proposed and why, the workbook out and in, and what a notation may stand on."""

import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import openpyxl
import pytest
import pytest_asyncio
import sqlalchemy as sa

from audits.conclude import sweep_row
from audits.jis_test import JisTest, Lack, Verdict, declaration, declare, jis_test, lacks
from audits.judging import Ground, JudgedPage, keep_judgements, pages_to_judge, state_of_test
from audits.work import Tools
from db.database import Database
from db.errors import UsageError
from db.tables import Judgement, Sweep, Visit
from db.words import JudgementOutcome, Method, Notation
from reports.judge_book import read_judge_book, write_judge_book
from reports.language import Language
from reports.report import write_report, written_report
from tests.audits import browsers
from tests.audits.sites import Answer, html, small_site
from tests.audits.swept import plan_for, sweep_now
from tests.crawler.servers import Server, http

MET, NOT_MET, NOT_APPLICABLE = JudgementOutcome.MET, JudgementOutcome.NOT_MET, JudgementOutcome.NOT_APPLICABLE
FIRST, SECOND = 1, 2  # numbers of sweeps
ITEMS: dict[str, Any] = {"technologies": ["HTML"], "ended": "2026-07-31", "declared": "2026-07-31"}
SITE: dict[str, Answer] = {
    "/": html('<p><a href="/image">画像のあるページ</a></p><p><a href="/form">問い合わせのページ</a></p>'
              '<p><a href="/map">地図のページ</a></p>', title="トップ"),
    "/image": html('<img src="/i.png" width="40" height="40">', title="画像"),
    "/form": html('<form><label>お名前<input name="n" type="text"></label></form>', title="問い合わせ"),
    "/map": html('<iframe src="/" title="地図"></iframe>', title="地図"),
}  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")
tools, database = browsers.tools, browsers.database


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def swept(tools: Tools, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the site swept: `1.sqlite` with one sweep, `2.sqlite` with a second like it. Tests take copies."""
    folder = tmp_path_factory.mktemp("swept")

    before = sqlite_template
    async with small_site(SITE) as server:
        for number in (FIRST, SECOND):
            path = folder / f"{number}.sqlite"
            shutil.copyfile(before, path)
            async with Database(str(path)) as database:
                assert await sweep(database, server, tools) == number
            before = path
    return folder


@pytest_asyncio.fixture(loop_scope="module")
async def once(swept: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with one sweep of the site."""
    async with Database(str(shutil.copyfile(swept / "1.sqlite", tmp_path / "once.sqlite"))) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def twice(swept: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with two sweeps of the site, between which nothing has changed."""
    async with Database(str(shutil.copyfile(swept / "2.sqlite", tmp_path / "twice.sqlite"))) as opened:
        yield opened


async def sweep(database: Database, server: Server, tools: Tools) -> int:
    return await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)


async def judged(database: Database, number: int) -> tuple[dict[str, Any], list[JudgedPage]]:
    async with database.reading() as connection:
        pages = [page async for page in pages_to_judge(connection, await sweep_row(connection, number))]
        return {"site": "s", "sweep": number, "state": await state_of_test(connection, number)}, pages


def items(pages: list[JudgedPage], ending: str) -> dict[str, Any]:
    page = next(each for each in pages if each.address.endswith(ending))
    return {item.criterion.number: item for item in page.items}


async def say(
    database: Database,
    number: int,
    person: str,
    choose: Callable[[Any], tuple[JudgementOutcome, str | None] | None],
) -> None:
    """Have a person judge every criterion of every page for which `choose` gives an outcome."""
    _, pages = await judged(database, number)
    wanted = [
        (page.visit, item.criterion.number, *chosen)
        for page in pages
        for item in page.items
        if (chosen := choose(item)) is not None
    ]
    async with database.writing() as connection:
        await keep_judgements(connection, number, person, wanted)


def as_proposed(item: Any) -> tuple[JudgementOutcome, str | None]:
    return item.proposal.outcome or MET, item.proposal.reason


async def exported(database: Database, tmp_path: Path) -> tuple[Path, dict[str, Any], list[JudgedPage]]:
    """The workbook of the first sweep, with what it was written from."""
    key, pages = await judged(database, FIRST)
    write_judge_book(tmp_path / "judge.xlsx", key, pages, Language("ja"))
    return tmp_path / "judge.xlsx", key, pages


def fill(path: Path, cells: dict[tuple[int, str], str]) -> None:
    """Write into cells: (number of the sheet, cell) → text."""
    book = openpyxl.load_workbook(path)
    for (sheet, cell), text in cells.items():
        book.worksheets[sheet][cell] = text
    book.save(path)


def row_of(path: Path, sheet: int, *texts: str) -> int:
    """The row in which all the texts stand."""
    rows = openpyxl.load_workbook(path).worksheets[sheet].iter_rows(values_only=True)
    return next(
        index
        for index, row in enumerate(rows, start=1)
        if all(any(text in str(value) for value in row) for text in texts)
    )


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_the_machine_proposes_by_evidence_and_never_that_a_criterion_is_met(
    database: Database, tools: Tools
) -> None:
    async with small_site(SITE) as server:
        number = await sweep(database, server, tools)
    _, pages = await judged(database, number)
    assert len(pages) == 4
    image, form, framed = items(pages, "/image"), items(pages, "/form"), items(pages, "/map")
    assert (image["1.1.1"].proposal.outcome, image["1.1.1"].proposal.ground) == (NOT_MET, Ground.FAILED)
    assert image["1.1.1"].proposal.rules == ("image-alt",)
    assert (image["3.3.1"].proposal.outcome, image["3.3.1"].proposal.ground) == (NOT_APPLICABLE, Ground.ABSENT)
    assert form["3.3.1"].proposal.outcome is None  # there is a control
    assert form["1.2.1"].proposal.outcome is NOT_APPLICABLE
    assert framed["1.2.1"].proposal.outcome is None  # what a frame shows was not counted
    assert image["2.4.5"].proposal.ground is Ground.UNTESTED
    assert image["2.4.2"].proposal.ground is Ground.UNDETECTED
    assert MET not in {item.proposal.outcome for page in pages for item in page.items}


async def test_a_filled_workbook_is_taken_in_own_lines_first_then_all_pages_then_proposals(
    once: Database, tmp_path: Path
) -> None:
    path, key, pages = await exported(once, tmp_path)
    own = row_of(path, 2, "/form", "2.4.2 ")
    fill(path, {
        (0, "B2"): "環境局 山田",
        (1, f"G{row_of(path, 1, '1.1.1')}"): "○", (1, f"G{row_of(path, 1, '1.2.1')}"): "○",
        (1, f"H{row_of(path, 1, '2.4.2')}"): "適合",
        (2, f"J{own}"): "不適合", (2, f"K{own}"): "題名が内容と違う",
    })  # fmt: skip
    answers = read_judge_book(path, key, pages)
    assert answers.person == "環境局 山田"
    said = {(visit, criterion): (outcome, reason) for visit, criterion, outcome, reason in answers.judgements}
    by_address = {page.address.rpartition("/")[2]: page.visit for page in pages}
    assert said[by_address["image"], "1.1.1"] == (NOT_MET, None)  # the rule that found it says why, in any language
    assert (by_address["form"], "1.1.1") not in said  # nothing was proposed for it
    assert said[by_address["form"], "1.2.1"] == (NOT_APPLICABLE, None)
    assert (by_address["map"], "1.2.1") not in said
    assert said[by_address["form"], "2.4.2"] == (NOT_MET, "題名が内容と違う")
    assert {said[visit, "2.4.2"][0] for name, visit in by_address.items() if name != "form"} == {MET}
    async with once.writing() as connection:
        first = await keep_judgements(connection, key["sweep"], answers.person, answers.judgements)
        assert first == len(answers.judgements)
        assert (
            await keep_judgements(connection, key["sweep"], answers.person, answers.judgements) == 0
        )  # nothing new


async def test_beside_a_proposal_stand_its_places_and_the_way_to_their_pictures(
    database: Database, tools: Tools, tmp_path: Path
) -> None:
    images = "".join(f'<img src="/i.png" id="i{n}" width="40" height="40">' for n in range(5))
    async with small_site({**SITE, "/image": html(images, title="画像")}) as server:
        number = await sweep(database, server, tools)
    report = await write_report(database, number, tmp_path / "out of 1", "ja")
    key, pages = await judged(database, number)
    book = tmp_path / "books" / "judge.xlsx"
    book.parent.mkdir()
    write_judge_book(book, key, pages, Language("ja"), await written_report(database, number, report.parent))
    line = row_of(book, 2, "/image", "1.1.1 ")
    sheet = openpyxl.load_workbook(book).worksheets[2]
    assert sheet[f"G{line}"].value == "#i0\n#i1\n#i2\nほかに 2 か所"
    assert sheet[f"H{line}"].value == "報告書を見る"
    page, _, part = unquote(sheet[f"H{line}"].hyperlink.target).partition("#")
    shown = (book.parent / page).read_text(encoding="utf-8")
    assert f'id="{part}"' in shown
    assert "/image" in shown
    unseen = row_of(book, 2, "/form", "2.4.5 ")
    assert sheet[f"G{unseen}"].value in (None, "")
    assert "#" not in sheet[f"H{unseen}"].hyperlink.target


async def test_only_the_report_of_the_sweep_is_led_to(twice: Database, tmp_path: Path) -> None:
    other = (await write_report(twice, FIRST, tmp_path / "first", "ja")).parent
    assert await written_report(twice, FIRST, other) == other
    with pytest.raises(UsageError, match="holds no report of sweep"):
        await written_report(twice, SECOND, other)
    (tmp_path / "empty").mkdir()
    for place in (tmp_path, tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="holds no report of sweep"):
            await written_report(twice, FIRST, place)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_person_takes_a_judgement_back(database: Database, tools: Tools, tmp_path: Path) -> None:
    async with small_site(SITE) as server:
        assert await sweep(database, server, tools) == FIRST
    path, key, pages = await exported(database, tmp_path)
    form = next(page.visit for page in pages if page.address.endswith("/form"))

    async def take_in(outcome: str, person: str) -> int:
        fill(path, {(0, "B2"): person, (2, f"J{row_of(path, 2, '/form', '2.4.2 ')}"): outcome})
        answers = read_judge_book(path, key, pages)
        async with database.writing() as connection:
            return await keep_judgements(connection, key["sweep"], answers.person, answers.judgements)

    async def said() -> list[tuple[str, JudgementOutcome]]:
        _, now = await judged(database, key["sweep"])
        item = next(
            item for page in now if page.visit == form for item in page.items if item.criterion.number == "2.4.2"
        )
        return [(each.person, each.outcome) for each in item.said]

    assert await take_in("取り消し", "山田") == 0  # nothing was said yet
    assert await take_in("適合", "山田") == 1
    assert await take_in("適合", "鈴木") == 1
    assert await take_in("取り消し", "山田") == 1
    assert await take_in("取り消し", "山田") == 0
    assert await said() == [("鈴木", MET)]
    assert await take_in("適合", "山田") == 1
    assert len(await said()) == 2


async def test_wrong_cells_are_named_all_of_them_and_nothing_is_taken(once: Database, tmp_path: Path) -> None:
    path, key, pages = await exported(once, tmp_path)
    override = row_of(path, 2, "/image", "1.1.1 ")
    unreasoned = row_of(path, 2, "/form", "2.4.2 ")
    alone, word = row_of(path, 2, "/form", "2.4.3 "), row_of(path, 2, "/form", "2.4.4 ")
    fill(path, {(2, f"J{override}"): "適合", (2, f"J{unreasoned}"): "不適合", (2, f"K{alone}"): "理由だけ",
                (2, f"J{word}"): "たぶん"})  # fmt: skip
    with pytest.raises(UsageError) as refused:
        read_judge_book(path, key, pages)
    told = refused.value.line("ja")
    for cell in (
        "説明!B2",
        f"ページ別!J{override}",
        f"ページ別!J{unreasoned}",
        f"ページ別!J{alone}",
        f"ページ別!J{word}",
    ):
        assert f"{cell}:" in told
    fill(path, {(0, "B2"): "山田", (2, f"K{override}"): "飾りの画像なので", (2, f"K{unreasoned}"): "題名がない",
                (2, f"J{alone}"): "適合", (2, f"J{word}"): "適合"})  # fmt: skip
    assert len(read_judge_book(path, key, pages).judgements) == 4


async def test_only_the_proposals_that_a_person_was_shown_are_accepted(twice: Database, tmp_path: Path) -> None:
    """A judgement of an earlier sweep, made meanwhile, is proposed now and was not then."""
    key, pages = await judged(twice, SECOND)
    path = tmp_path / "judge.xlsx"
    write_judge_book(path, key, pages, Language("ja"))
    await say(
        twice, FIRST, "山田", lambda item: (MET, None) if item.criterion.number in ("2.4.5", "1.2.1") else None
    )
    key, pages = await judged(twice, SECOND)
    assert items(pages, "/image")["2.4.5"].proposal.outcome is MET
    shown, hidden = (row_of(path, 1, number) for number in ("1.2.1", "2.4.5"))
    fill(path, {(0, "B2"): "鈴木", (1, f"G{hidden}"): "○"})
    assert read_judge_book(path, key, pages).judgements == [], "no proposal was shown"
    fill(path, {(1, f"G{shown}"): "○"})
    with pytest.raises(UsageError) as refused:
        read_judge_book(path, key, pages)
    assert f"ページ別!J{row_of(path, 2, '/image', '1.2.1 ')}: 書き出した後に案が変わりました" in refused.value.line(
        "ja"
    )


async def test_a_workbook_that_has_lost_its_shape_is_refused_with_the_cell(once: Database, tmp_path: Path) -> None:
    key, pages = await judged(once, FIRST)

    def broken(change: Callable[[Any], None]) -> str:
        path = tmp_path / "judge.xlsx"
        write_judge_book(path, key, pages, Language("ja"))
        book = openpyxl.load_workbook(path)
        book.worksheets[0]["B2"] = "山田"
        change(book)
        book.save(path)
        with pytest.raises(UsageError) as refused:
            read_judge_book(path, key, pages)
        return refused.value.line("ja")

    assert "ページ別!J1: この列の見出しが違います" in broken(lambda book: book.worksheets[2].delete_cols(10))
    assert "ページ別!A2: このシートの行がなくなっています" in broken(
        lambda book: book.worksheets[2].delete_rows(5, 3)
    )
    assert "達成基準!A2: このシートの行が" in broken(lambda book: book.worksheets[1].delete_rows(4))

    def set_cell(sheet: int, cell: str, value: Any) -> Callable[[Any], None]:
        def change(book: Any) -> None:
            book.worksheets[sheet][cell] = value

        return change

    def chained(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
        def change(book: Any) -> None:
            for each in changes:
                each(book)

        return change

    assert "達成基準!A3: この達成基準は試験にありません" in broken(set_cell(1, "A3", 1.2))
    assert "達成基準!G3: 案を受け入れるときは○" in broken(set_cell(1, "G3", "×"))
    for visit in ("99999", "²", "9" * 5_000):
        assert "ページ別!J3: この行がどのページのものか" in broken(
            chained(set_cell(2, "M3", f"{visit} 1.1.1"), set_cell(2, "J3", "適合"))
        )

    def swap(sheet: int, columns: str, other: int) -> Callable[[Any], None]:
        """Some cells of the second line change places with those of another, and the rest stays."""

        def change(book: Any) -> None:
            lines = book.worksheets[sheet]
            for column in columns:
                here, there = lines[f"{column}2"], lines[f"{column}{other}"]
                here.value, there.value = there.value, here.value

        return change

    elsewhere = len(pages[0].items) + 3  # the second criterion of the second page
    moved = broken(swap(2, "ABCDEFGHI", elsewhere))
    assert "ページ別!B2: この行が示すページか達成基準が" in moved
    assert "ページ別!C2: この行が示す" in moved
    assert "ページ別!B2: この行が示す" in broken(swap(2, "M", elsewhere))
    assert "達成基準!B2: この行が示す" in broken(swap(1, "A", 3))
    path = tmp_path / "moved.xlsx"
    write_judge_book(path, key, pages, Language("ja"))
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["B2"] = "山田　太郎"
    book.move_sheet(book.worksheets[2], -2)
    book.save(path)
    assert read_judge_book(path, key, pages).person == "山田 太郎"


async def test_one_word_for_all_pages_does_not_speak_against_the_machine(once: Database, tmp_path: Path) -> None:
    path, key, pages = await exported(once, tmp_path)
    line = row_of(path, 1, "1.1.1")
    fill(path, {(0, "B2"): "山田", (1, f"H{line}"): "適合", (1, f"I{line}"): "ほかの担当にも聞く"})
    own = row_of(path, 2, "/image", "1.1.1 ")
    with pytest.raises(UsageError) as refused:
        read_judge_book(path, key, pages)
    assert f"ページ別!J{own}:" in refused.value.line("ja")
    fill(path, {(2, f"J{own}"): "適合", (2, f"K{own}"): "飾りの画像なので"})
    assert len(read_judge_book(path, key, pages).judgements) == len(pages)


async def test_a_stale_workbook_and_one_of_another_sweep_are_refused(twice: Database, tmp_path: Path) -> None:
    key, pages = await judged(twice, FIRST)
    path = tmp_path / "judge.xlsx"
    write_judge_book(path, key, pages, Language("ja"))
    other, theirs = await judged(twice, SECOND)
    with pytest.raises(UsageError, match="another sweep"):
        read_judge_book(path, other, theirs)
    async with twice.writing() as connection:
        result = sa.select(Visit.result_id).where(Visit.id == pages[1].visit).scalar_subquery()
        await connection.execute(sa.update(Visit).where(Visit.id == pages[0].visit).values(result_id=result))
    changed, now_ = await judged(twice, FIRST)
    with pytest.raises(UsageError, match="stale"):
        read_judge_book(path, changed, now_)
    with pytest.raises(UsageError, match="cannot be read"):
        read_judge_book(Path(__file__), changed, now_)
    openpyxl.Workbook().save(path)
    with pytest.raises(UsageError, match="not a workbook that"):
        read_judge_book(path, changed, now_)


async def test_where_people_differ_nothing_is_decided_and_no_notation_stands(
    database: Database, tools: Tools
) -> None:
    async with small_site({**SITE, "/image": html("<p>画像はなくなりました</p>", title="画像")}) as server:
        number = await sweep(database, server, tools)
    stated = {
        "policy": "https://example.lg.jp/a",
        "published": "https://example.lg.jp/r",
        "scope": "全ページ",
        **ITEMS,
    }
    assert Lack.UNJUDGED in lacks(await jis_test(database, number), Notation.CONFORMING, stated)
    await say(database, number, "山田", as_proposed)
    test = await jis_test(database, number)
    assert test.judged
    assert test.met
    assert lacks(test, Notation.CONFORMING, stated) == []
    await say(
        database, number, "鈴木",
        lambda item: (NOT_MET, "題名が短すぎる") if item.criterion.number == "2.4.2" else None,
    )  # fmt: skip
    test = await jis_test(database, number)
    assert verdict(test, "2.4.2") is Verdict.UNJUDGED
    assert lacks(test, Notation.CONFORMING, stated) == [Lack.DISPUTED]
    with pytest.raises(UsageError):
        await declare(database, number, Notation.CONFORMING, "局長", stated)
    assert await declaration(database, number) is None
    await say(database, number, "鈴木", lambda item: (MET, None) if item.criterion.number == "2.4.2" else None)
    await declare(database, number, Notation.CONFORMING, "局長", stated)
    found = await declaration(database, number)
    assert found is not None
    assert (found.notation, found.person) == (Notation.CONFORMING, "局長")


async def test_one_failing_page_fails_the_criterion_and_conformance_is_refused(once: Database) -> None:
    await say(once, FIRST, "山田", lambda item: (as_proposed(item)[0], "代替テキストがない"))
    test = await jis_test(once, FIRST)
    assert verdict(test, "1.1.1") is Verdict.NOT_MET
    stated = {"policy": "p", "published": "r", "scope": "全ページ", **ITEMS}
    assert lacks(test, Notation.CONFORMING, stated) == [Lack.NOT_MET]
    assert lacks(test, Notation.PARTIALLY, stated) == [Lack.PLAN]
    assert lacks(test, Notation.PARTIALLY, {**stated, "plan": "令和9年3月まで"}) == []
    assert lacks(test, Notation.CONSIDERATE, {}) == [Lack.POLICY]


async def test_a_failing_page_does_not_end_the_test_of_the_others(once: Database) -> None:
    await say(once, FIRST, "山田", lambda item: (NOT_MET, "なし") if item.failed_places else None)
    await say(once, FIRST, "山田", lambda item: (MET, None) if item.criterion.number != "1.1.1" else None)
    test = await jis_test(once, FIRST)
    assert verdict(test, "1.1.1") is Verdict.NOT_MET
    assert not test.judged
    stated = {"policy": "p", "published": "r", "scope": "全ページ", **ITEMS, "plan": "令和9年3月まで"}
    assert lacks(test, Notation.PARTIALLY, stated) == [Lack.UNJUDGED]


async def test_a_judgement_is_proposed_again_for_a_page_that_has_not_changed_and_for_no_other(
    database: Database, tools: Tools
) -> None:
    pages = dict(SITE)
    async with small_site(pages) as server:
        first = await sweep(database, server, tools)
        await say(database, first, "山田", lambda item: (MET, None) if item.criterion.number == "2.4.5" else None)
        pages["/form"] = html("<p>問い合わせは電話でお願いします</p>", title="問い合わせ")
        second = await sweep(database, server, tools)
    _, found = await judged(database, second)
    again = items(found, "/image")["2.4.5"].proposal
    assert (again.outcome, again.ground, again.person) == (MET, Ground.EARLIER, "山田")
    assert items(found, "/form")["2.4.5"].proposal.ground is Ground.UNTESTED
    async with database.reading() as connection:
        mine = {page.visit for page in found}
        stored = await connection.scalars(sa.select(Judgement.visit_id))
        assert mine.isdisjoint(stored)  # a proposal is no judgement


async def test_a_reason_against_the_machine_is_proposed_again_while_its_faults_are_the_same(
    twice: Database, tmp_path: Path
) -> None:
    """The same page with the same faults: the person who overrode them is asked once, not every year."""
    why = "飾りの線で、意味を持たないため"
    await say(twice, FIRST, "山田", lambda item: (MET, why) if item.failed_places else None)
    key, pages = await judged(twice, SECOND)
    item = items(pages, "/image")["1.1.1"]
    assert (item.proposal.outcome, item.proposal.ground, item.proposal.reason) == (MET, Ground.EARLIER, why)
    assert (item.failed_places, item.proposal.rules) == (1, ("image-alt",))
    path = tmp_path / "judge.xlsx"
    write_judge_book(path, key, pages, Language("ja"))
    row = row_of(path, 2, "/image", "1.1.1 ")
    ground = openpyxl.load_workbook(path).worksheets[2][f"F{row}"].value
    assert why in ground
    assert "機械が見つけた問題（1か所）は、そのときと同じです" in ground
    fill(
        path,
        {(0, "B2"): "鈴木", (1, f"G{row_of(path, 1, '1.1.1')}"): "○", (1, f"I{row_of(path, 1, '1.1.1')}"): "注"},
    )
    said = [(outcome, reason) for visit, number, outcome, reason in read_judge_book(path, key, pages).judgements]
    assert said == [(MET, why)]
    _, before = await judged(twice, FIRST)
    visit, clean = (
        next(each.visit for each in before if each.address.endswith(end)) for end in ("/image", "/form")
    )
    async with twice.writing() as connection:  # then, the rules of that time had found nothing
        other = sa.select(Visit.result_id).where(Visit.id == clean).scalar_subquery()
        await connection.execute(sa.update(Visit).where(Visit.id == visit).values(result_id=other))
    _, pages = await judged(twice, SECOND)
    assert items(pages, "/image")["1.1.1"].proposal.ground is Ground.FAILED


async def test_why_a_fault_of_the_machine_counts_is_proposed_again(twice: Database, tmp_path: Path) -> None:
    """What a person wrote of an unchanged page stands in the next result too, not the title of a rule."""
    why = "地図の代替テキストが「map」だけ"
    await say(twice, FIRST, "山田", lambda item: (NOT_MET, why) if item.failed_places else None)
    key, pages = await judged(twice, SECOND)
    proposal = items(pages, "/image")["1.1.1"].proposal
    assert (proposal.outcome, proposal.ground, proposal.reason) == (NOT_MET, Ground.FAILED, why)
    path = tmp_path / "judge.xlsx"
    write_judge_book(path, key, pages, Language("ja"))
    assert "前に山田も不適合としました" in str(
        openpyxl.load_workbook(path).worksheets[2][f"F{row_of(path, 2, '/image', '1.1.1 ')}"].value
    )
    row = row_of(path, 1, "1.1.1")
    fill(path, {(0, "B2"): "鈴木", (1, f"G{row}"): "○"})
    assert [said[2:] for said in read_judge_book(path, key, pages).judgements] == [(NOT_MET, why)]
    fill(path, {(1, f"I{row}"): "今年の言い方"})
    assert [said[2:] for said in read_judge_book(path, key, pages).judgements] == [(NOT_MET, "今年の言い方")]


async def test_a_test_that_was_left_after_a_few_words_hides_none_of_the_one_before(twice: Database) -> None:
    await say(twice, FIRST, "山田", lambda item: None if item.failed_places else (MET, None))
    await say(
        twice, SECOND, "鈴木", lambda item: (NOT_APPLICABLE, None) if item.criterion.number == "2.4.5" else None
    )
    for person, outcome in (("佐藤", MET), ("鈴木", NOT_APPLICABLE)):
        await say(
            twice,
            SECOND,
            person,
            lambda item, said=outcome: (said, None) if item.criterion.number == "2.4.7" else None,
        )
    _, pages = await judged(twice, await carried_once_more(twice, SECOND))
    found = items(pages, "/image")
    said = {
        number: (found[number].proposal.outcome, found[number].proposal.person) for number in ("1.3.2", "2.4.5")
    }
    assert said == {"1.3.2": (MET, "山田"), "2.4.5": (NOT_APPLICABLE, "鈴木")}
    assert found["2.4.7"].proposal.outcome is None, "the last who judged it differ"


async def carried_once_more(database: Database, number: int) -> int:
    """A further sweep in which nothing has changed, made of rows; returns its number."""
    async with database.writing() as connection:
        sweep = dict((await connection.execute(sa.select(Sweep).where(Sweep.id == number))).mappings().one())
        again = await connection.scalar(sa.insert(Sweep).values({**sweep, "id": number + 1}).returning(Sweep.id))
        for visit in (await connection.execute(sa.select(Visit).where(Visit.sweep_id == number))).mappings().all():
            del (values := dict(visit))["id"]
            await connection.execute(sa.insert(Visit).values({**values, "sweep_id": again, "carried": True}))
    assert again is not None
    return again


def verdict(test: JisTest, number: str) -> Verdict:
    return next(each.verdict for each in test.criteria if each.criterion.number == number)


async def test_a_page_whose_style_has_changed_is_judged_anew(database: Database, tools: Tools) -> None:
    styled = html("<p>本文</p>", title="様式", head='<link rel="stylesheet" href="/s.css">')
    pages: dict[str, Answer] = {"/": styled, "/s.css": http(b"p { color: #222 }", content_type="text/css")}
    async with small_site(pages) as server:
        first = await sweep(database, server, tools)
        await say(database, first, "山田", lambda item: (MET, None) if item.criterion.number == "2.4.7" else None)
        pages["/s.css"] = http(
            b"p { color: #222; padding: 40px } :focus { outline: none }", content_type="text/css"
        )
        second = await sweep(database, server, tools)
    _, found = await judged(database, second)
    assert items(found, "/")["2.4.7"].proposal.ground is Ground.UNTESTED
