"""The CSV files: findings and addresses, for spreadsheets that Japanese offices use."""

from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from reports.clean import cell
from reports.exception_view import mark
from reports.folder import Folder
from reports.language import TOKYO, Language
from reports.page_view import Group, Kind, PageView
from reports.read import Address
from reports.read_pages import Audited

FINDINGS = (
    "page", "address", "page_title", "place", "kind", "rule", "rule_title", "criteria", "levels", "counts",
    "impact", "frame", "target", "snippet", "seen", "how", "report", "picture", "exception",
)  # fmt: skip
PAGES = (
    "page", "address", "title", "state", "reason", "detail", "part", "failed_places", "failed_criteria",
    "review_places", "advice_places", "settled", "untested", "audited_at", "carried", "http_status",
    "content_type", "found_by", "found_on", "in_sitemap", "linked", "leads_to", "depth", "report", "excepted_places",
)  # fmt: skip
SURVEY = (
    "kind", "item", "name", "level", "criteria", "decided_by", "pages", "analysed", "share", "places", "addresses",
)  # fmt: skip
REVISION = (
    "number", "name", "level", "standing", "check", "rules_before", "pages_before", "places_before", "rules_after",
    "pages_after", "places_after",
)  # fmt: skip
DEFECTS = (
    "id", "state", "title", "rule", "region", "counts", "pages", "places", "pages_ever", "clean_pages", "owner", "due_on",
    "way", "example", "element", "clean_but_excepted", "impact", "use", "repairs", "effect", "by_effect",
)  # fmt: skip
EXCEPTIONS = (
    "id", "running", "scope", "defect", "title", "rule", "page", "pattern", "reason", "text", "person", "at", "until",
    "review", "ended_by", "ended_at", "pages", "places",
)  # fmt: skip
POINT = (
    "first_day", "last_day", "sweep", "sites", "sites_of", "frame", "drawn", "audited", "problem_pages", "rate", "low",
    "high", "unweighted", "unweighted_low", "unweighted_high", "line", "breaks", "complete",
)  # fmt: skip
JUDGED = ("not_met", "met", "not_applicable", "unjudged", "test")  # by people, of a sweep's criteria
TREND = ("name", *POINT, "missing", *JUDGED)
CRITERIA = ("number", "criterion", "level", *POINT)
FLOW = (
    "first_day", "last_day", "open_at_begin", "found", "newly_checked", "returned", "seen_again", "exception_ended", "confirmed",
    "confirmed_of_open", "unverified", "excepted", "open_at_end", "unverified_at_end", "excepted_at_end",
    "confirmed_at_end", "days_30", "days_90", "days_180", "days_365", "older",
)  # fmt: skip
LOOKS = ("day", "sweep", "state", "reason", "places", "criteria", "line", "breaks")
CYCLE_SITES = (
    "address", "baseline_sweep", "baseline_day", "baseline_rate", "baseline_low", "baseline_high", "baseline_audited",
    "baseline_frame", "newest_sweep", "newest_rate", "confirming_sweep", "confirming_day", "confirming_rate", "confirming_low",
    "confirming_high", "confirming_audited", "confirming_frame", "difference", "low", "high", "change", "standing",
    "baseline_defects", "confirmed", "open", "unverified", "excepted", "new", "newly_checked", "back", "overdue",
)  # fmt: skip
CYCLE_DEFECTS = (
    "address", "id", "title", "rule", "state", "origin", "region", "owner", "due_on", "overdue", "way", "pages", "places",
    "pages_ever", "impact", "use", "effect", "repairs", "example",
)  # fmt: skip
INVENTORY = (
    "address", "title", "state", "reason", "detail", "http_status", "content_type", "found_by", "found_on",
    "in_sitemap", "linked", "leads_to", "depth",
)  # fmt: skip
DOCUMENTS = ("address", "content_type", "size", "last_modified", "linked_from")
CHUNK = 2000  # rows held before they are written


class Table:
    """A CSV file that takes rows one by one: UTF-8 with BOM, CRLF, formulas defused."""

    def __init__(self, folder: Folder, name: str, columns: tuple[str, ...], language: Language) -> None:
        self._folder, self._name, self._columns, self._language = folder, name, columns, language
        self._file = folder.open(f"{name}.csv")
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._folder.piece(lambda: self._file.write("\ufeff"))
        self._write(header=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write()
        finally:
            self._folder.piece(self._file.close)

    def add(self, **values: Any) -> None:
        """Add a row; columns that it does not name stay empty."""
        self._rows.append(values)
        if len(self._rows) >= CHUNK:
            self._write()

    def _write(self, *, header: bool = False) -> None:
        text = csv_text(self._rows, self._name, self._columns, self._language, header=header)
        self._folder.piece(lambda: self._file.write(text))
        self._rows.clear()


def csv_text(
    rows: Iterable[dict[str, Any]], name: str, columns: tuple[str, ...], language: Language, *, header: bool = True
) -> str:
    """Rows as lines of a CSV file, under the reader's headings."""
    import pandas as pd  # half a second, which no command has to wait for that writes no table

    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    headings = [language.say(f"{name}_csv.{column}") for column in columns]
    frame = pd.DataFrame(cells, columns=headings, dtype=object)
    return frame.to_csv(header=header, index=False, lineterminator="\r\n")


def finding_rows(view: PageView, language: Language, lacking: Container[int] = ()) -> Iterator[dict[str, Any]]:
    """The rows of findings.csv for one page. `lacking` are pictures that are not to be had."""
    page = {"page": view.number, "address": view.page.address, "page_title": view.page.title}
    gone = disposed_line(view.page.texts_disposed_at or view.page.places_disposed_at, language)
    for group in view.groups:
        shared = page | _group_cells(group, language)
        for place in group.places:
            frame, target = place.where
            shot = place.spot.picture
            yield shared | {
                "place": place.number,
                "impact": language.say(f"impact.{place.spot.impact.value}") if place.spot.impact else None,
                "frame": frame,
                "target": target,
                "snippet": place.spot.snippet or gone,
                "seen": " ".join(place.seen),
                "report": f"pages/{view.number}.html#place-{place.number}",
                "picture": f"pictures/{shot.name}" if shot and shot.id not in lacking else None,
                "exception": mark(place.exception, language) if place.exception else None,
            }


def disposed_line(at: datetime | None, language: Language) -> str:
    """That evidence was disposed of, and on which day; nothing where it was not."""
    return "" if at is None else language.say("keeping.disposed", day=language.day(at))


def page_row(view: PageView, language: Language) -> dict[str, Any]:
    """The row of pages.csv for one audited page."""
    page = view.page
    return {
        "page": view.number,
        "address": page.address,
        "title": page.title,
        "state": language.say("visit_state.audited"),
        "part": " ".join(language.say(f"part.{found.part.value}", rank=found.rank) for found in page.parts),
        "failed_places": view.places(Kind.FAILED),
        "excepted_places": view.excepted,
        "failed_criteria": " ".join(found.number for found in view.failed_criteria),
        "review_places": view.places(Kind.REVIEW),
        "advice_places": view.places(Kind.ADVICE),
        "settled": language.say("common.yes" if page.settled else "common.no"),
        "untested": len(page.untested),
        "audited_at": page.audited_at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M:%S"),
        "carried": language.say("common.yes" if page.carried else "common.no"),
        "report": f"pages/{view.number}.html",
        **_found_cells(page, language),
    }


def address_row(found: Address, language: Language) -> dict[str, Any]:
    """The row of pages.csv for an address without a result."""
    return {
        "address": found.address,
        "title": found.title,
        "state": language.say(f"visit_state.{found.state.value}"),
        "reason": language.say(f"reason.{found.reason.value}") if found.reason else None,
        "detail": found.detail,
        "leads_to": found.leads_to,
        **_found_cells(found, language),
    }


def _found_cells(found: Audited | Address, language: Language) -> dict[str, Any]:
    return {
        "http_status": found.http_status,
        "content_type": found.content_type,
        "found_by": language.say(f"found_by.{found.found_by.value}"),
        "found_on": found.found_on,
        "in_sitemap": language.say("common.yes" if found.in_sitemap else "common.no"),
        "linked": language.say("common.yes" if found.linked or found.shown else "common.no"),
        "depth": found.depth,
    }


def _group_cells(group: Group, language: Language) -> dict[str, Any]:
    return {
        "kind": language.say(f"kind.{group.kind.value}"),
        "rule": group.rule,
        "rule_title": group.text.title,
        "criteria": " ".join(found.number for found in group.criteria),
        "levels": " ".join(found.level.value for found in group.criteria),
        "counts": language.say("common.yes" if group.counts else "common.no"),
        "how": group.text.how,
    }
