"""A portrait: some sites as their last sweeps show them, one by one and together, with what has changed since the sweeps before.

It is made from points alone, so it is the same for as long as no sweep finishes. The rate of a unit is that of `rolled_up` over
one period that holds all points: each of its sites by its last point that speaks for it. What has changed is told of those of
them alone that go on from a point before, each held against its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.sampled import Estimate
from audits.shift import Shift, shift_of
from audits.speaking import SPEAKS
from audits.statistics.strata import Sample
from audits.trends.kept import read_points
from audits.trends.lines import Step, last_line, lines
from audits.trends.periods import Period
from audits.trends.points import Moved, Surveyed
from audits.trends.rollup import Rolled, rolled_up
from db.tables import Sweep
from db.words import Break

REMEMBERED = 10_000  # changes, and shares of single sites, that are worked out once


@dataclass(frozen=True, kw_only=True)
class Face:
    """One site: the points of the line that is still drawn, up to the last."""

    steps: Sequence[Step]  # all of its points
    line: Sequence[Step]

    @property
    def last(self) -> Step | None:
        """The last point that speaks for the site."""
        return self.line[-1] if self.line else None

    @property
    def before(self) -> Step | None:
        """The point that the last one goes on from."""
        return self.line[-2] if len(self.line) > 1 else None

    @cached_property
    def estimate(self) -> Estimate | None:
        """The share of problem pages; None where nothing is said of the whole site."""
        sample = self.last.point.sample() if self.last else None
        return _estimate(sample) if sample else None

    @cached_property
    def shift(self) -> Shift | None:
        """What has changed since the point before; None where there is none."""
        pair = self.pair
        return _shift(pair[:1], pair[1:]) if pair else None

    @cached_property
    def pair(self) -> tuple[Sample, Sample] | None:
        """The samples of the two points."""
        if self.last is None or self.before is None:
            return None
        was, now = self.before.point.sample(), self.last.point.sample()
        return (was, now) if was and now else None

    @property
    def breaks(self) -> tuple[Break, ...]:
        """Why there is no point before that may be compared, or none at all; nothing where there was no other sweep."""
        if self.last is None:
            return self.steps[-1].breaks if self.steps else ()
        return self.last.breaks if self.before is None else ()


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Several sites together."""

    sites: int
    rolled: Rolled  # the last points that speak for their sites
    compared: tuple[int, ...]  # sites that are in the change
    shift: Shift | None  # None: of no site
    moved: Moved | None  # what the last sweep of each site has made known; None: no defects have taken one in
    moved_by: tuple[int, ...]  # these sweeps
    survey: tuple[Surveyed, ...]  # by the ministry's conditions, where the last sweep of a site checked them

    @property
    def days(self) -> tuple[datetime, datetime] | None:
        """When the first and the last of these sweeps finished."""
        times = [step.point.at for step in self.rolled.steps.values()]
        return (min(times), max(times)) if times else None

    @property
    def pages(self) -> tuple[int, int]:
        """Pages with a result, and pages known, of the sites that the rate is of."""
        points = [step.point for step in self.rolled.steps.values()]
        return sum(each.audited for each in points), sum(each.known for each in points)


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """Some sites over a span of days."""

    span: Period
    faces: Mapping[int, Face]
    _units: dict[tuple[int, ...], Unit] = field(default_factory=dict)
    _rolled: dict[tuple[Period, ...], tuple[Rolled, ...]] = field(default_factory=dict)

    @cached_property
    def points(self) -> int:
        """How many points it is made from."""
        return sum(len(face.steps) for face in self.faces.values())

    def unit(self, sites: Collection[int]) -> Unit:
        """Some of the sites together."""
        key = tuple(sorted(sites))
        if key not in self._units:
            self._units[key] = self._together(key)
        return self._units[key]

    def over(self, cut: Sequence[Period]) -> tuple[Rolled, ...]:
        """All sites together in each period."""
        key = tuple(cut)
        if key not in self._rolled:
            self._rolled[key] = tuple(rolled_up(self._steps, self.faces, key))
        return self._rolled[key]

    @cached_property
    def _steps(self) -> Mapping[int, Sequence[Step]]:
        return {site: face.steps for site, face in self.faces.items()}

    def _together(self, sites: tuple[int, ...]) -> Unit:
        [rolled] = rolled_up(self._steps, sites, [self.span])
        pairs = {site: pair for site in rolled.steps if (pair := self.faces[site].pair)}
        last = [self.faces[site].steps[-1].point for site in sites if self.faces[site].steps]
        moved = {point.sweep: point.moved for point in last if point.moved}
        return Unit(
            sites=len(sites), rolled=rolled, compared=tuple(pairs),
            shift=_shift(tuple(was for was, _ in pairs.values()), tuple(now for _, now in pairs.values())),
            moved=_sum(moved.values()) if moved else None, moved_by=tuple(moved), survey=tuple(point.survey for point in last if point.survey),
        )  # fmt: skip


async def portrait_of(connection: AsyncConnection, sites: Collection[int], span: Period) -> Portrait:
    """Read some sites from their points within a span of days."""
    read = await read_points(connection, sites, span)
    faces = {}
    for site in sorted(sites):
        steps = lines(read.get(site, ()))
        faces[site] = Face(steps=steps, line=last_line(steps))
    return Portrait(span=span, faces=faces)


async def state_of_points(connection: AsyncConnection, within: sa.ColumnElement[bool]) -> tuple[object, ...]:
    """What is another as soon as a sweep of some sites has finished, was taken up again, or into the defects."""
    row = await connection.execute(
        sa.select(
            sa.func.count(), sa.func.sum(Sweep.id), sa.func.max(Sweep.finished_at), sa.func.count(Sweep.reconciled_at),
            sa.func.max(Sweep.reconciled_at),
        ).where(SPEAKS, within)
    )  # fmt: skip
    return tuple(row.one())


@lru_cache(maxsize=REMEMBERED)
def _shift(before: tuple[Sample, ...], after: tuple[Sample, ...]) -> Shift | None:
    return shift_of(before, after)


@lru_cache(maxsize=REMEMBERED)
def _estimate(sample: Sample) -> Estimate | None:
    return Estimate.of(sample)


def _sum(moved: Collection[Moved]) -> Moved:
    return Moved(
        found=sum(each.found for each in moved), newly_checked=sum(each.newly_checked for each in moved),
        confirmed=sum(each.confirmed for each in moved), returned=sum(each.returned for each in moved),
        unverified=sum(each.unverified for each in moved),
    )  # fmt: skip
