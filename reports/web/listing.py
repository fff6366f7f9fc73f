"""A table of the application: sorted and cut into pages on the screen, whole as CSV or Excel."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
import xlsxwriter
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute
from starlette.responses import FileResponse, Response, StreamingResponse

from reports.clean import cell as defused
from reports.clean import one_line
from reports.files.sheets import OPTIONS, Sheet
from reports.language import TOKYO
from reports.web.asking import Asked

AT_ONCE = 50  # rows of a page
TOTAL = "total"  # label of a query's column that has the number of all of its rows
FILES = ("csv", "xlsx")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, kw_only=True)
class Act:
    """A button in a cell: where it sends what, and what it is about, for whoever does not see its row."""

    label: str
    href: str
    about: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    is_grave: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What stands in one cell: on the screen, and in a file."""

    text: str  # on the screen; empty: nothing is known, which the file leaves empty
    value: Any = None  # in a file; None: the text
    href: str | None = None
    kind: str = ""  # class of the cell
    aside: str = ""  # a second line, smaller
    outside: bool = False  # `href` leads to a crawled page, not to one of ours
    act: Act | None = None

    @property
    def raw(self) -> Any:
        """The value for a file."""
        return self.text if self.value is None else self.value


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: `key` names it in addresses, and in the query it is the label that it is sorted by."""

    key: str
    heading: str
    cell: Callable[[Any], Cell]  # of a row
    is_number: bool = False
    sorts: bool = True
    by: Callable[[Any], Any] | None = None  # what rows in memory are sorted by; None: the cell's value
    is_head: bool = False  # names its row
    in_files: bool = True  # buttons are of no use in a file
    is_told: bool = False  # its value means little without what stands beside it on the screen: files have both


@dataclass(frozen=True, kw_only=True)
class Part:
    """One page of a table, as the template shows it."""

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Any]
    total: int
    page: int
    pages: int
    sort: str  # key, with "-" before it from the greatest on
    at_once: int
    has_files: bool
    _path: str
    _asked: Mapping[str, str]

    def sorted_by(self, column: Column) -> str:
        """For aria-sort."""
        return {column.key: "ascending", f"-{column.key}": "descending"}.get(self.sort, "none")

    def sort_href(self, column: Column) -> str:
        """Sorts by the column, the other way round when it is sorted by it already."""
        key = f"-{column.key}" if self.sort == column.key else column.key
        return self._href(sort=key, page=None)

    def page_href(self, page: int) -> str:
        """Shows another part."""
        return self._href(page=str(page))

    def file_href(self, kind: str) -> str:
        """The whole table as a file."""
        return self._href(page=None, **{"as": kind}, table=self.id)

    @property
    def first(self) -> int:
        """Number of the first row shown, from 1."""
        return (self.page - 1) * self.at_once + 1

    def _href(self, **changes: str | None) -> str:
        own = {"sort": f"{self.id}.sort", "page": f"{self.id}.page"}
        changed = {own.get(name, name): value for name, value in changes.items()}
        values = {name: value for name, value in {**self._asked, **changed}.items() if value is not None}
        return f"{self._path}?{urlencode(values)}#{self.id}"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A table over a query whose labels are the columns' keys, or over rows in memory.

    Several tables of a page are told apart by their `id`: `?defects.sort=-pages&defects.page=2&as=csv&table=defects`.
    """

    asked: Asked
    id: str
    caption: str
    columns: Sequence[Column]
    sort: str  # by default
    query: sa.Select[*tuple[Any, ...]] | None = None
    rows: Sequence[Any] = ()
    in_order: str = ""  # what the rows come sorted by already, those without a value last
    count: sa.Select[*tuple[Any, ...]] | None = None  # where counting the query itself is slow
    has_total: bool = False  # each row of the query says how many there are, by TOTAL
    last: Sequence[sa.ColumnElement[Any] | InstrumentedAttribute[Any]] = field(
        default=()
    )  # settles the order of equal rows
    at_once: int = AT_ONCE
    has_files: bool = True
    path: str | None = None  # of the page; None: of the request, unless a form was sent to another

    async def part(self, connection: AsyncConnection) -> Part:
        """The part that is asked for; a page beyond the last is the last."""
        given = self.asked.request.query_params
        wanted = given.get(f"{self.id}.page", "1")
        asked_for = max(1, int(wanted) if wanted.isdecimal() and len(wanted) < 9 else 1)
        rows = await self._rows(connection, asked_for) if self.has_total else []
        is_empty = self.has_total and asked_for == 1 and not rows
        total = getattr(rows[0], TOTAL) if rows else 0 if is_empty else await self._total(connection)
        pages = max(1, -(-total // self.at_once))
        page = min(asked_for, pages)
        if total and not rows:
            rows = await self._rows(connection, page)
        asked = {name: value for name, value in given.items() if name not in ("as", "table", "done")}
        return Part(
            id=self.id, caption=self.caption, columns=self.columns, rows=rows, total=total, page=page, pages=pages,
            sort=self._sort(), at_once=self.at_once, has_files=self.has_files,
            _path=self.path or self.asked.request.url.path, _asked=asked,
        )  # fmt: skip

    def file(self) -> Response | None:
        """The whole table as the file that is asked for, written piece by piece; None when none is."""
        given = self.asked.request.query_params
        if given.get("table") != self.id or given.get("as") not in FILES:
            return None
        disposition = {"Content-Disposition": f'attachment; filename="{self.id}.{given["as"]}"'}
        if given["as"] == "csv":
            return StreamingResponse(self._csv(), media_type="text/csv; charset=utf-8", headers=disposition)
        return _LateFile(self, disposition)

    async def _rows(self, connection: AsyncConnection, page: int) -> Sequence[Any]:
        begin = (page - 1) * self.at_once
        if self.query is None:
            return self._in_order()[begin : begin + self.at_once]
        return (await connection.execute(self._ordered().offset(begin).limit(self.at_once))).all()

    async def _total(self, connection: AsyncConnection) -> int:
        if self.query is None:
            return len(self.rows)
        counted = self.count
        if counted is None:
            counted = sa.select(sa.func.count()).select_from(self.query.order_by(None).subquery())
        return (await connection.scalar(counted)) or 0

    def _sort(self) -> str:
        wanted = self.asked.request.query_params.get(f"{self.id}.sort", self.sort)
        known = {column.key for column in self.columns if column.sorts}
        return wanted if wanted.removeprefix("-") in known else self.sort

    def _ordered(self) -> sa.Select[*tuple[Any, ...]]:
        assert self.query is not None
        sort = self._sort()
        label: sa.ColumnElement[Any] = sa.literal_column(f'"{sort.removeprefix("-")}"')
        order = label.desc() if sort.startswith("-") else label.asc()
        return self.query.order_by(None).order_by(order.nulls_last(), *self.last)

    def _in_order(self) -> Sequence[Any]:
        if (sort := self._sort()) == self.in_order:
            return self.rows
        column = next(each for each in self.columns if each.key == sort.removeprefix("-"))
        key = column.by or (lambda row: column.cell(row).raw)
        keyed = [(key(row), row) for row in self.rows]
        known = [each for each in keyed if each[0] is not None]
        known.sort(key=itemgetter(0), reverse=sort.startswith("-"))
        return [row for _, row in known] + [row for value, row in keyed if value is None]

    async def each(self) -> AsyncIterator[Any]:
        """All rows in order; of a query a few at a time."""
        if self.query is None:
            for row in self._in_order():
                yield row
            return
        async with self.asked.reading() as connection:
            async for row in await connection.stream(self._ordered()):
                yield row

    def in_files(self) -> list[Column]:
        """The columns that files have."""
        return [column for column in self.columns if column.in_files]

    def told_headings(self) -> list[str]:
        """The headings of the last columns of files, which say some values as the screen does."""
        return [
            self.asked.language.say("web.listing.as_shown", heading=column.heading)
            for column in self.in_files()
            if column.is_told
        ]

    async def _csv(self) -> AsyncIterator[str]:
        piece = io.StringIO()
        writer, columns = csv.writer(piece), self.in_files()
        piece.write("\N{BYTE ORDER MARK}")
        writer.writerow([column.heading for column in columns] + self.told_headings())
        async for row in self.each():
            writer.writerow([defused(_plain(value)) for value in values_of(columns, row)])
            if piece.tell() > 60_000:
                yield piece.getvalue()
                piece.seek(0)
                piece.truncate()
        yield piece.getvalue()


def totalled(query: sa.Select[*tuple[Any, ...]]) -> sa.Select[*tuple[Any, ...]]:
    """A query that is worked out once, with the number of its rows in each of them: for a Listing that `has_total`."""
    found = query.cte("found").prefix_with("MATERIALIZED")
    return sa.select(found, sa.select(sa.func.count()).select_from(found).scalar_subquery().label(TOTAL))


def values_of(columns: Sequence[Column], row: Any) -> list[Any]:
    """The values of a row in a file: of all columns, then as the screen says those that mean little alone."""
    cells = [(column, column.cell(row)) for column in columns]
    told = [" ".join(filter(None, (cell.text, cell.aside))) for column, cell in cells if column.is_told]
    return [cell.raw for _, cell in cells] + told


class _LateFile(Response):
    """An Excel file that is written, in flat memory, when it is about to be sent."""

    def __init__(self, listing: Listing, headers: Mapping[str, str]) -> None:
        super().__init__(headers=dict(headers), media_type=XLSX)
        self._listing = listing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.xlsx"
            await _write_xlsx(path, self._listing)
            sent = FileResponse(
                path, media_type=XLSX, headers={"Content-Disposition": self.headers["content-disposition"]}
            )
            await sent(scope, receive, send)


async def _write_xlsx(path: Path, listing: Listing) -> None:
    """All rows, in as many sheets as they need."""
    columns = listing.in_files()
    with xlsxwriter.Workbook(str(path), OPTIONS) as book:
        headings = [(column.heading, 12 if column.is_number else 28) for column in columns]
        headings += [(heading, 28) for heading in listing.told_headings()]
        sheet = Sheet(book=book, name=one_line(listing.id)[:28], headings=headings)
        async for row in listing.each():
            sheet.add(_plain(value) for value in values_of(columns, row))
        sheet.end()


def _plain(value: Any) -> Any:
    """A value as a file has it: times on Tokyo's clock."""
    if isinstance(value, datetime):
        return value.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return value
