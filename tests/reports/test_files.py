"""A sweep as one file: each kind says what the rows say, no more, and nothing that a page says becomes part of it."""

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from openpyxl import load_workbook
from pypdf import PdfReader

from audits.conclude import conclude
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, Finding, Page, Visit
from db.words import Outcome, Region, VisitState
from reports.clean import INVISIBLE, visible
from reports.files import excel, sheets
from reports.files.kinds import FileKind, write_file
from reports.files.pdf import print_pdf
from reports.language import Language
from reports.render import style_sheet
from tests.reports.rows import HOSTILE, storable

KINDS = (FileKind.EXCEL, FileKind.JSON, FileKind.SARIF, FileKind.EARL)


@pytest.fixture
async def folder(database: Database, sweep: int, tmp_path: Path) -> Path:
    """A folder with the sweep in all kinds that need no browser."""
    for kind in KINDS:
        await write_file(database, sweep, kind, tmp_path / f"x.{kind.ending}", "ja")
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("x.")) == [
        "x.json", "x.jsonld", "x.sarif", "x.xlsx",
    ]  # fmt: skip
    return tmp_path


async def rows_of(database: Database, sweep: int) -> tuple[int, int, dict[str, int]]:
    """Audited pages, addresses without a result, and findings by rule."""
    async with database.reading() as connection:
        states = Counter(await connection.scalars(sa.select(Visit.state).where(Visit.sweep_id == sweep)))
        found = sa.select(Finding.rule).join(Visit, Visit.result_id == Finding.result_id)
        rules = Counter(await connection.scalars(found.where(Visit.sweep_id == sweep)))
    audited = states.pop(VisitState.AUDITED)
    return audited, sum(states.values()), dict(rules)


async def test_json_has_every_page_every_finding_and_every_address_without_a_result(
    database: Database, sweep: int, folder: Path
) -> None:
    told = json.loads((folder / "x.json").read_text(encoding="utf-8"))
    audited, others, rules = await rows_of(database, sweep)
    with_result = [page for page in told["pages"] if page["state"] == "audited"]
    assert (len(with_result), len(told["pages"]) - len(with_result)) == (audited, others)
    assert all(page["reason"] is None or "findings" not in page for page in told["pages"])
    assert Counter(found["rule"] for page in with_result for found in page["findings"]) == rules
    assert told["sweep"]["complete"] is False
    assert not {"met", "passed"} & {each["state"] for page in with_result for each in page["criteria"].values()}
    snippets = {found["snippet"] for page in with_result for found in page["findings"]}
    assert {visible(storable(text)).strip() for text in HOSTILE} <= {visible(each).strip() for each in snippets}
    assert not INVISIBLE.search((folder / "x.json").read_text(encoding="utf-8"))


async def test_sarif_has_each_place_as_a_result_and_tells_what_was_not_audited(
    database: Database, sweep: int, folder: Path
) -> None:
    run = json.loads((folder / "x.sarif").read_text(encoding="utf-8"))["runs"][0]
    _, _, rules = await rows_of(database, sweep)
    assert Counter(each["ruleId"] for each in run["results"]) == rules
    assert all(run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    open_questions = [each for each in run["results"] if each["kind"] == "review"]
    assert open_questions
    assert {each["level"] for each in open_questions} == {"none"}  # SARIF 3.27.10: no level but for fail
    conclusion = await conclude(database, sweep)
    told = run["invocations"][0]
    assert told["executionSuccessful"] is conclusion.complete is False
    lost = Counter(each["descriptor"]["id"] for each in told["toolExecutionNotifications"])
    assert lost == {reason.value: count for reason, count in conclusion.unaudited.items()}


async def test_earl_says_failed_cant_tell_and_untested_and_never_passed(
    database: Database, sweep: int, folder: Path
) -> None:
    graph = json.loads((folder / "x.jsonld").read_text(encoding="utf-8"))["@graph"]
    assertions = [each for each in graph if each["@type"] == "earl:Assertion"]
    outcomes = Counter(each["result"]["outcome"] for each in assertions)
    assert set(outcomes) == {"earl:failed", "earl:cantTell", "earl:untested"}
    audited, others, _ = await rows_of(database, sweep)
    assert outcomes["earl:untested"] == others
    subjects = {each["@id"]: each for each in graph if each["@type"] == "earl:TestSubject"}
    assert len(subjects) == 1 + audited + others
    site = subjects.pop("_:site")
    assert site["homepage"] in subjects, "the start page is a page, and the site another subject"
    assert {each["isPartOf"] for each in subjects.values()} == {"_:site"}
    conclusion = await conclude(database, sweep)
    failed = Counter(each["test"] for each in assertions if each["result"]["outcome"] == "earl:failed")
    assert sorted(failed.values()) == sorted(
        each.problem_pages for each in conclusion.criteria if each.problem_pages
    )


async def test_the_workbook_counts_as_the_rows_do_and_runs_nothing(
    database: Database, sweep: int, folder: Path
) -> None:
    book = load_workbook(folder / "x.xlsx")
    assert book.sheetnames == ["概要", "達成基準", "ページ", "箇所", "欠陥", "列の説明"]
    audited, others, rules = await rows_of(database, sweep)
    assert book["ページ"].max_row - 1 == audited + others
    assert book["箇所"].max_row - 1 == sum(rules.values())
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref is not None
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None or cell.hyperlink.location
    to_place = book["ページ"]["A2"].hyperlink.location
    assert book["箇所"][to_place.partition("!")[2]].value == book["ページ"]["A2"].value
    numbered = [each.value for name in ("ページ", "箇所") for each in book[name]["A"][1:] if each.value is not None]
    assert {type(each) for each in numbered} == {int}, "a number that is linked is sorted and filtered as a number"
    by_defect = sum(row[5].value for row in book["欠陥"].iter_rows(min_row=2))
    async with database.reading() as connection:
        failed = sa.select(sa.func.count()).select_from(Finding).join(Visit, Visit.result_id == Finding.result_id)
        count = await connection.scalar(failed.where(Visit.sweep_id == sweep, Finding.outcome == Outcome.FAILED))
    assert by_defect == count
    conclusion = await conclude(database, sweep)
    pages = {row[0].value: row[4].value for row in book["達成基準"].iter_rows(min_row=2)}
    assert pages == {each.number: each.problem_pages for each in conclusion.criteria}


async def test_the_workbook_says_where_each_defect_is_to_be_repaired(
    database: Database, sweep: int, tmp_path: Path
) -> None:
    regions = (Region.TEMPLATE, Region.CONTENT, None)
    async with database.writing() as connection:
        for region in regions:
            kept = sa.update(Defect).where(Defect.id % len(regions) == regions.index(region)).values(region=region)
            await connection.execute(kept)
    await write_file(database, sweep, FileKind.EXCEL, tmp_path / "x.xlsx", "en")
    listed = load_workbook(tmp_path / "x.xlsx")["Defects"].iter_rows(min_row=2)
    told = {row[0].value: row[excel.DEFECTS.index("region")].value for row in listed}
    words = ("template", "content", None)
    assert told == {number: words[number % len(words)] for number in told}
    assert set(told.values()) == set(words)


async def test_a_full_sheet_goes_on_in_another(
    database: Database, sweep: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "ROWS", 20)
    monkeypatch.setattr(sheets, "LINKS", 3)
    await write_file(database, sweep, FileKind.EXCEL, tmp_path / "x.xlsx", "en")
    book = load_workbook(tmp_path / "x.xlsx")
    places = [name for name in book.sheetnames if name.startswith("Places")]
    _, _, rules = await rows_of(database, sweep)
    assert sum(book[name].max_row - 1 for name in places) == sum(rules.values())
    assert len(places) == -(-sum(rules.values()) // 20)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_pdf_is_tagged_with_an_outline_and_its_fonts_inside(
    database: Database, sweep: int, tmp_path: Path, chromium: str
) -> None:
    await write_file(database, sweep, FileKind.PDF, tmp_path / "site.pdf", "ja", browser=chromium)
    async with database.reading() as connection:
        audited = sa.select(Page.address).join(Visit, Visit.page_id == Page.id).where(Visit.sweep_id == sweep)
        address = (
            await connection.scalars(audited.where(Visit.state == VisitState.AUDITED).order_by(Page.id))
        ).first()
    assert address is not None
    await write_file(database, sweep, FileKind.PDF, tmp_path / "page.pdf", "ja", page=address, browser=chromium)
    for name in ("site.pdf", "page.pdf"):
        with (tmp_path / name).open("rb") as file:
            reader = PdfReader(file)
            root: Any = reader.trailer["/Root"]
            assert (root["/MarkInfo"]["/Marked"], root["/Lang"]) == (True, "ja")
            assert reader.outline
            assert "機械" in "".join(page.extract_text() for page in reader.pages)
            links = [
                str(note.get_object().get("/A", {}).get("/URI", ""))
                for page in reader.pages for note in page.get("/Annots", [])
            ]  # fmt: skip
            assert not [link for link in links if "report.invalid" in link or link.startswith("file:")]
            for page in reader.pages:
                for font in page["/Resources"].get("/Font", {}).values():  # type: ignore[union-attr]
                    assert _is_inside(font.get_object())


async def test_the_outline_names_each_heading_once_wherever_pages_end(tmp_path: Path, chromium: str) -> None:
    headings = [f"見出し {number}" for number in range(120)]
    parts = "".join(f"<h2>{each}</h2>{'<p>本文</p>' * (number % 7 + 1)}" for number, each in enumerate(headings))
    (tmp_path / "report.css").write_text(style_sheet(), encoding="utf-8")
    (tmp_path / "index.html").write_text(
        f'<!doctype html><html lang="ja"><title>x</title><link rel="stylesheet" href="report.css"><main>{parts}</main>',
        encoding="utf-8",
    )
    await print_pdf(tmp_path, "index.html", tmp_path / "x.pdf", chromium)
    reader = PdfReader(tmp_path / "x.pdf")
    assert len(reader.pages) > 10
    outline: list[Any] = reader.outline
    assert [each.title for each in outline] == headings


def _is_inside(font: Any) -> bool:
    if font["/Subtype"] == "/Type3":
        return "/CharProcs" in font
    described = font.get("/DescendantFonts", [font])[0].get_object()["/FontDescriptor"]
    return bool({"/FontFile", "/FontFile2", "/FontFile3"} & set(described))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_shared_archive_is_the_report(
    database: Database, sweep: int, report: Path, tmp_path: Path
) -> None:
    await write_file(database, sweep, FileKind.HTML, tmp_path / "x.zip", "ja")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert names == {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_there_is_not_is_refused_and_leaves_nothing(
    database: Database, sweep: int, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        await write_file(database, 99, FileKind.JSON, tmp_path / "new" / "x.json", "ja")
    with pytest.raises(UsageError):
        await write_file(
            database, sweep, FileKind.PDF, tmp_path / "new" / "x.pdf", "ja", page="https://other.example/"
        )
    with pytest.raises(UsageError):
        await write_file(
            database, sweep, FileKind.JSON, tmp_path / "new" / "x.json", "ja", page="https://other.example/"
        )
    assert list((tmp_path / "new").iterdir()) == []


def test_every_column_and_key_is_in_the_data_dictionary() -> None:
    dictionary = Path("docs/files.md").read_text(encoding="utf-8")
    language = Language("ja")
    for name in (*excel.CRITERIA, *excel.DEFECTS):
        assert language.say(f"file.{'criteria' if name in excel.CRITERIA else 'defects'}_{name}") in dictionary
    for name in (*excel.PLACES, *excel.LISTED):
        table = "findings" if name in excel.PLACES else "pages"
        assert language.say(f"{table}_csv.{name}") in dictionary
