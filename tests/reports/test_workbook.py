"""Workbooks: written so that nothing runs as a formula, and read as spreadsheets save them."""

import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from db.errors import StorageError, UsageError
from reports.clean import visible
from reports.workbook import HIGHEST, LINE, height_of, opened, read_workbook, write_workbook

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@settings(deadline=None, max_examples=50)  # a workbook takes a while on a busy machine
@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), min_size=1, max_size=5
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    write_workbook(path, rows)
    widest = max(map(len, rows))
    assert read_workbook(path) == [[*map(visible, row), *[""] * (widest - len(row))] for row in rows]


def test_texts_are_never_formulas(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", [["=1+1", "<b>&\x00"]])
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert read_workbook(tmp_path / "a.xlsx") == [["=1+1", "<b>&␀"]]


def test_numbers_and_gaps_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet["A1"], sheet["B3"], sheet["D3"], sheet["E3"] = "アドレス", "東京", 12.0, 1.5
    book.save(tmp_path / "a.xlsx")
    assert read_workbook(tmp_path / "a.xlsx") == [["アドレス", *[""] * 4], [""] * 5, ["", "東京", "", "12", "1.5"]]


def test_a_file_that_is_not_there_is_not_called_a_bad_workbook(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.xlsx", tmp_path):
        with pytest.raises(UsageError) as refused, opened(missing):
            pass
        assert refused.value.line("ja").startswith(f"{missing} を読めません（")


def test_a_formula_without_a_value_is_no_blank_and_an_error_no_text(tmp_path: Path) -> None:
    """A formula that no spreadsheet has worked out, and what Excel makes of a reason that begins with a dash."""
    path = tmp_path / "a.xlsx"
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "ページ別"
    sheet["A1"], sheet["A2"], sheet["B3"], sheet["C3"] = "判定", "=IF(1,A1)", "#NAME?", "適合"
    sheet["B3"].data_type = "e"
    book.save(path)
    with pytest.raises(UsageError) as refused, opened(path):
        pass
    told = refused.value.line("ja")
    assert "ページ別!A2: 数式の値がないか" in told
    assert "ページ別!B3: 数式の値がないか" in told
    assert "C3" not in told


def test_a_formula_is_read_by_its_value(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", [["適合"]])
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = re.sub(
        rb'<c r="A1".*?</c>', '<c r="A1" t="str"><f>B1</f><v>不適合</v></c>'.encode(), parts[sheet]
    )
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    assert read_workbook(tmp_path / "b.xlsx") == [["不適合"]]


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04 broken", b"a,b\n"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.xlsx").write_bytes(body)
    with pytest.raises(UsageError, match="workbook"):
        read_workbook(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(UsageError, match="workbook"):
        read_workbook(tmp_path / "b.xlsx")


def test_an_entity_is_not_read_from_the_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("geheim", encoding="utf-8")
    write_workbook(tmp_path / "a.xlsx", [["a"]])
    sheet = (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><worksheet {MAIN}><sheetData><row r="1">'
        '<c r="A1" t="inlineStr"><is><t>&e;</t></is></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name, part in (parts | {"xl/worksheets/sheet1.xml": sheet.encode()}).items():
            archive.writestr(name, part)
    with pytest.raises(UsageError, match="workbook"):
        read_workbook(tmp_path / "a.xlsx")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Cannot write"):
        write_workbook(tmp_path / "none" / "a.xlsx", [["a"]])


def test_a_row_is_as_high_as_its_longest_text_in_its_column() -> None:
    assert height_of(["短い", 3, None], [20, 8, 8]) == LINE
    assert height_of(["あ" * 30, "x"], [21, 8]) == 3 * LINE  # ten wide letters in a line
    assert height_of(["one\ntwo\nthree"], [20]) == 3 * LINE
    assert height_of(["あ" * 10_000], [20]) == HIGHEST
