"""The Excel workbooks: the test result and the yearly sheet. No cell is ever run as a formula."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from reports.clean import cell
from reports.publish import evaluation
from reports.publish.content import Content
from reports.workbook import height_of

LONGEST = 32_000  # characters of a cell; Excel takes 32,767
_HEAD = PatternFill("solid", fgColor="E9F0F6")
_OPEN = PatternFill("solid", fgColor="FBF3DF")  # what a person fills in or judges
_LINE = Border(*(Side(style="thin", color="C9CED3"),) * 4)


class Book:
    """A workbook that is written sheet by sheet, row by row."""

    def __init__(self, content: Content) -> None:
        self._book = Workbook(write_only=True)
        self._widths: dict[str, Sequence[int]] = {}  # by sheet
        self._rows: Counter[str] = Counter()
        self._marks = (
            content.say("publish.blank"),
            content.say("publish.for_person"),
            content.say("result.unjudged"),
        )
        self._signs = {content.say(f"result.{sign}") for sign in ("yes", "no", "not_applicable")}

    def sheet(
        self, name: str, widths: Sequence[int], heading: Sequence[str], above: Sequence[str] = ()
    ) -> Worksheet:
        """A new sheet with a heading row that every printed page repeats; A4, all columns on one page."""
        sheet: Worksheet = self._book.create_sheet(name)
        self._widths[sheet.title] = widths
        for column, width in zip("ABCDEFGH", widths, strict=False):
            sheet.column_dimensions[column].width = width
        sheet.page_setup.paperSize, sheet.page_setup.orientation = 9, "landscape"
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.print_title_rows = f"{len(above) + 1}:{len(above) + 1}"
        sheet.freeze_panes = f"A{len(above) + 2}"
        for text in above:
            self.row(sheet, [text], plain=True)
        self.row(sheet, heading, head=True)
        return sheet

    def row(self, sheet: Worksheet, values: Iterable[Any], *, head: bool = False, plain: bool = False) -> None:
        """Add a row of texts and numbers."""
        cells = [self._cell(sheet, value, head, plain) for value in values]
        self._rows[sheet.title] += 1
        if not plain:
            height = height_of((each.value for each in cells), self._widths[sheet.title])
            sheet.row_dimensions[self._rows[sheet.title]].height = height
        sheet.append(cells)

    def bytes(self) -> bytes:
        """The finished workbook."""
        out = io.BytesIO()
        self._book.save(out)
        return out.getvalue()

    def _cell(self, sheet: Worksheet, value: Any, head: bool, plain: bool) -> Cell:
        own = (
            isinstance(value, str) and value in self._signs
        )  # 「－」 is a sign of ours, not the start of a formula
        made: Cell = WriteOnlyCell(
            sheet, value=value if own else cell(value)[:LONGEST] if isinstance(value, str) else value
        )
        if isinstance(value, str):
            made.data_type = "s"
        made.font = Font(bold=head, name="Yu Gothic")
        if not plain:
            made.alignment = Alignment(wrap_text=True, vertical="top")
            made.border = _LINE
            if head:
                made.fill = _HEAD
            elif isinstance(value, str) and any(mark in value for mark in self._marks):
                made.fill = _OPEN
        return made


def result_book(content: Content) -> bytes:
    """result.xlsx: the tables of the test result."""
    book, say = Book(content), content.say
    above = [say("result.title"), content.lead, *filter(None, [content.incomplete])]
    sheet = book.sheet(say("result.sheet_items"), (36, 90), [say("result.item"), say("result.content")], above)
    for line in (*content.items("sheet"), *content.others()):
        for index, value in enumerate(line.values):
            book.row(sheet, [line.name if index == 0 else "", value])
    _checklist(book, content)
    sheet = book.sheet(
        say("result.sheet_addresses"), (8, 60, 80, 18),
        [say("result.number"), say("result.page"), say("result.addresses"), say("result.chosen_as")],
    )  # fmt: skip
    for page in content.facts.pages:
        book.row(sheet, [page.number, page.title or say("common.untitled"), page.address, content.chosen_as(page)])
    _exceptions(book, content)
    return book.bytes()


def _checklist(book: Book, content: Content) -> None:
    say = content.say
    names = [say(f"result.{name}") for name in ("criterion", "level", "applies", "outcome", "note")]
    note = f"{say('result.checklist_note')} {say('publish.machine')}"
    sheet = book.sheet(say("result.sheet_checklist"), (48, 10, 10, 10, 70), names, [note])
    for row in content.checklist():
        book.row(sheet, [row.criterion, row.level, row.applies, row.outcome, row.note])


def _exceptions(book: Book, content: Content) -> None:
    say, names = content.say, ("what", "where", "reason", "until")
    heading = [say(f"result.exception_{name}") for name in names]
    sheet = book.sheet(say("result.sheet_exceptions"), (40, 50, 50, 20), heading)
    for each in content.exceptions():
        book.row(sheet, [each[name] for name in names])
    if not content.exceptions():
        book.row(sheet, [content.no_exceptions, "", "", ""])


def evaluation_book(content: Content) -> bytes:
    """evaluation.xlsx: what records know of the yearly round; a person does the rest."""
    book, say = Book(content), content.say
    above = [say("evaluation.title"), say("evaluation.about"), say("evaluation.unsure")]
    names = [say(f"evaluation.{name}") for name in ("item", "value", "source")]
    sheet = book.sheet(say("evaluation.sheet_known"), (40, 80, 44), names, above)
    for each in evaluation.known(content):
        book.row(sheet, [each.item, each.value, each.source])
    names = [say(f"evaluation.{name}") for name in ("part", "points", "score")]
    sheet = book.sheet(say("evaluation.sheet_scores"), (60, 10, 30), names, [say("evaluation.scores")])
    for part, points in evaluation.points(content.language):
        book.row(sheet, [part, points, say("publish.for_person")])
    return book.bytes()
