"""A conclusion for programs (`--json`) and for the last lines in a terminal."""

from dataclasses import asdict
from typing import Any

from audits.conclude import Conclusion
from audits.overlap import Overlap
from audits.revision import Revision
from audits.sampled import Estimate
from audits.survey import Survey
from reports.exception_view import summary as exceptions_summary
from reports.health_view import health_json, warning
from reports.language import Language
from reports.left_out import left_out_lines
from reports.page_view import state_of
from reports.revision_view import summary as revision_summary
from reports.survey_view import summary as survey_summary


def as_json(conclusion: Conclusion, report: str | None) -> dict[str, Any]:
    """The object that `--json` prints; shares have four digits, and are null when no page was audited."""
    return {
        "sweep": conclusion.sweep,
        "site": conclusion.site,
        "method": conclusion.method.value if conclusion.method else None,
        "seed": conclusion.seed,
        "edition": conclusion.edition.value,
        "level": conclusion.level.value,
        "engine": {"name": conclusion.engine, "version": conclusion.engine_version},
        "rule_set": conclusion.rule_set,
        "rule_set_before": conclusion.rule_set_before,
        "pages": {
            "known": conclusion.known,
            "selected": conclusion.selected,
            "audited": conclusion.audited,
            "not_chosen": conclusion.not_chosen,
            "unaudited": {reason.value: count for reason, count in sorted(conclusion.unaudited.items())},
        },
        "left_out": [each.told for each in conclusion.left_out],
        "problem_pages": conclusion.problem_pages,
        "problem_page_rate": rounded(conclusion.rate),
        "places": conclusion.places,
        "estimate": estimate_json(conclusion.estimate),
        "overlap": overlap_json(conclusion.overlap),
        **_excepted(conclusion),
        "carried": {
            "pages": conclusion.reliance.carried,
            "drawn": conclusion.reliance.drawn,
            "rechecked": conclusion.reliance.rechecked,
            "disagreeing": conclusion.reliance.disagreeing,
        },
        "health": health_json(conclusion.health),
        "survey": _survey(conclusion.survey),
        "revision": _revision(conclusion.revision),
        "criteria": {
            count.number: {
                "level": count.level.value,
                "problem_pages": count.problem_pages,
                "places": count.places,
                "needs_review_pages": count.needs_review_pages,
                "state": state_of(
                    count.problem_pages, count.needs_review_pages, count.rules, conclusion.audited
                ).value,
                "estimate": estimate_json(count.estimate),
            }
            for count in conclusion.criteria
        },
        "unexplored_parts": conclusion.unread,
        "complete": conclusion.complete,
        "incomplete_because": [reason.value for reason in conclusion.incomplete_because],
        "report": report,
    }


def _excepted(conclusion: Conclusion) -> dict[str, Any]:
    """The second numbers; null where no exception was in force."""
    found = conclusion.excepted
    return {
        "problem_pages_without_excepted": found and found.problem_pages,
        "problem_page_rate_without_excepted": rounded(conclusion.rate_without_excepted),
        "estimate_without_excepted": estimate_json(found.estimate) if found else None,
        "excepted": {
            reason.value: {"pages": extent.pages, "places": extent.places}
            for reason, extent in (found.reasons if found else {}).items()
        },
    }


def _survey(survey: Survey | None) -> dict[str, Any] | None:
    if survey is None:
        return None
    before = survey.before
    return {
        "conditions": survey.version,
        "analysed": survey.analysed,
        "unanalysed": survey.unanalysed,
        "problem_pages": survey.problem_pages,
        "problem_page_rate": rounded(survey.rate),
        "problem_pages_a": survey.problem_pages_a,
        "problem_page_rate_a": rounded(survey.rate_a),
        "places": survey.places,
        "criteria": {
            found.criterion.number: {"problem_pages": found.problem_pages, "places": found.places}
            for found in survey.criteria
        },
        "before": None if before is None else {
            "sweep": before.sweep, "analysed": before.analysed, "unanalysed": before.unanalysed,
            "unexplored_parts": before.unread, "problem_pages": before.problem_pages,
            "problem_page_rate": rounded(before.rate), "same_scope": before.same_scope,
        },
        "change": rounded(survey.change),
        "change_bounds": None if survey.change_bounds is None else [rounded(each) for each in survey.change_bounds],
    }  # fmt: skip


def _revision(found: Revision | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "edition": found.after.edition.value,
        "audited": found.audited,
        "problem_pages": found.after.problem_pages,
        "places": found.after.places,
        "newly": found.newly,
        "no_longer": found.no_longer,
        "estimate": estimate_json(found.after.estimate),
        "newly_estimate": estimate_json(found.newly_estimate),
        "criteria": {
            line.criterion.number: {
                "standing": line.standing.value,
                "before": line.before
                and {"problem_pages": line.before.problem_pages, "places": line.before.places},
                "after": line.after and {"problem_pages": line.after.problem_pages, "places": line.after.places},
            }
            for line in found.lines
        },
    }


def as_lines(conclusion: Conclusion, lang: str) -> list[str]:
    """The few lines that end a command in a terminal."""
    language = Language(lang)
    lines = [
        *warning(conclusion.health, language),
        _audited(conclusion, language),
        *carried(conclusion, language),
        *_problems(conclusion, language),
    ]
    lines += exceptions_summary(conclusion, language)
    if conclusion.survey is not None:
        lines += survey_summary(conclusion, conclusion.survey, language)
    if conclusion.revision is not None:
        lines += revision_summary(conclusion.revision, language)
    lines += left_out_lines(conclusion.left_out, language)
    if conclusion.unaudited:
        lines.append(_unaudited(conclusion, language))
    if not conclusion.complete:
        lines.append(_incomplete(conclusion, language))
    return [*lines, language.say("line.machine")]


def further(conclusion: Conclusion, language: Language) -> list[str]:
    """What else there is to say of the numbers: carried results, exceptions, the ministry's survey, a further edition."""
    lines = [*carried(conclusion, language), *exceptions_summary(conclusion, language)]
    if conclusion.survey is not None:
        lines += survey_summary(conclusion, conclusion.survey, language)
    if conclusion.revision is not None:
        lines += revision_summary(conclusion.revision, language)
    return lines


def carried(conclusion: Conclusion, language: Language) -> list[str]:
    """How many results are an earlier sweep's, from when, and what auditing some such pages anyway has shown."""
    found = conclusion.reliance
    lines = []
    if found.carried and found.oldest and found.newest:
        lines.append(
            language.say(
                "carried.pages",
                audited=language.count("page", conclusion.audited),
                carried=language.count("page", found.carried),
                oldest=language.day(found.oldest),
                newest=language.day(found.newest),
            )
        )
    if found.carried or found.drawn:
        lines.append(
            language.say(
                "carried.rechecked" if found.drawn else "carried.unchecked",
                drawn=language.count("page", found.drawn),
                rechecked=language.count("page", found.rechecked),
                disagreeing=language.count("page", found.disagreeing),
            )
        )
    return lines


def rounded(share: float | None) -> float | None:
    """A share as programs get it."""
    return None if share is None else round(share, 4)


def estimate_json(estimate: Estimate | None) -> dict[str, Any] | None:
    """An estimate as programs get it."""
    if estimate is None:
        return None
    return {
        "frame": estimate.frame,
        "drawn": estimate.drawn,
        "audited": estimate.audited,
        "problem_pages": estimate.problem_pages,
        "rate": rounded(estimate.rate),
        "low": rounded(estimate.low),
        "high": rounded(estimate.high),
    }


def _audited(conclusion: Conclusion, language: Language) -> str:
    return language.say(
        "line.audited",
        audited=language.count("page", conclusion.audited),
        selected=language.count("page", conclusion.selected),
        known=language.count("page", conclusion.known),
    )


def _problems(conclusion: Conclusion, language: Language) -> list[str]:
    if conclusion.rate is None:
        return [language.say("line.no_page")]
    problem = language.say(
        "line.problem",
        problem=language.count("page", conclusion.problem_pages),
        rate=language.share(conclusion.rate),
        places=language.count("place", conclusion.places),
    )
    estimate = conclusion.estimate
    if estimate is None:
        return [problem]
    low, high = language.share(estimate.low), language.share(estimate.high)
    drawn, audited = language.count("page", estimate.drawn), language.count("page", estimate.audited)
    said = language.say("line.estimate", low=low, high=high, drawn=drawn, audited=audited)
    return [problem, said, *overlap_words(conclusion.overlap, language)]


def overlap_json(found: Overlap | None) -> dict[str, Any] | None:
    """What a random part shares with an earlier one, for programs."""
    return None if found is None else asdict(found)


def overlap_words(found: Overlap | None, language: Language, *, brief: bool = False) -> list[str]:
    """Why the estimate may look better than the site is; nothing where its pages are a draw of their own."""
    if found is None:
        return []
    key = "brief" if brief else "some" if found.new.drawn else "all"
    counts = {
        f"{kind}_{name}": language.count("page", getattr(part, name))
        for kind, part in (("shared", found.shared), ("new", found.new))
        for name in ("drawn", "audited", "problem_pages")
    }
    drawn = language.count("page", found.shared.drawn + found.new.drawn)
    return [language.say(f"overlap.{key}", sweep=str(found.sweep), drawn=drawn, **counts)]


def _unaudited(conclusion: Conclusion, language: Language) -> str:
    counts = sorted(conclusion.unaudited.items(), key=lambda item: (-item[1], item[0].value))
    reasons = (
        language.say("line.reason", reason=language.say(f"reason.{reason.value}"), n=count)
        for reason, count in counts
    )
    total = language.count("address", sum(conclusion.unaudited.values()))
    return language.say("line.unaudited", total=total, reasons=language.say("common.comma").join(reasons))


def _incomplete(conclusion: Conclusion, language: Language) -> str:
    reasons = [language.say(f"reason.{reason.value}") for reason in conclusion.incomplete_because]
    if conclusion.unread:
        reasons.append(language.say("complete.unread"))
    if not reasons:
        return language.say("line.no_page" if conclusion.finished else "line.unfinished")
    return language.say("line.incomplete", reasons=language.say("common.comma").join(reasons))
