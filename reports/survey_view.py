"""The ministry's survey of a site as its page shows it: two rates by two sets of rules, each named for what it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audits import mic
from audits.conclude import Conclusion
from audits.counts import NOT_PAGES
from audits.survey import Survey, yardsticks
from db.words import Level, Outcome, Reason
from reports.language import Language
from reports.read import RuleCount


@dataclass(frozen=True, kw_only=True)
class ConditionRow:
    """One condition over all analysed pages."""

    item: str
    name: str
    criteria: str  # numbers, with spaces between
    decided_by: str
    pages: int
    share: str | None  # of the analysed pages, as it is printed; None when there are none
    places: int
    example: int | None  # number of a page that meets it
    anchor: str


def survey_values(
    conclusion: Conclusion,
    survey: Survey,
    counts: Iterable[RuleCount],
    numbers: Mapping[int, int],
    language: Language,
) -> dict[str, Any]:
    """All that the template asks for."""
    return {
        "conclusion": conclusion,
        "survey": survey,
        "summary": summary(conclusion, survey, language),
        "unanalysed": unanalysed(conclusion),
        "conditions": condition_rows(survey, counts, numbers, language),
        "yardsticks": yardsticks(),
    }  # fmt: skip


def unanalysed(conclusion: Conclusion) -> list[tuple[Reason, int]]:
    """Pages of the site without a result, by reason, most first: they are reported apart and count in no rate."""
    found = [(reason, count) for reason, count in conclusion.unaudited.items() if reason not in NOT_PAGES]
    return sorted(found, key=lambda each: (-each[1], each[0].value))


def condition_rows(
    survey: Survey, counts: Iterable[RuleCount], numbers: Mapping[int, int], language: Language
) -> list[ConditionRow]:
    """All conditions, those that most pages meet first; one that no page meets is told as well."""
    found = {count.rule: count for count in counts if count.outcome is Outcome.FAILED}
    rows = []
    for item, condition in mic.conditions().items():
        rule = mic.rule_of(item)
        count = found.get(rule)
        pages = count.pages if count else 0
        decided_by = condition.source.partition(":")[0]
        rows.append(
            ConditionRow(
                item=item,
                name=condition.name(language.lang),
                criteria=" ".join(condition.criteria),
                decided_by=language.say(f"survey.decided.{decided_by}"),
                pages=pages,
                share=language.share(pages / survey.analysed) if survey.analysed else None,
                places=count.places if count else 0,
                example=numbers[count.example] if count else None,
                anchor=f"survey-{rule}",
            )
        )
    return sorted(rows, key=lambda row: (-row.pages, -row.places))


def table_rows(
    conclusion: Conclusion, survey: Survey, conditions: Iterable[ConditionRow], language: Language
) -> Iterator[dict[str, Any]]:
    """All numbers of the survey as rows of one table: both rates, the criteria, the conditions, what was not analysed."""

    def row(kind: str, name: str, pages: int, places: int | None, **more: Any) -> dict[str, Any]:
        share = language.share(pages / survey.analysed) if survey.analysed else None
        told = {"pages": pages, "analysed": survey.analysed, "share": share, "places": places}
        return {"kind": language.say(f"survey_kind.{kind}"), "name": name, **told, **more}

    engine = f"{conclusion.engine} {conclusion.engine_version}"
    for by, found in (("mic", survey), ("axe", conclusion)):
        name = language.say(f"survey.by_{by}", version=survey.version, engine=engine)
        yield row("rate", name, found.problem_pages, found.places, level=language.say("survey_kind.level_aa"))
        yield row("rate", name, found.problem_pages_a, None, level=Level.A.value)
    for line in survey.criteria:
        each = line.criterion
        level = each.level.value
        yield row(
            "criterion",
            each.name(language.lang),
            line.problem_pages,
            line.places,
            criteria=each.number,
            level=level,
        )
    for condition in conditions:
        of = {"item": condition.item, "criteria": condition.criteria, "decided_by": condition.decided_by}
        yield row("condition", condition.name, condition.pages, condition.places, **of)
    for reason, count in unanalysed(conclusion):
        kind, name = language.say("survey.unanalysed"), language.say(f"reason.{reason.value}")
        yield {"kind": kind, "name": name, "addresses": count}


def summary(conclusion: Conclusion, survey: Survey, language: Language) -> list[str]:
    """The result in a few sentences; also the lines that end the command in a terminal."""
    if survey.rate is None or survey.rate_a is None:
        return [language.say("survey.empty")]
    said = [
        language.say(
            "survey.rate_line",
            rate=language.share(survey.rate),
            problem=language.count("page", survey.problem_pages),
            analysed=language.count("page", survey.analysed),
            places=language.count("place", survey.places),
            rate_a=language.share(survey.rate_a),
            problem_a=language.count("page", survey.problem_pages_a),
        ),
        language.say("survey.axe_line", rate=language.share(conclusion.rate or 0.0)),
        *_change(survey, language),
    ]
    apart = sum(count for _, count in unanalysed(conclusion))
    if apart:
        said.append(language.say("survey.apart_line", pages=language.count("page", apart)))
    return said


def _change(survey: Survey, language: Language) -> list[str]:
    before = survey.before
    if not survey.finished:
        return [language.say("survey.unfinished")]
    if before is None:
        return [language.say("survey.first")]
    told = {
        "day": language.day(before.finished_at),
        "sweep": before.sweep,
        "rate": language.share(before.rate),
        "problem": language.count("page", before.problem_pages),
        "analysed": language.count("page", before.analysed),
    }
    if survey.change is None or survey.change_bounds is None:
        return [language.say("survey.other_scope", **told)]
    low, high = survey.change_bounds
    unread = {"unread_before": language.number(before.unread), "unread": language.number(survey.unread)}
    partly = [language.say("survey.change_partly", **unread)] if before.unread or survey.unread else []
    if low == high:
        key = "change_found" if partly else "change"
        return [language.say(f"survey.{key}", points=language.points(survey.change), **told), *partly]
    way = "worse" if low > 0 else "better" if high < 0 else "undecided"
    said = language.say(
        f"survey.change_{way}",
        points=language.points(survey.change), low=language.points(low), high=language.points(high),
        lost=language.count("page", survey.unanalysed), lost_before=language.count("page", before.unanalysed), **told,
    )  # fmt: skip
    return [said, *partly]
