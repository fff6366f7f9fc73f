"""A trend as rows, for programs (`--json`), for spreadsheets and for the last lines in a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audits.criteria import NAMES, Criterion
from audits.sampled import Estimate
from audits.statistics.survival import Durations
from audits.statistics.together import Together
from audits.trends.lines import Step, last_line
from audits.trends.lives import AGES, Flow, Standing, together
from audits.trends.pages import Look
from audits.trends.people import Tested
from audits.trends.periods import Every, Period
from audits.trends.rollup import Change, Rates, Rolled
from audits.trends.trend import Forecast, Outlook, Trend, known_criteria
from crawler.windows import TOKYO
from db.words import Break
from reports.language import Language
from reports.summary import estimate_json, rounded

WITHIN = (30, 90, 180, 365)  # days that it is told for how much was repaired within them


@dataclass(frozen=True, kw_only=True)
class Of:
    """What a trend is called, and the names of its sites."""

    name: str
    kind: str  # "site", "page", "organisation", "cycle"
    sites: dict[int, str]  # number → address
    organisations: dict[int, str]  # number → path of its organisation; sites of none are left out


@dataclass(frozen=True, kw_only=True)
class Row:
    """One point as it is shown: of a site's sweep, or of several sites in a period."""

    first: date
    last: date
    at: datetime | None  # None: no site has a point
    sweep: int | None
    sites: int
    sites_of: int
    estimate: Estimate | None  # weighted by pages, where it is of several sites; None: nothing is said
    by_sites: Together | None  # unweighted; None where it is of one site
    line: int | None
    breaks: tuple[Break, ...]
    incomplete: int  # sites whose sweep missed something
    came: int = 0  # sites that the point before it is not of
    went: int = 0
    broken: int = 0  # sites that cannot be held against themselves


def rows_of(trend: Trend, number: str | None = None) -> list[Row]:
    """The points of a trend in their order; of a criterion, or of level A and AA."""
    if trend.alone:
        return [site_row(step, number) for steps in trend.steps.values() for step in steps]
    return [rolled_row(each, len(trend.sites), number) for each in trend.rolled]


def site_row(step: Step, number: str | None) -> Row:
    """One sweep of a site as it is shown."""
    point, day = step.point, step.point.at.astimezone(TOKYO).date()
    sample = point.sample(number)
    return Row(
        first=day, last=day, at=point.at, sweep=point.sweep, sites=1, sites_of=1,
        estimate=Estimate.of(sample) if sample else None, by_sites=None, line=step.line, breaks=step.breaks,
        incomplete=int(not point.complete),
    )  # fmt: skip


def rolled_row(each: Rolled, sites: int, number: str | None) -> Row:
    rates = each.rates(number)
    return Row(
        first=each.period.first, last=each.period.last, at=each.at if each.steps else None, sweep=None,
        sites=rates.sites if rates else 0, sites_of=sites, estimate=_estimate(each, rates, number) if rates else None,
        by_sites=rates.by_sites if rates else None, line=each.line, breaks=each.breaks, incomplete=len(each.incomplete), came=len(each.came), went=len(each.went),
        broken=len(each.broken),
    )  # fmt: skip


def _estimate(each: Rolled, rates: Rates, number: str | None) -> Estimate:
    samples = [sample for step in each.steps.values() if (sample := step.point.sample(number))]
    of = rates.by_pages
    return Estimate(
        frame=rates.frame, drawn=sum(sample.drawn for sample in samples), audited=rates.audited,
        problem_pages=rates.problem_pages, rate=of.share, low=of.low, high=of.high,
    )  # fmt: skip


# ── for programs ───────────────────────────────────────────────────────────────────────────────────


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


def flow_values(flow: Flow) -> dict[str, int]:
    """The numbers of a period by their names. What is open at the end is what was open, and what came, less what went."""
    moved = flow.moves
    return {
        "open_at_begin": flow.at_begin[Standing.OPEN],
        "found": flow.found,
        "newly_checked": flow.newly_checked,
        "returned": flow.returned,
        "seen_again": moved[Standing.UNVERIFIED, Standing.OPEN],
        "exception_ended": moved[Standing.EXCEPTED, Standing.OPEN],
        "confirmed": flow.confirmed,
        "confirmed_of_open": moved[Standing.OPEN, Standing.CONFIRMED],
        "unverified": moved[Standing.OPEN, Standing.UNVERIFIED],
        "excepted": moved[Standing.OPEN, Standing.EXCEPTED],
        "open_at_end": flow.at_end[Standing.OPEN],
        "unverified_at_end": flow.at_end[Standing.UNVERIFIED],
        "excepted_at_end": flow.at_end[Standing.EXCEPTED],
        "confirmed_at_end": flow.at_end[Standing.CONFIRMED],
    }


def flow_cell(flow: Flow, name: str) -> int:
    """A number of a period by its name, or by that of a band of age. Raises KeyError for a name of none."""
    return {**flow_values(flow), **dict(zip(age_names(), flow.ages, strict=True))}[name]


def age_names() -> list[str]:
    """Names of the bands of age: `days_30` up to 30 days, … `older`."""
    return [*(f"days_{days}" for days in AGES), "older"]


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


def at_least(taken: Durations) -> float | None:
    """How long half takes at the least, where the median cannot be said; None where it can, or nothing was found."""
    if taken.median is not None:
        return None
    return taken.median_low if taken.median_low is not None else taken.longest


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


# ── for spreadsheets ───────────────────────────────────────────────────────────────────────────────


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


def why_broken(row: Row, language: Language) -> str:
    """Why a point does not go on from the one before, of several sites with how many of them."""
    said = reasons(row.breaks, language)
    if row.came or row.went or row.broken:
        said += language.say("trend.broken_by", came=row.came, went=row.went, broken=row.broken)
    return said


def reasons(breaks: Sequence[Break], language: Language) -> str:
    """Why a line breaks, in words."""
    return language.say("common.comma").join(language.say(f"break.{each.value}") for each in breaks)


# ── for a terminal ─────────────────────────────────────────────────────────────────────────────────


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


def title(trend: Trend, of: Of, language: Language) -> str:
    """What the trend is of."""
    key = "trend.of" if trend.page is None else "trend.page_of"
    what = (
        language.say(f"{key}_criterion", number=trend.criterion) if trend.criterion else language.say(f"{key}_all")
    )
    return language.say(
        "trend.title",
        name=of.name,
        first=language.date(trend.span.first),
        last=language.date(trend.span.last),
        what=what,
    )


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


def range_of(estimate: Estimate, language: Language) -> str:
    """The bounds of a share, or that it was counted on all pages."""
    if estimate.low == estimate.high:
        return language.say("trend.counted")
    return language.say("trend.range", low=language.share(estimate.low), high=language.share(estimate.high))


def period_label(period: Period, every: Every, language: Language) -> str:
    """A period as an axis has it: its month, quarter or fiscal year."""
    day = period.first
    fiscal = day.year if day.month >= 4 else day.year - 1
    if every is Every.MONTH:
        return f"{day.year}-{day.month:02}"
    if every is Every.YEAR:
        return language.say("trend.fiscal_year", year=str(fiscal))
    return language.say("trend.quarter", year=str(fiscal), quarter=(day.month - 4) % 12 // 3 + 1)


def missing_lines(rolled: Rolled, of: Of, language: Language) -> Iterator[str]:
    """The sites that the last period says nothing of, each by its name."""
    if rolled.missing:
        yield language.say("trend.line.missing", sites=language.count("site", len(rolled.missing)))
    for site, why in rolled.missing.items():
        yield language.say("trend.line.missing_site", site=of.sites[site], why=missing_why(why, language))


def missing_why(why: Break | None, language: Language) -> str:
    """Why a site is missing in a period."""
    return language.say(f"break.{why.value}") if why else language.say("trend.not_swept")


def change_lines(trend: Trend, language: Language) -> Iterator[str]:
    """What has become of the comparable sites since the period before."""
    spoke = [each for each in trend.rolled if each.steps]
    if not spoke or (change := spoke[-1].change(trend.criterion)) is None:
        return
    yield language.say("trend.comparable", **change_values(change, language))


def change_values(change: Change, language: Language) -> dict[str, Any]:
    """The comparable sites before and after, in words."""
    return {
        "sites": language.count("site", change.after.sites),
        "before": language.share(change.before.by_pages.share), "after": language.share(change.after.by_pages.share),
        "mean_before": language.share(change.before.by_sites.share),
        "mean_after": language.share(change.after.by_sites.share),
    }  # fmt: skip


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


def repair_sentence(trend: Trend, language: Language) -> str:
    """How long repair took, with what is not repaired yet."""
    repair, taken = trend.repair, trend.repair.taken
    counts = {
        "found": taken.done + taken.unfinished, "confirmed": taken.done, "open": repair.open,
        "unverified": repair.unverified, "excepted": repair.excepted,
    }  # fmt: skip
    if not counts["found"]:
        return language.say("trend.repair.none")
    if taken.median is not None:
        low = language.say("trend.days", days=_whole(taken.median_low or 0.0))
        high = taken.median_high
        upper = (
            language.say("trend.days", days=_whole(high)) if high is not None else language.say("trend.no_upper")
        )
        return language.say(
            "trend.repair.median",
            median=language.say("trend.days", days=_whole(taken.median)),
            low=low,
            high=upper,
            **counts,
        )
    return language.say(
        "trend.repair.at_least", days=language.say("trend.days", days=_whole(at_least(taken) or 0.0)), **counts
    )


def _whole(days: float) -> int:
    return round(days)


def forecast_sentence(forecast: Forecast, language: Language) -> str:
    """What may be said of the target."""
    said = {
        "target": language.share(forecast.target.share), "by": language.date(forecast.target.by), "points": forecast.points,
        "reach": language.date(forecast.reach) if forecast.reach else "–",
    }  # fmt: skip
    foreseen = forecast.foreseen
    if foreseen is None:
        return language.say(f"trend.forecast.{forecast.outlook.value}", **said)
    told = language.say(
        f"trend.forecast.{forecast.outlook.value}", **said, rate=language.share(foreseen.share),
        low=language.share(foreseen.low), high=language.share(foreseen.high),
    )  # fmt: skip
    if forecast.reached_on is not None and forecast.outlook in (Outlook.OPEN, Outlook.BEYOND):
        told += language.say("trend.forecast.line", day=language.date(forecast.reached_on))
    return told


def criterion_rows(trend: Trend) -> list[tuple[Criterion, Row | None, Row | None]]:
    """Each criterion at the first and at the last point of the line that is still drawn."""
    told = []
    for criterion in known_criteria(trend):
        rows = [row for row in rows_of(trend, criterion.number) if row.line is not None and row.estimate]
        drawn = [row for row in rows if row.line == rows[-1].line]
        told.append((criterion, drawn[0] if len(drawn) > 1 else None, drawn[-1] if drawn else None))
    return told


def site_rows(trend: Trend) -> list[tuple[int, Row | None, int]]:
    """Each site with its last point that speaks for it, and how many points of its line go on to that."""
    told: list[tuple[int, Row | None, int]] = []
    for site in trend.sites:
        line = last_line(trend.steps.get(site.id, ()))
        told.append((site.id, site_row(line[-1], trend.criterion) if line else None, len(line)))
    return told
