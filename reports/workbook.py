"""Workbooks (Office Open XML) of texts: formulas are neither written nor read, and what is no workbook is refused."""

import re
import warnings
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from db.errors import StorageError, UsageError
from reports.clean import visible
from reports.language import LANGUAGES, Language

SHOWN = 20  # errors that are told one by one
INPUT = PatternFill("solid", fgColor="FFF8E1")
HEAD = PatternFill("solid", fgColor="DCE6F1")
WIDE = 90  # letters of a line of instructions
LINE = 15.0  # points
HIGHEST = 409.0  # points that a spreadsheet lets a row have
_LARGEST = 200 * 1024 * 1024  # bytes that a workbook may unfold to
_FORMULA = re.compile(rb"""<(\w+:)?f[\s/>]|\st=["']e["']""")  # a formula, or what an error left, in a sheet's XML


def write_workbook(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write rows of texts as a workbook of one sheet. Raises StorageError."""
    book = Workbook()
    sheet = sheet_of(book, "sample")
    for row in rows:
        add_row(sheet, row)
    save(book, path)


def sheet_of(book: Workbook, title: str) -> Worksheet:
    """A further sheet of a workbook, in place of the empty one that a new workbook has."""
    for empty in [each for each in book.worksheets if each.max_row == 1 and each["A1"].value is None]:
        book.remove(empty)
    sheet = book.create_sheet(title)
    assert isinstance(sheet, Worksheet)
    return sheet


def add_row(sheet: Worksheet, values: Sequence[Any]) -> None:
    """Append a row; whatever a text begins with, it is a text and no formula."""
    sheet.append(list(map(_plain, values)))
    for cell in sheet[sheet.max_row]:
        if isinstance(cell.value, str):
            cell.data_type = "s"


def end_instructions(sheet: Worksheet) -> None:
    """Make a sheet of sentences, one in each row of its first column, readable on screen and on paper; protect it."""
    sheet.column_dimensions["A"].width = WIDE
    for number, row in enumerate(sheet.iter_rows(), start=1):
        row[0].alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[number].height = height_of([row[0].value], [WIDE])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.row_dimensions[1].height = 1.5 * height_of([sheet["A1"].value], [WIDE / 1.5])
    _fit_on_paper(sheet)
    sheet.protection.enable()


def begin_table(sheet: Worksheet, headings: Sequence[str], widths: Sequence[float]) -> None:
    """Give an empty sheet its row of headings, and its columns their widths."""
    add_row(sheet, headings)
    for index, width in enumerate(widths, start=1):
        cell = sheet.cell(1, index)
        cell.font, cell.fill = Font(bold=True), HEAD
        sheet.column_dimensions[get_column_letter(index)].width = width
    sheet.freeze_panes = "A2"


def end_table(
    sheet: Worksheet, widths: Sequence[float], filled: Collection[int], offered: Mapping[int, tuple[str, str]]
) -> None:
    """Open the columns that people fill, offer them words, protect all others, and make it fit on paper.

    Columns are counted from 1; `offered` gives the words of a column, with commas between, and what is said to others.
    """
    last = max(sheet.max_row, 2)
    for index, (words, error) in offered.items():
        choice = DataValidation(type="list", formula1=f'"{words}"', allow_blank=True)
        choice.error = error
        sheet.add_data_validation(choice)
        choice.add(f"{get_column_letter(index)}2:{get_column_letter(index)}{last}")
    for number, row in enumerate(sheet.iter_rows(min_row=2), start=2):
        sheet.row_dimensions[number].height = height_of((cell.value for cell in row), widths)
        for index, cell in enumerate(row, start=1):
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if index in filled:
                open_for_people(cell)
    _fit_on_paper(sheet)
    sheet.print_title_rows = "1:1"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(widths))}{last}"
    sheet.protection.autoFilter = False  # False: allowed
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False
    sheet.protection.enable()


def _fit_on_paper(sheet: Worksheet) -> None:
    """A4, as many pages as it takes, each as wide as the sheet."""
    sheet.page_setup.paperSize, sheet.page_setup.orientation = 9, "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def open_for_people(cell: Any) -> None:
    """Let people write into a cell, and show that they may."""
    cell.protection = Protection(locked=False)
    cell.fill = INPUT
    cell.alignment = Alignment(wrap_text=True, vertical="top")


def sheet_said(book: Workbook, text: str) -> Worksheet | None:
    """The sheet whose name a text gives in either language, wherever its tab was dragged; None when there is none."""
    names = {Language(lang).say(text) for lang in LANGUAGES} & set(book.sheetnames)
    sheet = book[names.pop()] if names else None
    return sheet if isinstance(sheet, Worksheet) else None


def wrong_headings(sheet: Worksheet, texts: Sequence[str]) -> list[str]:
    """The places of headings that are not what the texts say in either language: columns are read by where they stand."""
    cells = ((sheet.cell(1, index), text) for index, text in enumerate(texts, start=1))
    return [
        place_of(cell)
        for cell, text in cells
        if text_of(cell.value) not in {Language(lang).say(text) for lang in LANGUAGES}
    ]


def hide(book: Workbook, title: str, text: str) -> None:
    """Keep a text in a sheet that nobody sees."""
    hidden = sheet_of(book, title)
    hidden.sheet_state = "veryHidden"
    add_row(hidden, [text])


def hidden_in(book: Workbook, title: str) -> str | None:
    """The text that `hide` has kept; None when there is no such sheet."""
    return text_of(book[title]["A1"].value) if title in book.sheetnames else None


def place_of(cell: Any) -> str:
    """A cell as people find it: the sheet's name and where it stands in it."""
    return f"{cell.parent.title}!{cell.coordinate}"


def refused_cells(path: Path, errors: Sequence[tuple[str, str]], texts: str) -> UsageError:
    """What is wrong with a filled workbook: each cell with what to do, the first few of them one by one.

    `errors` are places and names of texts below `texts`, which has `head` and `more` besides.
    """
    told = list(dict.fromkeys(errors))
    more = len(told) - SHOWN
    lines = {}
    for lang in LANGUAGES:
        language = Language(lang)
        said = [f"{place}: {language.say(f'{texts}.{key}')}" for place, key in told[:SHOWN]]
        said += [language.say(f"{texts}.more", n=more)] if more > 0 else []
        lines[lang] = "\n  ".join([language.say(f"{texts}.head", file=path), *said])
    return UsageError(ja=lines["ja"], en=lines["en"])


def height_of(values: Iterable[Any], widths: Iterable[float]) -> float:
    """The height, in points, of a row whose texts wrap in columns of these widths: not every program works it out."""
    lines = [
        sum(max(1, ceil(_wide(line) / max(width - 1, 1))) for line in text_of(value).split("\n"))
        for value, width in zip(values, widths, strict=False)
    ]
    return min(LINE * max(lines, default=1), HIGHEST)


def _wide(text: str) -> int:
    """How many narrow letters a text is as wide as."""
    return sum(2 if east_asian_width(letter) in "WFA" else 1 for letter in text)


def save(book: Workbook, path: Path) -> None:
    """Write a workbook beside its place and put it there when it is whole. Raises StorageError."""
    draft = path.with_name(f".{path.name}.jisweep")
    try:
        book.save(draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(
            ja=f"{path} に書き込めません（{error.strerror}）。", en=f"Cannot write to {path} ({error.strerror})."
        ) from error


def read_workbook(path: Path) -> list[list[str]]:
    """The texts of the first sheet, row by row, empty rows included. Raises UsageError for what is no workbook."""
    with opened(path) as book:
        return [[text_of(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]


@contextmanager
def opened(path: Path) -> Iterator[Workbook]:
    """A workbook to be read. Raises UsageError for what is none, and for formulas that have no value, cell by cell."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST:
                raise InvalidFileException
            sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
            counted = any(_FORMULA.search(archive.read(name)) for name in sheets)
        book = _loaded(path, data_only=True)
        valueless = list(_valueless(book, _loaded(path, data_only=False))) if counted else []
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UsageError(
            ja=f"{path} を読めません（{error.strerror}）。", en=f"{path} cannot be read ({error.strerror})."
        ) from error
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        SyntaxError,
        zipfile.BadZipFile,
        InvalidFileException,
    ) as error:
        raise UsageError(
            ja=f"{path} は Excel のブック（.xlsx）として読めません。",
            en=f"{path} cannot be read as a workbook (.xlsx).",
        ) from error
    try:
        if valueless:
            raise refused_cells(path, valueless, "workbook")
        yield book
    finally:
        book.close()


def _loaded(path: Path, *, data_only: bool) -> Workbook:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions that other programs add
        with path.open("rb") as file:  # openpyxl leaves open what it cannot read
            return load_workbook(file, data_only=data_only)


def _valueless(values: Workbook, formulas: Workbook) -> Iterator[tuple[str, str]]:
    """Cells whose formula nobody has worked out, or ended in an error: read as they are, they would be blank or `#NAME?`."""
    for sheet in formulas.worksheets:
        for cell in (each for row in sheet.iter_rows() for each in row):
            if cell.data_type == "e":
                yield place_of(cell), "error"
            elif cell.data_type == "f":
                found = values[sheet.title][cell.coordinate]
                if found.value is None or found.data_type == "e":
                    yield place_of(cell), "error"


def text_of(value: Any) -> str:
    """What a cell says, as text: a whole number without its decimals."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value
