"""A sweep as an Excel workbook: summary, criteria, pages, places, defects, addresses without a result, and what each column means.

Written row by row, in flat memory. Texts stay texts: no formula, and no link, is made of what a page says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import xlsxwriter

from db.tables import Defect
from db.words import Outcome
from reports.clean import cell, one_line
from reports.files import sheets
from reports.files.sheets import OPTIONS, Sheet, on_paper
from reports.files.walk import Walk
from reports.page_view import PageView
from reports.site_view import criterion_rows, edition_name, engine_name, method_name
from reports.summary import as_lines
from reports.tables import FINDINGS, PAGES, address_row, finding_rows, page_row

AT_ONCE = 500
USUAL = 14  # letters that a column is wide
PLACES = tuple(name for name in FINDINGS if name not in ("report", "picture"))  # files that are not here
LISTED = tuple(name for name in PAGES if name not in ("report",))
CRITERIA = ("number", "name", "level", "state", "problem_pages", "places", "needs_review_pages")
DEFECTS = ("id", "title", "rule", "criteria", "pages", "places", "state", "region", "owner", "due_on")
WIDE = {
    "address": 44,
    "snippet": 50,
    "how": 50,
    "target": 36,
    "title": 36,
    "page_title": 36,
    "rule_title": 36,
    "name": 36,
    "seen": 40,
}


@dataclass(kw_only=True)
class _Count:
    """A defect in this sweep."""

    rule: str
    title: str
    criteria: str
    pages: int = 0
    places: int = 0


async def write_excel(walk: Walk, path: Path) -> None:
    """Write the workbook."""
    with xlsxwriter.Workbook(str(path), OPTIONS) as book:
        book.set_properties({"title": f"jisweep {one_line(walk.head.site)} #{walk.head.id}"})
        _summary(book, walk)
        _criteria(book, walk)
        defects = await _pages_and_places(book, walk)
        await _defects(book, walk, defects)
        _dictionary(book, walk)


def _sheet(book: Any, walk: Walk, name: str, columns: Sequence[str], table: str) -> Sheet:
    headings = [(walk.language.say(f"{table}_csv.{column}"), WIDE.get(column, USUAL)) for column in columns]
    return Sheet(book=book, name=walk.language.say(f"file.sheet_{name}"), headings=headings)


def _summary(book: Any, walk: Walk) -> None:
    """The sentences that end a sweep in a terminal, and its conditions."""
    say, head = walk.language.say, walk.head
    sheet = book.add_worksheet(say("file.sheet_summary"))
    bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    on_paper(sheet)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 110)
    facts = [
        (say("file.site"), head.site), (say("file.sweep"), str(head.id)),
        *((say("file.result") if not at else "", line) for at, line in enumerate(as_lines(walk.conclusion, walk.language.lang))),
        (say("file.standard"), f"{edition_name(head, walk.language.lang)} {head.level.value}"),
        (say("file.method"), method_name(head, walk.language)), (say("file.seed"), str(head.seed)),
        (say("file.engine"), engine_name(head, walk.language)), (say("file.rule_set"), head.rule_set or ""),
        (say("file.begun"), walk.language.moment(head.created_at)),
        (say("file.finished"), walk.language.moment(head.finished_at) if head.finished_at else say("line.unfinished")),
    ]  # fmt: skip
    for row, (name, told) in enumerate(facts):
        sheet.write_string(row, 0, name, bold)
        sheet.write_string(row, 1, cell(told), wrap)


def _criteria(book: Any, walk: Walk) -> None:
    sheet = Sheet(
        book=book, name=walk.language.say("file.sheet_criteria"),
        headings=[(walk.language.say(f"file.criteria_{name}"), WIDE.get(name, USUAL)) for name in CRITERIA],
    )  # fmt: skip
    for row in criterion_rows(walk.conclusion, walk.language.lang):
        count = row.count
        state = walk.language.say(f"criterion_state.{row.state.value}")
        sheet.add(
            (
                count.number,
                row.name,
                count.level.value,
                state,
                count.problem_pages,
                count.places,
                count.needs_review_pages,
            )
        )
    sheet.end()


async def _pages_and_places(book: Any, walk: Walk) -> dict[int, _Count]:
    """Both sheets in one reading, each page leading to its first place and back; returns the defects that were met."""
    pages = _sheet(book, walk, "pages", LISTED, "pages")
    places = _sheet(book, walk, "places", PLACES, "findings")
    defects: dict[int, _Count] = {}
    async for view in walk.pages():
        rows = list(finding_rows(view, walk.language))
        to_page = f"internal:'{pages.title}'!A{pages.row + 2}"
        to_place = f"internal:'{places.title}'!A{places.row + 2}" if rows and places.row < sheets.ROWS else None
        told = page_row(view, walk.language)
        pages.add((told.get(name) for name in LISTED), to_place)
        for number, row in enumerate(rows):
            places.add((row.get(name) for name in PLACES), to_page if number == 0 else None)
        _count(view, defects)
    async for found in walk.without_result():
        told = address_row(found, walk.language)
        pages.add(told.get(name) for name in LISTED)
    pages.end()
    places.end()
    return defects


def _count(view: PageView, defects: dict[int, _Count]) -> None:
    met = set()
    for group in view.groups:
        for place in group.places:
            if place.spot.outcome is not Outcome.FAILED:
                continue
            numbers = " ".join(each.number for each in group.criteria)
            count = defects.setdefault(
                place.spot.defect, _Count(rule=group.rule, title=group.text.title, criteria=numbers)
            )
            count.places += 1
            if place.spot.defect not in met:
                met.add(place.spot.defect)
                count.pages += 1


async def _defects(book: Any, walk: Walk, counts: dict[int, _Count]) -> None:
    """The defects that this sweep met, those on the most pages first; state and plan are those of today."""
    sheet = Sheet(
        book=book, name=walk.language.say("file.sheet_defects"),
        headings=[(walk.language.say(f"file.defects_{name}"), WIDE.get(name, USUAL)) for name in DEFECTS],
    )  # fmt: skip
    order = sorted(counts, key=lambda number: (-counts[number].pages, -counts[number].places, number))
    for first in range(0, len(order), AT_ONCE):
        some = order[first : first + AT_ONCE]
        query = sa.select(Defect.id, Defect.state, Defect.region, Defect.owner, Defect.due_on).where(
            Defect.id.in_(some)
        )
        known = {row.id: row for row in await walk.connection.execute(query)}
        for number in some:
            count, row = counts[number], known[number]
            state = walk.language.say(f"defect_state.{row.state.value}")
            region = walk.language.say(f"defects.region.{row.region.value}") if row.region else None
            sheet.add(
                (
                    number,
                    count.title,
                    count.rule,
                    count.criteria,
                    count.pages,
                    count.places,
                    state,
                    region,
                    row.owner,
                    row.due_on,
                )
            )
    sheet.end()


def _dictionary(book: Any, walk: Walk) -> None:
    """What each column means; the criteria's and defects' headings speak for themselves with their sentence here."""
    say = walk.language.say
    sheet = Sheet(
        book=book, name=say("file.sheet_dictionary"),
        headings=[(say("file.sheet"), USUAL), (say("columns.column"), 36), (say("columns.meaning"), 50)],
    )  # fmt: skip
    for name, columns, table in (("pages", LISTED, "pages"), ("places", PLACES, "findings")):
        for column in columns:
            sheet.add(
                (say(f"file.sheet_{name}"), say(f"{table}_csv.{column}"), say(f"{table}_csv_meaning.{column}"))
            )
    for name, columns in (("criteria", CRITERIA), ("defects", DEFECTS)):
        for column in columns:
            sheet.add((say(f"file.sheet_{name}"), say(f"file.{name}_{column}"), say(f"file.{name}_{column}_means")))
    sheet.end()
