"""The sheet of the yearly check and evaluation: what records know, with the record; the rest is for a person.

The items' own wording is not in here: it is not known to us exactly, and the sheet says so.
"""

from dataclasses import dataclass

from audits.conclude import Conclusion
from audits.jis_test import Verdict
from audits.trends.periods import fiscal_year
from reports.language import Language
from reports.publish.content import Content
from reports.publish.facts import Facts

POINTS = (("organisation", 20), ("continuity", 16), ("checking", 8), ("users", 6))


@dataclass(frozen=True, kw_only=True)
class Known:
    """One thing the sheet asks for; without a value, a person fills it in."""

    item: str
    value: str
    source: str = ""


def known(content: Content) -> list[Known]:
    """What is asked for, in the order of the yearly round, and where a value comes from."""
    facts, say = content.facts, content.say
    sweep = say("evaluation.from_sweep", id=str(facts.head.id))
    judged = say("evaluation.from_judgements", id=str(facts.head.id))
    declared = say("evaluation.from_declaration")
    year = say("evaluation.year_of", year=str(fiscal_year(facts.head.created_at)))
    rows = [
        _row(content, "year", year, sweep),
        _told(content, "organisation_name", "organisation"),
        _row(content, "site", facts.head.site, sweep),
        _row(content, "level_required", facts.aim.value, sweep),
        _told(content, "policy", "policy"),
        _row(content, "tested", _tested(content), judged),
        _told(content, "published", "published"),
        _row(content, "notation", content.claim() or content.notation()[0], declared),
        _row(content, "failed", _failed(content), judged),
        _told(content, "plan", "plan"),
        _swept(content),
        _improved(content),
    ]
    return rows + [_row(content, name, None, "") for name in ("training", "work_with_users")]


def points(language: Language) -> list[tuple[str, int]]:
    """The parts of the sheet with their points; no score is proposed."""
    return [(language.say(f"evaluation.{part}"), number) for part, number in POINTS]


def _row(content: Content, item: str, value: str | None, source: str) -> Known:
    if not value:
        return Known(item=content.say(f"evaluation.{item}"), value=content.say("publish.for_person"))
    return Known(item=content.say(f"evaluation.{item}"), value=value, source=source)


def _told(content: Content, item: str, key: str) -> Known:
    value = content.facts.details.get(key)
    return _row(content, item, str(value) if value else None, content.say("evaluation.from_details"))


def _tested(content: Content) -> str:
    facts, language = content.facts, content.language
    pages = language.count("page", facts.test.pages)
    if content.incomplete is None:
        return content.say("evaluation.tested_yes", pages=pages, period=content.period()[0])
    return content.say("evaluation.tested_part", pages=pages, because=" ".join(content.incomplete_because))


def _failed(content: Content) -> str:
    failed = content.facts.of(Verdict.NOT_MET)
    named = content.say("common.comma").join(each.criterion.number for each in failed)
    return named or content.say("evaluation.failed_none")


def _swept(content: Content) -> Known:
    facts, language = content.facts, content.language
    swept, at = facts.swept, facts.swept_at
    if swept is None or at is None or swept.rate is None:
        return Known(item=content.say("evaluation.swept"), value=_by_hand(content, "swept_no"))
    value = content.say(
        "evaluation.swept_yes", day=language.day(at), audited=language.count("page", swept.audited),
        problem=language.count("page", swept.problem_pages), rate=language.share(swept.rate),
    )  # fmt: skip
    value += "" if swept.complete else content.say("evaluation.not_all_read")
    return _row(content, "swept", value, content.say("evaluation.from_sweep", id=str(swept.sweep)))


def _improved(content: Content) -> Known:
    facts, language = content.facts, content.language
    if not _comparable(facts.swept, facts) or facts.swept_before is None or facts.before_at is None:
        why = "improved_no" if facts.before_at is None else "improved_not_comparable"
        return Known(item=content.say("evaluation.improved"), value=_by_hand(content, why))
    assert facts.swept is not None
    assert facts.swept.rate is not None
    assert facts.swept_before.rate is not None
    value = content.say(
        "evaluation.improved_text", before=language.share(facts.swept_before.rate),
        day=language.day(facts.before_at), rate=language.share(facts.swept.rate),
    )  # fmt: skip
    value += "" if facts.swept.complete and facts.swept_before.complete else content.say("evaluation.not_all_read")
    both = f"{facts.swept_before.sweep}, {facts.swept.sweep}"
    return _row(content, "improved", value, content.say("evaluation.from_sweep", id=both))


def _comparable(swept: Conclusion | None, facts: Facts) -> bool:
    before = facts.swept_before
    return swept is not None and swept.rate is not None and before is not None and before.rate is not None


def _by_hand(content: Content, key: str) -> str:
    return f"{content.say('publish.for_person')}: {content.say(f'evaluation.{key}')}"
