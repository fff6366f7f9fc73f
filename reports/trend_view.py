"""A trend as rows: of a site's sweeps, or of several sites by periods."""

from dataclasses import dataclass
from datetime import date, datetime

from audits.criteria import Criterion
from audits.sampled import Estimate
from audits.statistics.together import Together
from audits.trends.lines import Step, last_line
from audits.trends.rollup import Rates, Rolled
from audits.trends.trend import Trend, known_criteria
from crawler.windows import TOKYO
from db.words import Break


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
