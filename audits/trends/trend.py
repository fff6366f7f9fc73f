"""A trend: everything that is said over time of a page, a site, or several sites together, read from the rows.

The trend of a cycle is that of its sites in its days: `trend_of` takes any sites and any span.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.criteria import Criterion, criteria
from audits.defects.sight import parts
from audits.speaking import SPEAKS
from audits.statistics.outlook import Foreseen, Observed, line_through
from audits.trends.kept import read_points
from audits.trends.lines import Step, last_line, lines
from audits.trends.lives import Flow, Reckoning, Repair, lives, looks_at, rules_that_count
from audits.trends.pages import PageHistory, page_history
from audits.trends.people import Tested, read_tests
from audits.trends.periods import Every, Period, periods
from audits.trends.rollup import Rolled, rolled_up
from crawler.windows import TOKYO
from db.errors import UsageError
from db.tables import Site, Sweep
from db.types import now
from db.words import Edition

DAY = timedelta(days=1)


class Outlook(StrEnum):
    """What may be said of a target."""

    WITHIN = "within"  # the whole prediction interval lies at or below it
    BEYOND = "beyond"  # the whole interval lies above it
    OPEN = "open"  # the interval holds it
    FEW = "few"  # nothing can be said: fewer than three points go on from one another
    FAR = "far"  # nothing can be said: farther ahead than the points reach back
    PAST = "past"  # the day is not after the last point


@dataclass(frozen=True, kw_only=True)
class Target:
    """A share of problem pages that is to be reached by a day."""

    share: float
    by: date


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Where the share of problem pages is heading, and what that says of a target."""

    target: Target
    outlook: Outlook
    points: int  # that go on from one another, to the last one
    since: datetime | None  # when the first of these was
    last: datetime | None
    foreseen: Foreseen | None  # on the target's day; None where nothing can be said
    reached_on: date | None  # when the line itself comes down to the target, as far as it reaches
    reach: date | None  # the last day that anything is said of


@dataclass(frozen=True, kw_only=True)
class SiteOf:
    """A site that a trend is of."""

    id: int
    address: str
    organisation: int | None


@dataclass(frozen=True, kw_only=True)
class Trend:
    """What is known over time of some sites, or of one page of one."""

    sites: tuple[SiteOf, ...]
    alone: bool  # of one site by itself, or a page; else of several sites together
    span: Period
    every: Every
    criterion: str | None
    steps: Mapping[int, Sequence[Step]]  # site → its points
    rolled: tuple[Rolled, ...]  # by period; of several sites together
    tests: Mapping[int, Sequence[Tested]]
    page: PageHistory | None
    flows: tuple[Flow, ...]  # by period
    repair: Repair
    forecast: Forecast | None  # None: no target is asked about

    @property
    def edition(self) -> Edition | None:
        """The edition of the last point; None without one."""
        told = [step.point for steps in self.steps.values() for step in steps]
        return max(told, key=lambda each: (each.at, each.sweep)).terms.sweep.edition if told else None


async def trend_of(
    connection: AsyncConnection, sites: Sequence[int], *, alone: bool, first: date | None = None, last: date | None = None,
    every: Every = Every.MONTH, criterion: str | None = None, page: int | None = None, target: Target | None = None,
) -> Trend:  # fmt: skip
    """Read a trend of sites from one day to another: by itself, from their first sweep to today.

    Raises UsageError when a day lies before the other, or no standard has the criterion.
    """
    if criterion is not None and not any(criterion in criteria(edition) for edition in Edition):
        raise UsageError(
            ja=f"達成基準 {criterion} はありません（例: --criterion 1.4.3）。",
            en=f"There is no success criterion {criterion} (such as --criterion 1.4.3).",
        )
    span = await _span(connection, sites, first, last)
    read = await read_points(connection, sites, span)
    steps = {site: lines(points) for site, points in read.items()}
    cut = periods(span, every)
    rolled = () if alone else tuple(rolled_up(steps, sites, cut))
    counting = await rules_that_count(connection, sites, criterion)
    reckoning = Reckoning(cut, await looks_at(connection, sites, span.ends))
    async for life in lives(connection, counting, page):
        reckoning.add(life)
    history = await page_history(connection, sites[0], page, span, criterion) if page is not None else None
    return Trend(
        sites=tuple(await _sites(connection, sites)), alone=alone, span=span, every=every, criterion=criterion,
        steps=steps, rolled=rolled, tests=await read_tests(connection, sites, span, read), page=history,
        flows=tuple(reckoning.flows), repair=reckoning.repair,
        forecast=forecast_of(target, steps, rolled, criterion) if target and page is None else None,
    )  # fmt: skip


def forecast_of(
    target: Target, steps: Mapping[int, Sequence[Step]], rolled: Sequence[Rolled], criterion: str | None = None
) -> Forecast:
    """Where the share of one site, or of several rolled up, is heading, and what that says of a target."""
    return _forecast(target, _observed(steps, rolled, criterion))


def known_criteria(trend: Trend) -> list[Criterion]:
    """The criteria that a rule of some point speaks about, in the standard's order."""
    spoken = {number for steps in trend.steps.values() for step in steps for number in step.point.spoken}
    edition = trend.edition
    return [each for number, each in criteria(edition).items() if number in spoken] if edition else []


async def _span(connection: AsyncConnection, sites: Sequence[int], first: date | None, last: date | None) -> Period:
    until = last or now().astimezone(TOKYO).date()
    since = first
    if since is None:
        begun: datetime | None = None
        for some in parts(sites):
            found = await connection.scalar(
                sa.select(sa.func.min(Sweep.created_at)).where(Sweep.site_id.in_(some), SPEAKS)
            )
            begun = min((each for each in (begun, found) if each is not None), default=None)
        since = min(begun.astimezone(TOKYO).date(), until) if begun else until
    if since > until:
        raise UsageError(
            ja=f"--from（{since}）が --to（{until}）より後です。", en=f"--from ({since}) lies after --to ({until})."
        )
    return Period(first=since, last=until)


async def _sites(connection: AsyncConnection, sites: Sequence[int]) -> list[SiteOf]:
    found: list[SiteOf] = []
    for some in parts(sites):
        rows = await connection.execute(
            sa.select(Site.id, Site.address, Site.organisation_id).where(Site.id.in_(some)).order_by(Site.address)
        )
        found += [SiteOf(id=row[0], address=row[1], organisation=row[2]) for row in rows]
    return found


Seen = tuple[datetime, Observed]


def _observed(steps: Mapping[int, Sequence[Step]], rolled: Sequence[Rolled], criterion: str | None) -> list[Seen]:
    """The points that go on from one another to the last: of one site, or of several weighted by their pages."""
    if rolled:
        told = [each for each in rolled if each.line is not None]
        joined = [each for each in told if each.line == told[-1].line]
        return [
            _seen(each.at, rates.by_pages.share, rates.audited, rates.by_pages.low, rates.by_pages.high)
            for each in joined
            if (rates := each.rates(criterion)) is not None
        ]
    last = [step.point for of in steps.values() for step in last_line(of)]
    return [
        _seen(point.at, sample.share or 0.0, sample.audited, *sample.interval)
        for point in last
        if (sample := point.sample(criterion)) is not None
    ]


def _seen(at: datetime, share: float, pages: int, low: float, high: float) -> Seen:
    return at, Observed(time=at.timestamp() / DAY.total_seconds(), share=share, pages=pages, low=low, high=high)


def _forecast(target: Target, seen: Sequence[Seen]) -> Forecast:
    def told(
        outlook: Outlook,
        foreseen: Foreseen | None = None,
        reached_on: date | None = None,
        reach: date | None = None,
    ) -> Forecast:
        return Forecast(
            target=target, outlook=outlook, points=len(seen), since=seen[0][0] if seen else None,
            last=seen[-1][0] if seen else None, foreseen=foreseen, reached_on=reached_on, reach=reach,
        )  # fmt: skip

    line = line_through([observed for _, observed in seen])
    if seen and target.by <= seen[-1][0].astimezone(TOKYO).date():
        return told(Outlook.PAST)
    if line is None:
        return told(Outlook.FEW)
    reach = _day(line.reach)
    if target.by > reach:
        return told(Outlook.FAR, reach=reach)
    foreseen = line.at(min(_time(target.by), line.reach))
    reached = line.falls_to(target.share)
    return told(_outlook(foreseen, target.share), foreseen, None if reached is None else _day(reached), reach)


def _outlook(foreseen: Foreseen, share: float) -> Outlook:
    if foreseen.high <= share:
        return Outlook.WITHIN
    return Outlook.BEYOND if foreseen.low > share else Outlook.OPEN


def _time(day: date) -> float:
    """The end of a day in Tokyo, in days."""
    return Period(first=day, last=day).ends.timestamp() / DAY.total_seconds()


def _day(time: float) -> date:
    return datetime.fromtimestamp(time * DAY.total_seconds(), TOKYO).date()
