"""A workbook of one sheet (Office Open XML), written and read as far as a table of texts needs it."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

from db.errors import StorageError, UsageError

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_LARGEST = 50 * 1024 * 1024  # bytes of one part
_FILES = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="sample" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def write_workbook(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write rows of texts; no cell is ever run as a formula. Raises StorageError."""
    cells = (
        "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{_text(cell)}</t></is></c>' for cell in row)
        for row in rows
    )
    sheet = "".join(f"<row>{row}</row>" for row in cells)
    files = _FILES | {
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>'
    }
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, _HEAD + text)
    except OSError as error:
        raise StorageError(
            ja=f"{path} に書き込めません（{error.strerror}）。", en=f"Cannot write to {path} ({error.strerror})."
        ) from error


def read_workbook(path: Path) -> list[list[str]]:
    """The texts of the first sheet, row by row, empty rows included. Raises UsageError for what is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename: info.file_size for info in archive.infolist()}
            sheets = sorted(name for name in names if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name))
            shared = "xl/sharedStrings.xml"
            texts = list(_shared(_part(archive, shared, names))) if shared in names else []
            return list(_rows(_part(archive, min(sheets, key=_number), names), texts))
    except (OSError, zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, ValueError, IndexError) as error:
        raise UsageError(
            ja=f"{path} を表（.xlsx）として読めません（{getattr(error, 'strerror', None) or error}）。",
            en=f"{path} cannot be read as a workbook ({getattr(error, 'strerror', None) or error}).",
        ) from error


def _part(archive: zipfile.ZipFile, name: str, sizes: dict[str, int]) -> etree._Element:
    if sizes[name] > _LARGEST:
        raise ValueError(f"{name} is too large")
    return etree.fromstring(archive.read(name), etree.XMLParser(resolve_entities=False, no_network=True))


def _shared(root: etree._Element) -> Iterator[str]:
    for item in root.iter(f"{{{_MAIN}}}si"):
        yield _plain(item)


def _rows(root: etree._Element, texts: Sequence[str]) -> Iterator[list[str]]:
    last = 0
    for row in root.iter(f"{{{_MAIN}}}row"):
        number = int(row.get("r") or last + 1)
        yield from ([] for _ in range(min(number - last - 1, 1000)))
        last = number
        cells: list[str] = []
        for cell in row.iter(f"{{{_MAIN}}}c"):
            column = _column(cell.get("r") or "")
            cells += [""] * (column - 1 - len(cells))
            cells.append(_cell(cell, texts))
        yield cells


def _cell(cell: etree._Element, texts: Sequence[str]) -> str:
    kind = cell.get("t")
    if kind == "inlineStr":
        return _plain(cell)
    value = cell.findtext(f"{{{_MAIN}}}v") or ""
    return texts[int(value)] if kind == "s" else value


def _plain(element: etree._Element) -> str:
    """The text of a string, without the readings that Japanese spreadsheets add (rPh)."""
    parts = element.iter(f"{{{_MAIN}}}t")
    return "".join(each.text or "" for each in parts if each.getparent().tag != f"{{{_MAIN}}}rPh")


def _column(reference: str) -> int:
    column = 0
    for letter in re.match(r"[A-Z]{0,3}", reference)[0]:  # type: ignore[index]
        column = column * 26 + ord(letter) - 64
    return column


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name.rpartition("/")[2]))


def _text(cell: str) -> str:
    """The cell, escaped, without what XML cannot carry."""
    return escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "�", cell[:32_000]))
