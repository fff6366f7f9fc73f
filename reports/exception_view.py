"""An exception as reports, lists and programs tell it."""

from dataclasses import dataclass
from typing import Any

from audits.conclude import Conclusion
from audits.defects.excepting import Told
from audits.excepted import Excepted, Extent
from db.tables import Exemption
from reports.language import TOKYO, Language
from reports.page_view import text_of


@dataclass(frozen=True, kw_only=True)
class ExceptionLine:
    """One exception on the first page of a report."""

    words: dict[str, str]
    extent: Extent


def exception_words(each: Exemption, rule: str, page: str | None, language: Language) -> dict[str, str]:
    """What is excepted, why, by whom and until when, in words; `rule` and `page` are what it is of."""
    return {
        "id": str(each.id),
        "scope": _scope(each, rule, page, language),
        "reason": language.word("exception_reason", each.reason.value),
        "text": each.text,
        "person": each.person,
        "until": language.date(each.until),
        "review": _review(each, language),
        "ended": _ended(each, language),
    }


def standing(each: Told) -> str:
    """Where an exception stands, as texts name it."""
    return "waiting" if each.waiting else "running" if each.running else "ended"


def mark(each: Exemption, language: Language) -> str:
    """The mark of a covered place: reason and last day."""
    reason = language.word("exception_reason", each.reason.value)
    return language.say("exceptions.mark", reason=reason, until=language.date(each.until), id=str(each.id))


def exception_json(each: Told) -> dict[str, Any]:
    """An exception as programs get it."""
    found = each.exemption
    return {
        "id": found.id,
        "running": each.running,
        "proposed": found.proposed,
        "waiting": each.waiting,
        "scope": _kind(found),
        "defect": found.defect_id,
        "page": each.page,
        "rule": each.rule,
        "pattern": found.pattern,
        "reason": found.reason.value,
        "text": found.text,
        "person": found.person,
        "at": found.at.isoformat(),
        "until": found.until.isoformat(),
        "ended_by": found.ended_by,
        "ended_at": found.ended_at and found.ended_at.isoformat(),
        "reviewed_by": found.reviewed_by,
        "reviewed_at": found.reviewed_at and found.reviewed_at.isoformat(),
        "agrees": found.agrees,
        "review": found.review,
        "pages": each.pages,
        "places": each.places,
    }


def exception_row(each: Told, language: Language) -> dict[str, Any]:
    """The row of an exception in a table."""
    found = each.exemption
    words = exception_words(found, each.rule, each.page, language)
    return exception_json(each) | {
        "running": language.say(f"exceptions.{standing(each)}"),
        "scope": words["scope"],
        "title": text_of(each.rule, language.lang).title,
        "reason": words["reason"],
        "at": found.at.astimezone(TOKYO).strftime("%Y-%m-%d"),
        "ended_at": found.ended_at and found.ended_at.astimezone(TOKYO).strftime("%Y-%m-%d"),
        "review": words["review"],
    }


def index_exceptions(conclusion: Conclusion, language: Language) -> dict[str, Any]:
    """What the first page of a report tells of exceptions; nothing where none was in force."""
    found = conclusion.excepted
    if found is None:
        return {"excepted": None}
    return {
        "excepted": found,
        "excepted_rate": conclusion.rate_without_excepted,
        "excepted_only": conclusion.problem_pages - found.problem_pages,
        "excepted_reasons": _reasons(found, language),
        "excepted_lines": [
            ExceptionLine(words=exception_words(each.exemption, each.rule, each.page, language), extent=each.extent)
            for each in found.in_force
        ],
    }


def summary(conclusion: Conclusion, language: Language) -> list[str]:
    """The second rate in a terminal, and the exceptions by reason; no line where none was in force."""
    found, rate = conclusion.excepted, conclusion.rate_without_excepted
    if found is None or rate is None:
        return []
    said = [
        language.say(
            "exceptions.line.rate", problem=language.count("page", found.problem_pages), rate=language.share(rate),
            audited=language.count("page", conclusion.audited),
        )
    ]  # fmt: skip
    if found.estimate is not None:
        low, high = language.share(found.estimate.low), language.share(found.estimate.high)
        said.append(language.say("exceptions.line.estimate", low=low, high=high))
    reasons = _reasons(found, language)
    if reasons:
        said.append(language.say("exceptions.line.reasons", reasons=language.say("common.comma").join(reasons)))
    return said


def _reasons(found: Excepted, language: Language) -> list[str]:
    """How many pages and places exceptions cover, for each reason."""
    return [
        language.say(
            "exceptions.line.reason", reason=language.word("exception_reason", reason.value),
            pages=language.count("page", extent.pages), places=language.count("place", extent.places),
        )
        for reason, extent in found.reasons.items()
    ]  # fmt: skip


def _kind(each: Exemption) -> str:
    if each.defect_id is None:
        return "rule"
    return "place" if each.page_id is not None else "restated" if each.restated else "defect"


def _scope(each: Exemption, rule: str, page: str | None, language: Language) -> str:
    title = text_of(rule, language.lang).title
    return language.say(
        f"exceptions.scope.{_kind(each)}", title=title, defect=str(each.defect_id), page=page or "",
        pattern=each.pattern or "",
    )  # fmt: skip


def _review(each: Exemption, language: Language) -> str:
    if each.reviewed_by is None:
        return language.say("exceptions.unanswered" if each.proposed else "exceptions.unreviewed")
    return language.say(f"exceptions.{'agreed' if each.agrees else 'disagreed'}", person=each.reviewed_by)


def _ended(each: Exemption, language: Language) -> str:
    if each.ended_by is None or each.ended_at is None:
        lapsed = each.proposed and each.reviewed_by is None
        return language.say(
            "exceptions.lapsed" if lapsed else "exceptions.ended_itself", until=language.date(each.until)
        )
    return language.say("exceptions.ended_by", person=each.ended_by, day=language.day(each.ended_at))
