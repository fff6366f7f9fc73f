"""A trend as a terminal shows it."""

from collections.abc import Iterator

from audits.criteria import NAMES
from audits.sampled import Estimate
from audits.trends.lives import together
from audits.trends.pages import Look
from audits.trends.people import Tested
from audits.trends.rollup import Rolled
from audits.trends.trend import Trend
from reports.language import Language
from reports.trend_cells import judged_cells
from reports.trend_flow import flow_values
from reports.trend_view import Of, Row, rows_of
from reports.trend_words import (
    change_values,
    forecast_sentence,
    missing_why,
    range_of,
    reasons,
    repair_sentence,
    title,
    why_broken,
)


def as_lines(trend: Trend, of: Of, language: Language) -> Iterator[str]:
    """The trend as a terminal shows it."""
    yield title(trend, of, language)
    if trend.page is not None:
        for look in trend.page.looks:
            yield look_line(look, language)
    else:
        for row in rows_of(trend, trend.criterion):
            yield from row_lines(row, language)
        if trend.rolled:
            yield from missing_lines(trend.rolled[-1], of, language)
            yield from change_lines(trend, language)
    for tests in trend.tests.values() if trend.page is None else ():
        for test in tests:
            yield judged_line(test, of, language)
    yield from summary(trend, language)


def judged_line(test: Tested, of: Of, language: Language) -> str:
    """What people have judged of a sweep, with how far they have come."""
    cells = judged_cells(test, language)
    cells["not_met"] = cells["not_met"] or language.say("common.none")
    return language.say(
        "trend.line.test", site=of.sites[test.site], when=language.day(test.at), sweep=str(test.sweep),
        edition=NAMES[test.edition][language.lang != "ja"], level=test.level.value, whole=len(test.verdicts), **cells,
    )  # fmt: skip


def row_lines(row: Row, language: Language) -> Iterator[str]:
    """A point in one line, after what breaks the line before it."""
    if row.breaks and row.line is not None:
        yield language.say("trend.line.break", reasons=why_broken(row, language))
    when = (
        language.date(row.last)
        if row.sweep
        else language.say("trend.period", first=language.date(row.first), last=language.date(row.last))
    )
    if row.estimate is None or row.estimate.rate is None:
        why = reasons(row.breaks, language) or language.say("trend.no_point")
        yield language.say("trend.line.none", when=when, why=why, sites=row.sites, sites_of=row.sites_of)
        return
    values = _values(row.estimate, language)
    marks = language.say("trend.line.incomplete") if row.incomplete else ""
    if row.line is None:
        marks += language.say("trend.line.alone", reasons=reasons(row.breaks, language))
    if row.by_sites is None:
        yield language.say("trend.line.site", when=when, sweep=str(row.sweep), marks=marks, **values)
        return
    mean = row.by_sites
    yield language.say(
        "trend.line.together", when=when, sites=row.sites, sites_of=row.sites_of, marks=marks, **values,
        mean=language.share(mean.share), mean_low=language.share(mean.low), mean_high=language.share(mean.high),
    )  # fmt: skip


def _values(estimate: Estimate, language: Language) -> dict[str, str]:
    return {
        "rate": language.share(estimate.rate or 0.0),
        "problem": language.count("page", estimate.problem_pages),
        "audited": language.count("page", estimate.audited),
        "frame": language.count("page", estimate.frame),
        "range": range_of(estimate, language),
    }


def missing_lines(rolled: Rolled, of: Of, language: Language) -> Iterator[str]:
    """The sites that the last period says nothing of, each by its name."""
    if rolled.missing:
        yield language.say("trend.line.missing", sites=language.count("site", len(rolled.missing)))
    for site, why in rolled.missing.items():
        yield language.say("trend.line.missing_site", site=of.sites[site], why=missing_why(why, language))


def change_lines(trend: Trend, language: Language) -> Iterator[str]:
    """What has become of the comparable sites since the period before."""
    spoke = [each for each in trend.rolled if each.steps]
    if not spoke or (change := spoke[-1].change(trend.criterion)) is None:
        return
    yield language.say("trend.comparable", **change_values(change, language))


def look_line(look: Look, language: Language) -> str:
    """What a sweep saw of a page."""
    when = language.day(look.at)
    if look.places is None:
        why = (
            language.say(f"reason.{look.reason.value}")
            if look.reason
            else language.say(f"visit_state.{look.state.value}")
        )
        return language.say("trend.line.unseen", when=when, sweep=str(look.sweep), why=why)
    said = language.say(
        "trend.line.look", when=when, sweep=str(look.sweep), places=language.count("place", look.places),
        criteria=" ".join(look.criteria) or "–",
    )  # fmt: skip
    return said + (
        language.say("trend.line.look_break", reasons=reasons(look.breaks, language)) if look.breaks else ""
    )


def summary(trend: Trend, language: Language) -> Iterator[str]:
    """Defects, repair and forecast in one sentence each."""
    yield language.say("trend.flow", **flow_values(together(trend.flows)))
    yield repair_sentence(trend, language)
    if trend.forecast is not None:
        yield forecast_sentence(trend.forecast, language)
