"""A trend for programs (`--json`)."""

from typing import Any

from audits.sampled import Estimate
from audits.statistics.together import Together
from audits.trends.lines import Step
from audits.trends.lives import Flow, together
from audits.trends.pages import Look
from audits.trends.people import Tested
from audits.trends.rollup import Change, Rates, Rolled
from audits.trends.trend import Forecast, Trend, known_criteria
from reports.summary import estimate_json, rounded
from reports.trend_flow import WITHIN, age_names, at_least, flow_values
from reports.trend_view import Of


def as_json(trend: Trend, of: Of) -> dict[str, Any]:
    """The object that `--json` prints; shares are from 0 to 1 with four digits, durations in days."""
    return {
        "of": of.name,
        "kind": of.kind,
        "from": trend.span.first.isoformat(),
        "to": trend.span.last.isoformat(),
        "every": trend.every.value,
        "criterion": trend.criterion,
        "sites": [
            {"address": each.address, "organisation": of.organisations.get(each.id)} for each in trend.sites
        ],
        "points": [_point_json(step, of, trend) for steps in trend.steps.values() for step in steps],
        "together": [_rolled_json(each, of, trend) for each in trend.rolled],
        "tests": [_test_json(test, of) for tests in trend.tests.values() for test in tests],
        "page": trend.page and {
            "address": trend.page.address,
            "looks": [_look_json(each) for each in trend.page.looks],
            "places": [
                {"defect": each.defect, "rule": each.rule, "state": each.state.value, "places": each.places}
                for each in trend.page.places
            ],
        },
        "defects": {"whole": _flow_json(together(trend.flows)), "periods": [_flow_json(each) for each in trend.flows]},
        "repair": _repair_json(trend),
        "forecast": _forecast_json(trend.forecast) if trend.forecast else None,
    }  # fmt: skip


def _point_json(step: Step, of: Of, trend: Trend) -> dict[str, Any]:
    point, sweep = step.point, step.point.terms.sweep
    sample = point.sample(trend.criterion)
    told: dict[str, Any] = {
        "site": of.sites[point.site],
        "sweep": point.sweep,
        "finished_at": point.at.isoformat(),
        "method": point.method.value if point.method else None,
        "edition": sweep.edition.value,
        "level": sweep.level.value,
        "rule_set": sweep.rule_set,
        "pages": {"known": point.known, "audited": point.audited, "lost": point.lost},
        "complete": point.complete,
        "incomplete_because": [each.value for each in point.because],
        "unexplored_parts": point.unread,
        "estimate": estimate_json(Estimate.of(sample)) if sample else None,
        "line": step.line,
        "breaks": [each.value for each in step.breaks],
    }
    if trend.alone:
        told["criteria"] = {
            number: estimate_json(Estimate.of(found)) if (found := point.sample(number)) else None
            for number in sorted(point.spoken)
        }
    return told


def _rates_json(rates: Rates | None) -> dict[str, Any] | None:
    if rates is None:
        return None
    return {
        "sites": rates.sites, "frame": rates.frame, "audited": rates.audited, "problem_pages": rates.problem_pages,
        "weighted_by_pages": _together_json(rates.by_pages), "unweighted": _together_json(rates.by_sites),
    }  # fmt: skip


def _together_json(of: Together) -> dict[str, Any]:
    return {"rate": rounded(of.share), "low": rounded(of.low), "high": rounded(of.high)}


def _rolled_json(each: Rolled, of: Of, trend: Trend) -> dict[str, Any]:
    change: Change | None = each.change(trend.criterion)
    return {
        "from": each.period.first.isoformat(),
        "to": each.period.last.isoformat(),
        "sites_of": len(trend.sites),
        "rates": _rates_json(each.rates(trend.criterion)),
        "incomplete": [of.sites[site] for site in each.incomplete],
        "missing": [
            {"site": of.sites[site], "why": why.value if why else "not_swept"} for site, why in each.missing.items()
        ],
        "line": each.line,
        "breaks": [why.value for why in each.breaks],
        "broken": {of.sites[site]: [why.value for why in found] for site, found in each.broken.items()},
        "came": [of.sites[site] for site in each.came],
        "went": [of.sites[site] for site in each.went],
        "comparable": change and {"before": _rates_json(change.before), "after": _rates_json(change.after)},
        "criteria": {one.number: _rates_json(each.rates(one.number)) for one in known_criteria(trend)},
    }


def _test_json(test: Tested, of: Of) -> dict[str, Any]:
    return {
        "site": of.sites[test.site], "sweep": test.sweep, "finished_at": test.at.isoformat(), "pages": test.pages,
        "edition": test.edition.value, "level": test.level.value,
        "lost": test.lost, "judged": test.judged,
        "criteria": {number: verdict.value for number, verdict in test.verdicts.items()},
    }  # fmt: skip


def _look_json(look: Look) -> dict[str, Any]:
    return {
        "sweep": look.sweep, "at": look.at.isoformat(), "edition": look.edition.value, "rule_set": look.rule_set,
        "state": look.state.value, "reason": look.reason.value if look.reason else None, "places": look.places,
        "criteria": list(look.criteria), "carried": look.carried, "line": look.line,
        "breaks": [each.value for each in look.breaks],
    }  # fmt: skip


def _flow_json(flow: Flow) -> dict[str, Any]:
    return {
        "from": flow.period.first.isoformat(),
        "to": flow.period.last.isoformat(),
        **flow_values(flow),
        "moves": {f"{old.value if old else 'none'}>{new.value}": n for (old, new), n in sorted(
            flow.moves.items(), key=lambda each: (each[0][0] or "", each[0][1]))},
        "open_by_age": dict(zip(age_names(), flow.ages, strict=True)),
    }  # fmt: skip


def _repair_json(trend: Trend) -> dict[str, Any]:
    repair, taken = trend.repair, trend.repair.taken
    return {
        "found": taken.done + taken.unfinished,
        "confirmed": taken.done,
        "open": repair.open,
        "unverified": repair.unverified,
        "excepted": repair.excepted,
        "median_days": _days(taken.median),
        "median_low": _days(taken.median_low),
        "median_high": _days(taken.median_high),
        "at_least_days": _days(at_least(taken)),
        "longest_followed_days": _days(taken.longest),
        "confirmed_within": {str(days): rounded(taken.done_within(days)) for days in WITHIN},
    }


def _days(days: float | None) -> float | None:
    return None if days is None else round(days, 1)


def _forecast_json(forecast: Forecast) -> dict[str, Any]:
    foreseen = forecast.foreseen
    return {
        "target": rounded(forecast.target.share),
        "by": forecast.target.by.isoformat(),
        "outlook": forecast.outlook.value,
        "points": forecast.points,
        "since": forecast.since and forecast.since.isoformat(),
        "last": forecast.last and forecast.last.isoformat(),
        "rate": rounded(foreseen.share) if foreseen else None,
        "low": rounded(foreseen.low) if foreseen else None,
        "high": rounded(foreseen.high) if foreseen else None,
        "reached_on": forecast.reached_on and forecast.reached_on.isoformat(),
        "reach": forecast.reach and forecast.reach.isoformat(),
    }
