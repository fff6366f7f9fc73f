"""A comparison of two sweeps for programs (`--json`) and for a terminal."""

from collections.abc import Iterator
from typing import Any

from audits.compare import Comparison, Measure, Side
from audits.sampled import Estimate
from audits.statistics.pairs import Pairs
from db.words import Change
from reports.language import Language
from reports.summary import estimate_json, overlap_json, overlap_words, rounded


def as_json(comparison: Comparison, lang: str) -> dict[str, Any]:
    """The object that `--json` prints; shares and differences are from -1 to 1 with four digits."""
    return {
        "site": comparison.site,
        "before": _side_json(comparison.before),
        "after": _side_json(comparison.after),
        "comparable": comparison.comparable,
        "breaks": [each.value for each in comparison.breaks],
        "rules_left_out": {
            "before": list(comparison.left_out_before),
            "after": list(comparison.left_out_after),
        },
        "problem_pages": _measure_json(comparison.problem_pages),
        "criteria": {criterion.number: _measure_json(measure) for criterion, measure in comparison.criteria},
        "sentence": sentence(comparison, Language(lang)),
    }


def as_lines(comparison: Comparison, lang: str) -> Iterator[str]:
    """The comparison as a terminal shows it; the last line is the one sentence."""
    language, found = Language(lang), comparison.problem_pages
    yield language.say(
        "compare.title",
        site=comparison.site,
        before=str(comparison.before.sweep),
        before_day=language.day(comparison.before.created_at),
        after=str(comparison.after.sweep),
        after_day=language.day(comparison.after.created_at),
    )
    if comparison.left_out_before or comparison.left_out_after:
        left_out = ", ".join(sorted({*comparison.left_out_before, *comparison.left_out_after}))
        yield language.say("compare.common", rules=left_out)
    for side, estimate in ((comparison.before, found.before), (comparison.after, found.after)):
        yield _side(side, estimate, language)
        yield from overlap_words(side.overlap, language)
    yield from _difference(comparison, language)
    yield _pairs(found.pairs, language)
    yield from _criteria(comparison, language)
    yield sentence(comparison, language)


def sentence(comparison: Comparison, language: Language) -> str:
    """What may be said, in plain words."""
    said = [_change(comparison, comparison.problem_pages.change, language)]
    if not comparison.comparable:
        reasons = (language.say(f"break.{each.value}") for each in comparison.breaks)
        broken = language.say("compare.broken", reasons=language.say("common.comma").join(reasons))
        said = [broken, language.say("compare.information", sentence=said[0])]
    parts = [str(side.sweep) for side in (comparison.before, comparison.after) if not side.complete]
    if parts:
        said.append(language.say("compare.incomplete", sweeps=language.say("common.comma").join(parts)))
    return ("" if language.lang == "ja" else " ").join(said)


def _change(comparison: Comparison, change: Change, language: Language) -> str:
    return change_words(change, language, is_counted=_is_counted(comparison))


def change_words(change: Change, language: Language, *, is_counted: bool) -> str:
    """What a difference shows, in one sentence."""
    counted = is_counted and change not in (Change.SAME, Change.UNKNOWN)
    return language.say(f"compare.change.{change.value}{'_counted' if counted else ''}")


def _is_counted(comparison: Comparison) -> bool:
    return comparison.before.is_census and comparison.after.is_census


def _side(side: Side, estimate: Estimate | None, language: Language) -> str:
    return share_words(side.sweep, side.known, estimate, language, is_census=side.is_census)


def share_words(sweep: int, known: int, estimate: Estimate | None, language: Language, *, is_census: bool) -> str:
    """The share of problem pages that a sweep shows, with all that it stands on."""
    if estimate is None:
        return language.say("compare.none", sweep=str(sweep))
    return language.say(
        "compare.census" if is_census else "compare.sample",
        sweep=str(sweep),
        rate=language.say("site.no_rate") if estimate.rate is None else language.share(estimate.rate),
        drawn=language.count("page", estimate.drawn),
        audited=language.count("page", estimate.audited),
        problem=language.count("page", estimate.problem_pages),
        low=language.share(estimate.low),
        high=language.share(estimate.high),
        frame=language.count("page", estimate.frame),
        covered=language.share(estimate.audited / estimate.frame),
        known=language.count("page", known),
    )


def _difference(comparison: Comparison, language: Language) -> Iterator[str]:
    found = comparison.problem_pages
    if found.difference is None or found.low is None or found.high is None:
        return
    counted = _is_counted(comparison)
    yield difference_words(found.difference, found.low, found.high, language, is_counted=counted)


def difference_words(difference: float, low: float, high: float, language: Language, *, is_counted: bool) -> str:
    """A difference in points with its interval, or of two censuses with what pages without a result leave open."""
    kind = ("missing" if low < high else "counted") if is_counted else "difference"
    return language.say(
        f"compare.{kind}",
        difference=language.points(difference),
        low=language.points(low),
        high=language.points(high),
    )


def _pairs(pairs: Pairs | None, language: Language) -> str:
    if pairs is None or pairs.p_value is None:
        return language.say("compare.no_pairs")
    return language.say(
        "compare.pairs",
        pages=language.count("page", pairs.pages),
        worse=language.count("page", pairs.worse),
        better=language.count("page", pairs.better),
        same=language.count("page", pairs.same_with + pairs.same_without),
        p=language.probability(pairs.p_value),
    )


def _criteria(comparison: Comparison, language: Language) -> Iterator[str]:
    """How many criteria have changed, and which; what says nothing of the whole site is not told."""
    told = [(each, found) for each, found in comparison.criteria if found.change is not Change.UNKNOWN]
    if not told:
        return
    changes = [found.change for _, found in told]
    amounts = {each.value: changes.count(each) for each in (Change.WORSE, Change.BETTER)}
    yield language.say(
        "compare.criteria_counted" if all(found.low == found.high for _, found in told) else "compare.criteria",
        looked=language.count("criterion", len(told)),
        undecided=len(told) - sum(amounts.values()),
        **amounts,
    )
    for criterion, found in told:
        if found.change in (Change.WORSE, Change.BETTER) and found.low is not None and found.high is not None:
            yield language.say(
                "compare.criterion_counted" if found.low == found.high else "compare.criterion",
                number=criterion.number,
                name=criterion.name(language.lang),
                sentence=language.say(f"compare.short.{found.change.value}"),
                low=language.points(found.low),
                high=language.points(found.high),
            )


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "sweep": side.sweep,
        "created_at": side.created_at.isoformat(),
        "method": side.method.value if side.method else None,
        "edition": side.edition.value,
        "level": side.level.value,
        "rule_set": side.rule_set,
        "pages": {"known": side.known, "frame": side.frame, "drawn": side.drawn, "audited": side.audited},
        "overlap": overlap_json(side.overlap),
        "complete": side.complete,
    }


def _measure_json(measure: Measure) -> dict[str, Any]:
    pairs = measure.pairs
    return {
        "before": estimate_json(measure.before),
        "after": estimate_json(measure.after),
        "difference": rounded(measure.difference),
        "low": rounded(measure.low),
        "high": rounded(measure.high),
        "change": measure.change.value,
        "same_pages": None
        if pairs is None
        else {
            "pages": pairs.pages,
            "worse": pairs.worse,
            "better": pairs.better,
            "same_with": pairs.same_with,
            "same_without": pairs.same_without,
            "p_value": rounded(pairs.p_value),
        },
    }
