"""A trend for spreadsheets."""

from collections.abc import Iterator
from typing import Any

from audits.trends.people import Tested
from audits.trends.trend import Trend, known_criteria
from crawler.windows import TOKYO
from reports.language import Language
from reports.summary import rounded
from reports.trend_flow import age_names, flow_values
from reports.trend_view import Of, Row, rows_of, site_row
from reports.trend_words import reasons


def trend_cells(trend: Trend, of: Of, language: Language) -> Iterator[dict[str, Any]]:
    """The rows of trend.csv: of several sites together first, then of each site."""
    for each, row in zip(trend.rolled, rows_of(trend, trend.criterion) if trend.rolled else (), strict=True):
        missing = language.say("common.comma").join(of.sites[site] for site in each.missing)
        yield {**_cells(row, language), "name": of.name, "missing": missing}
    for site, steps in trend.steps.items():
        tests = {test.sweep: judged_cells(test, language) for test in trend.tests.get(site, ())}
        for step in steps:
            judged = tests.get(step.point.sweep, {})
            yield {**_cells(site_row(step, trend.criterion), language), **judged, "name": of.sites[site]}


def verdicts(test: Tested, verdict: str) -> list[str]:
    """The criteria of which people have said this."""
    return [number for number, each in test.verdicts.items() if each == verdict]


def judged_cells(test: Tested, language: Language) -> dict[str, Any]:
    """What people have judged of a sweep: the criteria that are not met by their numbers, of the others how many."""
    return {
        "not_met": " ".join(verdicts(test, "not_met")),
        **{each: len(verdicts(test, each)) for each in ("met", "not_applicable", "unjudged")},
        "test": language.say("trend.test_complete" if test.judged else "trend.test_open"),
    }


def _cells(row: Row, language: Language) -> dict[str, Any]:
    estimate, by_sites = row.estimate, row.by_sites
    told: dict[str, Any] = {
        "first_day": row.first.isoformat(), "last_day": row.last.isoformat(), "sweep": row.sweep, "sites": row.sites,
        "sites_of": row.sites_of, "line": None if row.line is None else row.line + 1, "breaks": reasons(row.breaks, language),
        "complete": language.say("common.no" if row.incomplete else "common.yes") if row.sites else None,
    }  # fmt: skip
    if estimate:
        told |= {
            "frame": estimate.frame, "drawn": estimate.drawn, "audited": estimate.audited,
            "problem_pages": estimate.problem_pages, "rate": rounded(estimate.rate), "low": rounded(estimate.low),
            "high": rounded(estimate.high),
        }  # fmt: skip
    if by_sites:
        told |= {
            "unweighted": rounded(by_sites.share), "unweighted_low": rounded(by_sites.low),
            "unweighted_high": rounded(by_sites.high),
        }  # fmt: skip
    return told


def criterion_cells(trend: Trend, language: Language) -> Iterator[dict[str, Any]]:
    """The rows of criteria.csv: every criterion at every point of the trend."""
    for criterion in known_criteria(trend):
        named = {
            "number": criterion.number, "criterion": criterion.name(language.lang), "level": criterion.level.value,
        }  # fmt: skip
        for row in rows_of(trend, criterion.number):
            yield {**_cells(row, language), **named}


def flow_cells(trend: Trend) -> Iterator[dict[str, Any]]:
    """The rows of flow.csv."""
    for flow in trend.flows:
        ages = dict(zip(age_names(), flow.ages, strict=True))
        days = {"first_day": flow.period.first.isoformat(), "last_day": flow.period.last.isoformat()}
        yield {**days, **flow_values(flow), **ages}


def look_cells(trend: Trend, language: Language) -> Iterator[dict[str, Any]]:
    """The rows of trend.csv for one page."""
    for look in trend.page.looks if trend.page else ():
        yield {
            "sweep": look.sweep, "day": look.at.astimezone(TOKYO).date().isoformat(),
            "state": language.say(f"visit_state.{look.state.value}"),
            "reason": language.say(f"reason.{look.reason.value}") if look.reason else None, "places": look.places,
            "criteria": " ".join(look.criteria), "line": None if look.line is None else look.line + 1,
            "breaks": reasons(look.breaks, language),
        }  # fmt: skip
