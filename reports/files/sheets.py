"""Sheets of Excel workbooks, written row by row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.clean import cell

ROWS = 1_048_575  # that a sheet holds below its heading
LINKS = 60_000  # that we put into a sheet; Excel takes 65,530
LONGEST = 32_767  # characters of a cell
OPTIONS = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}  # fmt: skip


@dataclass(kw_only=True)
class Sheet:
    """A sheet with a frozen heading and filters, and further ones of its name when one is full.

    Rows are added one by one, in flat memory. Texts stay texts: no formula, and no link, is made of what a page says.
    """

    book: Any
    name: str
    headings: Sequence[tuple[str, float]]  # text, and width in letters
    row: int = 0
    part: int = 0
    links: int = 0
    sheet: Any = field(init=False)

    def __post_init__(self) -> None:
        self._begin()

    @property
    def title(self) -> str:
        """The name of the sheet at hand."""
        return self.name if self.part == 1 else f"{self.name} {self.part}"

    def add(self, values: Iterable[Any], link: str | None = None) -> None:
        """Add a row; its first cell leads to a place in the workbook when there is room for another link."""
        if self.row == ROWS:
            self.end()
            self._begin()
        self.row += 1
        for at, value in enumerate(values):
            if at == 0 and link is not None and self.links < LINKS:
                self.links += 1
                self.sheet.write_url(self.row, 0, link, string=str(value))
                if isinstance(value, int):  # what leads somewhere is sorted and filtered as a number all the same
                    self.sheet.write_number(self.row, 0, value, self.book.get_default_url_format())
            else:
                self._write(self.row, at, value)

    def end(self) -> None:
        """Let people filter what is there."""
        self.sheet.autofilter(0, 0, max(self.row, 1), len(self.headings) - 1)

    def _begin(self) -> None:
        self.part, self.row, self.links = self.part + 1, 0, 0
        self.sheet = self.book.add_worksheet(self.title)
        bold = self.book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#DCE6F1"})
        self.sheet.freeze_panes(1, 1)
        self.sheet.repeat_rows(0)
        on_paper(self.sheet)
        for at, (heading, width) in enumerate(self.headings):
            self.sheet.set_column(at, at, width)
            self.sheet.write_string(0, at, heading, bold)

    def _write(self, row: int, at: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self.sheet.write_number(row, at, value)
        elif hasattr(value, "isoformat"):
            self.sheet.write_datetime(row, at, value)
        else:
            self.sheet.write_string(row, at, cell(str(value))[:LONGEST])


def on_paper(sheet: Any) -> None:
    """A4 across, as wide as the columns are together."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
