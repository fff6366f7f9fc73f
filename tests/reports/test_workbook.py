"""Workbooks: written so that nothing runs as a formula, and read as spreadsheets save them."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import StorageError, UsageError
from reports.workbook import read_workbook, write_workbook

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, max_size=5),
        max_size=5,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    write_workbook(path, rows)
    assert [[cell.replace("\ufffe", "�").replace("\uffff", "�") for cell in row] for row in rows] == read_workbook(
        path
    )


def test_texts_are_never_formulas(tmp_path: Path) -> None:
    write_workbook(tmp_path / "a.xlsx", [["=1+1", "<b>&\x00"]])
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert 't="inlineStr"' in sheet
    assert read_workbook(tmp_path / "a.xlsx") == [["=1+1", "<b>&�"]]


def test_a_workbook_as_spreadsheets_save_it_is_read(tmp_path: Path) -> None:
    """Shared texts with their readings, cells and rows that are left out, numbers."""
    shared = (
        f"<sst {MAIN}><si><t>アドレス</t></si>"
        "<si><r><t>東</t></r><r><t>京</t></r><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si></sst>"
    )
    sheet = (
        f'<worksheet {MAIN}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row>'
        '<row r="3"><c r="B3" t="s"><v>1</v></c><c r="D3"><v>12</v></c><c r="E3" t="str"><v>x</v></c></row>'
        "</sheetData></worksheet>"
    )
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/sharedStrings.xml", shared)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    assert read_workbook(tmp_path / "a.xlsx") == [["アドレス"], [], ["", "東京", "", "12", "x"]]


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
    sheet = (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><worksheet {MAIN}><sheetData><row>'
        '<c t="inlineStr"><is><t>&e;</t></is></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    assert "geheim" not in str(read_workbook(tmp_path / "a.xlsx"))


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Cannot write"):
        write_workbook(tmp_path / "none" / "a.xlsx", [["a"]])
