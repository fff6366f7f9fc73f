"""The workbook in which people judge a test, and what it says when it comes back.

Three sheets: what to do and who judges, one line for each criterion (達成基準チェックリスト), and one for each criterion of
each page (実装チェックリスト). A hidden sheet says of which state of which sweep it is. What a page's own line says goes
before what the criterion's line says for all pages, and that before the accepted proposals.
"""

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from audits.criteria.judging import judging
from audits.jis_test import JisTest
from audits.judging import Ground, Item, JudgedPage, why_needed
from db.errors import UsageError
from db.words import JudgementOutcome
from reports.language import LANGUAGES, Language
from reports.page_view import path_of
from reports.page_view import text_of as rule_text_of
from reports.workbook import (
    add_row,
    begin_table,
    end_instructions,
    end_table,
    hidden_in,
    hide,
    open_for_people,
    opened,
    place_of,
    refused_cells,
    save,
    sheet_of,
    sheet_said,
    text_of,
    wrong_headings,
)

MOST = 200_000  # lines for pages: what a spreadsheet still opens at ease
KEY = "jisweep"  # the hidden sheet
CRITERIA = ("number", "name", "level", "check", "proposed", "open", "accept", "all", "note")
PAGES = (
    "page",
    "title",
    "criterion",
    "level",
    "proposal",
    "ground",
    "places",
    "report",
    "question",
    "outcome",
    "reason",
    "said",
    "key",
)
WIDTHS = {
    "number": 10, "name": 34, "level": 8, "check": 22, "proposed": 26, "open": 14, "accept": 16, "all": 16, "note": 40,
    "page": 8, "title": 34, "criterion": 30, "proposal": 12, "ground": 40, "places": 44, "report": 12, "question": 50, "outcome": 12, "reason": 40,
    "said": 30, "key": 4,
}  # fmt: skip
YES = {"○", "〇", "◯", *(Language(lang).say("judge.yes") for lang in LANGUAGES)}
FILLED = {"accept", "all", "note", "outcome", "reason"}  # by people


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a filled workbook says: who judges, and page by page what."""

    person: str
    judgements: list[tuple[int, str, JudgementOutcome, str | None]]


@dataclass(frozen=True, kw_only=True)
class _Own:
    """The line of one criterion of one page."""

    outcome: JudgementOutcome | None
    reason: str
    proposal: JudgementOutcome | None  # that the person was shown
    cell: str  # where the outcome stands


@dataclass(kw_only=True)
class _Filled:
    """The cells that people fill, as they stand in a workbook, and what is wrong with them."""

    person: str = ""
    accept: dict[str, str] = field(default_factory=dict)  # criterion → cell
    all_pages: dict[str, tuple[JudgementOutcome, str]] = field(default_factory=dict)  # criterion → outcome, cell
    notes: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)  # criterion → cell of its number
    own: dict[tuple[int, str], _Own] = field(default_factory=dict)  # by visit and criterion
    errors: list[tuple[str, str]] = field(default_factory=list)  # cell, key of the text


def write_judge_book(
    path: Path, key: dict[str, Any], pages: Sequence[JudgedPage], language: Language, report: Path | None = None
) -> None:
    """Write the workbook, with links to the pages of the sweep's report when the folder that holds it is given.

    Raises UsageError when the pages are too many for one, StorageError when it cannot be written.
    """
    lines = sum(len(page.items) for page in pages)
    if lines > MOST:
        raise UsageError(
            ja=f"{lines:,} 行になり、1つのブックに収まりません（{MOST:,} 行まで）。標本（jisweep sweep --method mixed）で試験してください。",
            en=f"This makes {lines:,} lines, more than one workbook holds ({MOST:,}): test a sample (--method mixed).",
        )
    book = Workbook()
    _instructions(sheet_of(book, language.say("judge.sheet_how")), key, language)
    _criteria(sheet_of(book, language.say("judge.sheet_criteria")), pages, language)
    links = "" if report is None else Path(os.path.relpath(report.resolve(), path.resolve().parent)).as_posix()
    _pages(sheet_of(book, language.say("judge.sheet_pages")), pages, language, links)
    hide(book, KEY, json.dumps(key, ensure_ascii=False))
    save(book, path)


def read_judge_book(path: Path, key: dict[str, Any], pages: Sequence[JudgedPage]) -> Answers:
    """What people filled in. Raises UsageError for another workbook, a stale one, and for cells that cannot be right.

    `key` and `pages` are those of the sweep as it stands now.
    """
    filled = _Filled()
    with opened(path) as book:
        _check_key(path, book, key)
        how, criteria, by_page = (
            _sheet(path, book, f"judge.sheet_{name}") for name in ("how", "criteria", "pages")
        )
        for sheet, columns in ((criteria, CRITERIA), (by_page, PAGES)):
            wrong = wrong_headings(sheet, [f"judge.column.{column}" for column in columns])
            filled.errors += [(place, "heading") for place in wrong]
        if filled.errors:
            raise refused_cells(path, filled.errors, "judge.error")
        # One person, however wide the spaces and letters of the name were typed.
        filled.person = " ".join(unicodedata.normalize("NFKC", text_of(how["B2"].value)).split())
        if not filled.person:
            filled.errors.append((f"{how.title}!B2", "person"))
        _read_criteria(criteria, _names(pages), filled)
        _read_pages(by_page, {page.visit: page.address for page in pages}, filled)
        _check_lines(criteria, by_page, pages, filled)
    judgements = list(_judgements(pages, filled))
    if filled.errors:
        raise refused_cells(path, filled.errors, "judge.error")
    return Answers(person=filled.person, judgements=judgements)


# ── writing ────────────────────────────────────────────────────────────────────────────────────────


def _instructions(sheet: Worksheet, key: dict[str, Any], language: Language) -> None:
    add_row(sheet, [language.say("judge.title"), key["site"]])
    add_row(sheet, [language.say("judge.person"), ""])
    for number in range(1, 10):
        add_row(sheet, [language.say(f"judge.how.{number}")])
    sheet.column_dimensions["B"].width = 40
    end_instructions(sheet)
    open_for_people(sheet["B2"])


def _criteria(sheet: Worksheet, pages: Sequence[JudgedPage], language: Language) -> None:
    _begin(sheet, CRITERIA, language)
    for index, item in enumerate(pages[0].items if pages else ()):
        mine = [page.items[index] for page in pages]
        about = judging(item.criterion.number)
        by = language.say("common.comma").join(each.called(language.lang) for each in about.by)
        add_row(
            sheet,
            [
                item.criterion.number, item.criterion.name(language.lang), item.criterion.level.value,
                f"{language.say(f'judge.check.{about.check}')}（{by}）", _tally(mine, language),
                sum(each.outcome is None for each in mine), "", "", "",
            ],
        )  # fmt: skip
    _finish(sheet, CRITERIA, language)


def _tally(items: Iterable[Item], language: Language) -> str:
    counts = Counter(each.proposal.outcome for each in items)
    told = [
        f"{language.say(f'judge.outcome.{outcome.value}')} {counts[outcome]}"
        for outcome in JudgementOutcome
        if counts[outcome]
    ]
    return language.say("common.comma").join([*told, f"{language.say('judge.open')} {counts[None]}"])


def _pages(sheet: Worksheet, pages: Sequence[JudgedPage], language: Language, report: str) -> None:
    _begin(sheet, PAGES, language)
    for page in pages:
        for item in page.items:
            add_row(sheet, list(_page_row(page, item, language)))
            if report:
                link = sheet.cell(sheet.max_row, PAGES.index("report") + 1, language.say("judge.see"))
                link.hyperlink = f"{quote(report)}/pages/{page.number}.html{_part_of_report(item)}"
                link.style = "Hyperlink"
    _finish(sheet, PAGES, language)
    sheet.column_dimensions[get_column_letter(len(PAGES))].hidden = True


def _page_row(page: JudgedPage, item: Item, language: Language) -> Iterator[Any]:
    number = item.criterion.number
    proposal = item.proposal.outcome
    yield page.number
    yield f"{page.title or language.say('common.untitled')}\n{page.address}"
    yield f"{number} {item.criterion.name(language.lang)}"
    yield item.criterion.level.value
    yield language.say(f"judge.outcome.{proposal.value}") if proposal else ""
    yield ground_of(item, language)
    yield _places_of(item, language)
    yield ""
    yield judging(number).question(language.lang)
    yield ""
    yield ""
    yield said_of(item, language)
    yield f"{page.visit} {number}"


def _places_of(item: Item, language: Language) -> str:
    """The first places that a proposal stands on, each by its selectors, and how many there are beside."""
    seen = item.proposal.seen
    told = [path_of([*each.frame, *each.target]) or language.say("keeping.place_gone") for each in seen]
    more = item.proposal.places - len(seen)
    return "\n".join([*told, *([language.say("judge.more_places", n=language.number(more))] if more > 0 else [])])


def _part_of_report(item: Item) -> str:
    """Where a page's report shows what a proposal stands on, with pictures."""
    if not item.proposal.rules:
        return ""
    kind = "failed" if item.failed_places else "review"
    return f"#{kind}-{item.proposal.rules[0]}"


def ground_of(item: Item, language: Language) -> str:
    """What a proposal stands on, or why there is none, in words."""
    found = item.proposal
    rules = language.say("common.comma").join(rule_text_of(rule, language.lang).title for rule in found.rules)
    day = language.day(found.at) if found.at else ""
    told = [
        language.say(
            f"judge.ground.{found.ground.value}",
            rules=rules, places=language.count("place", found.places), person=found.person or "", day=day,
        )
    ]  # fmt: skip
    if found.ground is Ground.FAILED and found.person:
        told.append(language.say("judge.failed_before", person=found.person, day=day))
    if found.reason:
        told.append(language.say("judge.earlier_reason", reason=found.reason))
    if found.ground is Ground.EARLIER and item.failed_places:
        told.append(language.say("judge.same_faults", rules=rules, places=language.count("place", found.places)))
    return "\n".join(told)


def said_of(item: Item, language: Language) -> str:
    """What people have said, and whether they differ."""
    told = [f"{said.person}: {language.say(f'judge.outcome.{said.outcome.value}')}" for said in item.said]
    return language.say("common.comma").join([*told, *([language.say("judge.disputed")] if item.disputed else [])])


def progress(test: JisTest, language: Language) -> list[str]:
    """How far a test has come, in one or two lines."""
    totals = {
        name: language.number(sum(getattr(each, name) for each in test.criteria))
        for name in ("met", "not_met", "not_applicable", "unjudged", "disputed")
    }
    lines = [
        language.say(
            "judge.line.progress",
            pages=language.count("page", test.pages),
            aimed=language.count("criterion", len(test.criteria)),
            **totals,
        )
    ]
    if test.lost:
        pages = language.count("page", test.lost)
        lines.append(language.say("judge.line.lost", pages=pages, sweep=test.sweep.id))
    return lines


def _begin(sheet: Worksheet, columns: Sequence[str], language: Language) -> None:
    begin_table(
        sheet, [language.say(f"judge.column.{column}") for column in columns], [WIDTHS[each] for each in columns]
    )


def _finish(sheet: Worksheet, columns: Sequence[str], language: Language) -> None:
    words = ",".join(language.say(f"judge.outcome.{outcome.value}") for outcome in JudgementOutcome)
    lists = {"outcome": words, "all": words, "accept": language.say("judge.yes")}
    numbered = dict(enumerate(columns, start=1))
    end_table(
        sheet,
        [WIDTHS[column] for column in columns],
        filled=[index for index, column in numbered.items() if column in FILLED],
        offered={
            index: (lists[column], language.say("judge.one_of", words=lists[column]))
            for index, column in numbered.items()
            if column in lists
        },
    )


# ── reading ────────────────────────────────────────────────────────────────────────────────────────


def _check_key(path: Path, book: Workbook, key: dict[str, Any]) -> None:
    try:
        theirs = json.loads(hidden_in(book, KEY) or "")
    except ValueError:
        theirs = None
    if not isinstance(theirs, dict):
        raise _not_ours(path)
    if theirs.get("site") != key["site"] or theirs.get("sweep") != key["sweep"]:
        raise UsageError(
            ja=f"{path} は別の調査のものです（{theirs.get('site')} の調査 {theirs.get('sweep')}）。",
            en=f"{path} is of another sweep (sweep {theirs.get('sweep')} of {theirs.get('site')}).",
        )
    if theirs != key:
        raise UsageError(
            ja=f"{path} は古いブックです。書き出した後に検査結果が変わりました。jisweep judge export で書き出し直してください。",
            en=f"{path} is stale: results have changed since it was written. Write it again with jisweep judge export.",
        )


def _not_ours(path: Path) -> UsageError:
    return UsageError(
        ja=f"{path} は jisweep judge export が書いたブックではありません。",
        en=f"{path} is not a workbook that jisweep judge export has written.",
    )


def _sheet(path: Path, book: Workbook, key: str) -> Worksheet:
    found = sheet_said(book, key)
    if found is None:
        raise _not_ours(path)
    return found


def _check_lines(criteria: Worksheet, by_page: Worksheet, pages: Sequence[JudgedPage], filled: _Filled) -> None:
    """Every line that was written has come back, and no other."""
    known = {item.criterion.number for page in pages for item in page.items}
    wanted = {(page.visit, item.criterion.number) for page in pages for item in page.items}
    filled.errors += [(own.cell, "key") for key, own in filled.own.items() if key not in wanted]
    filled.errors += [(cell, "criterion") for number, cell in filled.lines.items() if number not in known]
    for sheet, is_whole in ((criteria, known <= filled.lines.keys()), (by_page, wanted <= filled.own.keys())):
        if not is_whole:
            filled.errors.append((f"{sheet.title}!A2", "lines"))


def _outcomes() -> dict[str, JudgementOutcome]:
    return {
        Language(lang).say(f"judge.outcome.{outcome.value}").lower(): outcome
        for lang in LANGUAGES
        for outcome in JudgementOutcome
    }


def _outcome(cell: Any, filled: _Filled) -> JudgementOutcome | None:
    word = text_of(cell.value).strip()
    found = _outcomes().get(word.lower())
    if word and found is None:
        filled.errors.append((place_of(cell), "outcome"))
    return found


def _names(pages: Sequence[JudgedPage]) -> dict[str, set[str]]:
    """Criterion → what it is called in each language."""
    return {
        item.criterion.number: {item.criterion.name(lang) for lang in LANGUAGES}
        for page in pages[:1]
        for item in page.items
    }


def _read_criteria(sheet: Worksheet, names: Mapping[str, set[str]], filled: _Filled) -> None:
    column = {name: index for index, name in enumerate(CRITERIA)}
    for row in sheet.iter_rows(min_row=2):
        number = text_of(row[column["number"]].value).strip()
        if not any(text_of(cell.value).strip() for cell in row):
            continue
        filled.lines[number] = place_of(row[column["number"]])
        name = row[column["name"]]
        if number in names and text_of(name.value).strip() not in names[number]:
            filled.errors.append((place_of(name), "line"))
        accept = row[column["accept"]]
        if (said := text_of(accept.value).strip()) in YES:
            filled.accept[number] = place_of(accept)
        elif said:
            filled.errors.append((place_of(accept), "accept"))
        outcome = _outcome(row[column["all"]], filled)
        if outcome is not None:
            filled.all_pages[number] = outcome, place_of(row[column["all"]])
        filled.notes[number] = text_of(row[column["note"]].value).strip()


def _read_pages(sheet: Worksheet, addresses: Mapping[int, str], filled: _Filled) -> None:
    """A line is of the page and criterion of its hidden key, and has to show them: people judge what they see."""
    column = {name: index for index, name in enumerate(PAGES)}
    for row in sheet.iter_rows(min_row=2):
        visit, _, number = text_of(row[column["key"]].value).partition(" ")
        cell = row[column["outcome"]]
        outcome = _outcome(cell, filled)
        reason = text_of(row[column["reason"]].value).strip()
        if not (visit.isascii() and visit.isdigit() and len(visit) < 19):
            if outcome is not None or reason:
                filled.errors.append((place_of(cell), "key"))
            continue
        for name, meant in (("title", addresses.get(int(visit))), ("criterion", number)):
            if meant is not None and meant not in text_of(row[column[name]].value).split():
                filled.errors.append((place_of(row[column[name]]), "line"))
        if (int(visit), number) in filled.own:
            filled.errors.append((place_of(cell), "twice"))
        filled.own[int(visit), number] = _Own(
            outcome=outcome, reason=reason, proposal=_outcome(row[column["proposal"]], filled), cell=place_of(cell)
        )


def _judgements(
    pages: Sequence[JudgedPage], filled: _Filled
) -> Iterator[tuple[int, str, JudgementOutcome, str | None]]:
    for page in pages:
        for item in page.items:
            number = item.criterion.number
            own = filled.own.get((page.visit, number))
            if own is None:
                continue  # told already
            outcome, reason, cell = own.outcome, own.reason, own.cell
            if outcome is None and reason:
                filled.errors.append((cell, "reason_alone"))
            if outcome is None and number in filled.all_pages:
                (outcome, cell), reason = filled.all_pages[number], filled.notes[number]
                if item.failed_places and why_needed(outcome, item.failed_places):
                    filled.errors.append(
                        (own.cell, "override")
                    )  # a reason against the machine is given page by page
            elif outcome is None and number in filled.accept and own.proposal is not None:
                outcome, cell = own.proposal, filled.accept[number]
                mine = item.proposal.reason or ""
                # A reason against the machine is that of the page; else the line's note may replace what was said before.
                against = item.failed_places and why_needed(outcome, item.failed_places)
                reason = mine if mine and against else filled.notes[number] or mine
                if outcome is not item.proposal.outcome:
                    filled.errors.append((own.cell, "proposal"))
            if outcome is None:
                continue
            if why_needed(outcome, item.failed_places) and not reason:
                filled.errors.append((cell, "override" if item.failed_places else "why"))
            yield page.visit, number, outcome, reason or None
