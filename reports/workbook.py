"""Workbooks (Office Open XML) of texts: formulas are neither written nor read, and what is no workbook is refused."""

import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from db.errors import StorageError, UsageError
from reports.clean import visible

LINE = 15.0  # points
HIGHEST = 409.0  # points that a spreadsheet lets a row have
_LARGEST = 200 * 1024 * 1024  # bytes that a workbook may unfold to


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
    """A workbook to be read. Raises UsageError for what is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST:
                raise InvalidFileException
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that other programs add
            with path.open("rb") as file:  # openpyxl leaves open what it cannot read
                book = load_workbook(file, data_only=True)
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
        yield book
    finally:
        book.close()


def text_of(value: Any) -> str:
    """What a cell says, as text: a whole number without its decimals."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value
