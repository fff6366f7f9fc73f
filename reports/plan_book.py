"""The improvement plan as a workbook: defects in the order of repair out, owners, dates and ways of repair in.

What a person has not changed since the book was written is left as it is in the database, whoever changed it there; what
two people have changed to different things is told by its cell. So books may go out to several teams at once.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from audits.defects.book import Listed, Plan, Ranked
from audits.defects.excepting import Told
from audits.defects.ground import Ground
from audits.page import cut
from db.errors import UsageError
from db.words import DefectState
from reports.effect_view import ground_lines
from reports.exception_view import exception_row
from reports.language import Language
from reports.page_view import text_of as rule_text_of
from reports.tables import EXCEPTIONS
from reports.workbook import (
    add_row,
    begin_table,
    end_instructions,
    end_table,
    hidden_in,
    hide,
    opened,
    place_of,
    refused_cells,
    save,
    sheet_of,
    sheet_said,
    text_of,
    wrong_headings,
)

KEY = "jisweep"  # the hidden sheet: which site the plan is of
WIDTHS = {
    "rank": 7, "id": 8, "title": 40, "element": 40, "how": 50, "region": 12, "state": 12, "pages": 10, "places": 10, "impact": 12,
    "use": 10, "repairs": 10, "effect": 10, "by_effect": 10, "clean": 16, "share": 10, "site": 30, "example": 40, "owner": 20,
    "due_on": 14, "way": 44, "key": 4,
}  # fmt: skip
OWNERS = {"owner": 24, "open": 12, "overdue": 12, "repairs": 14, "effect": 12}
COLUMNS = tuple(WIDTHS)
FILLED = ("owner", "due_on", "way")
SHOWN = 300  # characters of an element
DONE = (DefectState.CONFIRMED, DefectState.EXCEPTED)  # nothing to plan
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What is written of one site or of several together."""

    about: (
        str  # start address of the site, or the name of what the sites belong to: a book is taken in for it alone
    )
    title: str
    pages: int  # known to have a fault that counts
    ranked: Sequence[Ranked]  # the defects that make them, in the order of repair
    others: Sequence[Listed]  # all that count for no rate
    exceptions: Sequence[Told] = ()  # those in force have a sheet of their own, to be read only
    sites: Mapping[int, str]  # defect → start address of its site
    ground: Ground  # what the plan is known from
    day: date  # that due days are held against
    elements: Mapping[int, str] = field(default_factory=dict)  # defect → the HTML of one of its places
    by_owner: bool = False  # the lines of each owner together, and there by effect


@dataclass(frozen=True, kw_only=True)
class Change:
    """A plan as a person has changed it; without an owner it is taken back."""

    defect: Listed
    plan: Plan


def write_plan_book(path: Path, planned: Planned, language: Language) -> int:
    """Write a plan; returns how many defects it has. Raises StorageError when it cannot be written."""
    book = Workbook()
    about = sheet_of(book, language.say("plan_book.sheet_about"))
    command = "jisweep cycle import" if planned.by_owner else "jisweep defects import"
    said = {"site": planned.title, "pages": language.count("page", planned.pages), "command": command}
    for key in ("title", *(f"how.{number}" for number in range(1, 8 if planned.by_owner else 7))):
        add_row(about, [language.say(f"plan_book.{key}", **said)])
    for line in ground_lines(planned.ground, language):
        add_row(about, [line])
    end_instructions(about)
    sheet = sheet_of(book, language.say("plan_book.sheet_plan"))
    begin_table(sheet, [language.say(f"plan_book.column.{each}") for each in COLUMNS], list(WIDTHS.values()))
    numbered_steps = [
        (rank, each)
        for rank, each in enumerate((step for step in planned.ranked if step.defect.state not in DONE), start=1)
    ]
    if planned.by_owner:
        numbered_steps.sort(key=lambda each: (*_owned(each[1].defect), each[1].by_effect))
    for rank, step in numbered_steps:
        share = language.share(step.clean / planned.pages) if planned.pages else ""
        factors = {"rank": rank, "clean": step.clean, "share": share, **_factors(step, language)}
        add_row(sheet, _row(step.defect, planned, factors, language))
    open_others = [each for each in planned.others if each.state not in DONE]
    if planned.by_owner:
        open_others.sort(key=_owned)
    for defect in open_others:
        add_row(sheet, _row(defect, planned, {}, language))
    numbered = {column: index for index, column in enumerate(COLUMNS, start=1)}
    end_table(sheet, list(WIDTHS.values()), filled=[numbered[column] for column in FILLED], offered={})
    sheet.column_dimensions[get_column_letter(numbered["key"])].hidden = True
    _add_owners(book, [step for _, step in numbered_steps], planned.day, language)
    _add_exceptions(book, [each for each in planned.exceptions if each.running], language)
    hide(book, KEY, json.dumps({"plan of": planned.about}, ensure_ascii=False))
    save(book, path)
    return len(numbered_steps) + len(open_others)


def _owned(defect: Listed) -> tuple[bool, str]:
    """Sorts by owner; what nobody owns comes last."""
    return defect.owner is None, defect.owner or ""


def _add_owners(book: Workbook, steps: Sequence[Ranked], day: date, language: Language) -> None:
    """A sheet of what each owner has to do, of what is in the order of repair."""
    sheet = sheet_of(book, language.say("plan_book.sheet_owners"))
    begin_table(sheet, [language.say(f"plan_book.owners.{each}") for each in OWNERS], list(OWNERS.values()))
    for (nobody, owner), found in groupby(
        sorted(steps, key=lambda each: _owned(each.defect)), lambda each: _owned(each.defect)
    ):
        mine = list(found)
        overdue = sum(
            each.defect.due_on is not None and each.defect.due_on < day
            and each.defect.state is not DefectState.REPAIRED for each in mine
        )  # fmt: skip
        add_row(sheet, [
            language.say("plan_book.nobody") if nobody else owner, len(mine), overdue,
            sum(each.effect.repairs for each in mine), round(sum(each.effect.total for each in mine), 1),
        ])  # fmt: skip
    end_table(sheet, list(OWNERS.values()), filled=[], offered={})


def _factors(step: Ranked, language: Language) -> dict[str, Any]:
    """Why a defect stands where it does."""
    effect = step.effect
    return {
        "impact": language.say(f"impact.{effect.impact.value}") if effect.impact else "",
        "use": language.share(effect.use) if effect.use is not None else "",
        "repairs": effect.repairs, "effect": round(effect.total, 1), "by_effect": step.by_effect,
    }  # fmt: skip


def _add_exceptions(book: Workbook, exceptions: Sequence[Told], language: Language) -> None:
    if not exceptions:
        return
    sheet = sheet_of(book, language.say("plan_book.sheet_exceptions"))
    widths = [WIDTHS.get(column, 16) for column in EXCEPTIONS]
    begin_table(sheet, [language.say(f"exceptions_csv.{column}") for column in EXCEPTIONS], widths)
    for each in exceptions:
        cells = exception_row(each, language)
        add_row(sheet, ["" if cells[column] is None else cells[column] for column in EXCEPTIONS])
    end_table(sheet, widths, filled=[], offered={})


def _row(defect: Listed, planned: Planned, factors: Mapping[str, Any], language: Language) -> list[Any]:
    text = rule_text_of(defect.rule, language.lang)
    owner, due_on, way = _shown(defect.plan)
    cells = {
        "id": defect.id, "title": text.title, "how": text.how,
        "region": language.say(f"defects.region.{defect.region.value if defect.region else 'unknown'}"),
        "state": language.word("defect_state", defect.state.value), "pages": defect.pages, "places": defect.places,
        "element": cut(planned.elements.get(defect.id, ""), SHOWN), "site": planned.sites[defect.id], "example": defect.example or "", "owner": owner, "due_on": due_on, "way": way,
        "key": json.dumps([owner, due_on, way], ensure_ascii=False), **factors,
    }  # fmt: skip
    return [cells.get(column, "") for column in COLUMNS]


def _shown(plan: Plan) -> list[str]:
    """A plan as its cells say it."""
    return [plan.owner or "", plan.due_on.isoformat() if plan.due_on else "", plan.way or ""]


def read_plan_book(path: Path, about: str, known: Mapping[int, Listed]) -> list[Change]:
    """What people have changed in a plan. Raises UsageError for another workbook and for cells that cannot be right.

    `known` are the defects of the site, or of the sites, as they stand now, by number, also by those of what was merged
    into them.
    """
    errors: list[tuple[str, str]] = []
    with opened(path) as book:
        _check_key(path, book, about)
        sheet = sheet_said(book, "plan_book.sheet_plan")
        if sheet is None:
            raise _not_ours(path)
        changes = list(_changes(sheet, known, errors))
    if errors:
        raise refused_cells(path, errors, "plan_book.error")
    return changes


def _check_key(path: Path, book: Workbook, about: str) -> None:
    try:
        theirs = json.loads(hidden_in(book, KEY) or "")["plan of"]
    except (ValueError, KeyError, TypeError):
        raise _not_ours(path) from None
    if theirs != about:
        raise UsageError(
            ja=f"{path} は別のサイトかサイクルの計画です（{theirs}）。",
            en=f"{path} is the plan of another site or cycle ({theirs}).",
        )


def _not_ours(path: Path) -> UsageError:
    return UsageError(
        ja=f"{path} は jisweep defects export や cycle export が書いたブックではありません。",
        en=f"{path} is not a workbook that jisweep defects export or cycle export has written.",
    )


def _changes(sheet: Worksheet, known: Mapping[int, Listed], errors: list[tuple[str, str]]) -> Iterator[Change]:
    errors += [
        (place, "heading") for place in wrong_headings(sheet, [f"plan_book.column.{each}" for each in COLUMNS])
    ]
    if errors:
        return
    seen: set[int] = set()
    changed: dict[int, Plan] = {}  # a line may go by a number that its defect had before it was merged
    for row in sheet.iter_rows(min_row=2):
        cells = dict(zip(COLUMNS, row, strict=False))
        if not any(text_of(cell.value).strip() for cell in row):
            continue
        defect = known.get(_number(cells["id"].value))
        written = _written(cells["key"].value)
        number = _number(cells["id"].value)
        if defect is None or written is None or number in seen:
            errors.append((place_of(cells["id"]), "key"))
            continue
        seen.add(number)
        change = _change(cells, defect, written, errors)
        if change is None or changed.get(defect.id) == change.plan:
            continue
        if defect.id in changed:
            errors.append((place_of(cells["id"]), "both"))
        changed[defect.id] = change.plan
        yield change


def _change(
    cells: Mapping[str, Any], defect: Listed, written: list[str], errors: list[tuple[str, str]]
) -> Change | None:
    """What a line says that differs from what was written and from what stands; None when nothing does."""
    day = _day(cells["due_on"].value)
    if day is None:
        errors.append((place_of(cells["due_on"]), "day"))
        return None
    said = [" ".join(text_of(cells["owner"].value).split()), day, text_of(cells["way"].value).strip()]
    now = _shown(defect.plan)
    merged = [mine if mine != before else theirs for mine, before, theirs in zip(said, written, now, strict=True)]
    if merged == now:
        return None
    for column, mine, before, theirs in zip(FILLED, said, written, now, strict=True):
        if mine != before and theirs not in (before, mine):
            errors.append((place_of(cells[column]), "both"))
    if defect.state in (*DONE, DefectState.REPAIRED):
        errors.append((place_of(cells["owner"]), f"state_{defect.state.value}"))
    owner, due_on, way = merged
    if not owner and (due_on or way):
        errors.append((place_of(cells["owner"]), "owner"))
    plan = Plan(owner=owner or None, due_on=date.fromisoformat(due_on) if due_on else None, way=way or None)
    return Change(defect=defect, plan=plan)


def _number(value: Any) -> int:
    text = text_of(value).strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def _written(value: Any) -> list[str] | None:
    """The plan that a line was written with; None when that cannot be known any more."""
    try:
        found = json.loads(text_of(value))
    except ValueError:
        return None
    is_plan = isinstance(found, list) and len(found) == len(FILLED) and all(isinstance(each, str) for each in found)
    return found if is_plan else None


def _day(value: Any) -> str | None:
    """A day in the form of ISO 8601, as a date cell or a text gives it; empty for none, None for what is no day."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    text = text_of(value).strip()
    if not text:
        return ""
    found = _DAY.fullmatch(text)
    try:
        return date(*map(int, found.groups())).isoformat() if found else None
    except ValueError:
        return None
