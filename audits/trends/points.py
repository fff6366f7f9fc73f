"""Points: what every finished sweep of some sites says of its site.

Each number is what `audits.conclude` makes of one sweep by itself. Rechecks say nothing of a site and are no points.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.breaks import Terms
from audits.speaking import SPEAKS
from audits.statistics.strata import Sample, Stratum
from audits.trends.periods import Period
from db.tables import Sweep
from db.words import Method, Reason


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a sweep has made known of the defects of its site when it was taken in; of names that are defects of their own."""

    found: int = 0  # for the first time
    newly_checked: int = 0  # of these, by rules that no sweep had run there before
    confirmed: int = 0
    returned: int = 0
    unverified: int = 0


@dataclass(frozen=True, kw_only=True)
class Surveyed:
    """What the ministry's conditions say of the analysed pages of a sweep of all pages, see audits.survey."""

    version: str  # of the conditions
    analysed: int
    problem_pages: int


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one finished sweep says of its site."""

    site: int
    at: datetime  # when it finished
    method: Method | None
    known: int  # pages of the site as far as known
    audited: int
    lost: int  # chosen pages without a result, without those that proved to be no pages
    waiting: int  # pages that are still to be explored or audited
    because: tuple[Reason, ...]  # transient reasons and limits that were met
    unread: int  # parts of the site that exploring could not read
    strata: tuple[
        Stratum, ...
    ]  # of the part that speaks for the whole site, with its problem pages; none: no part does
    found: Mapping[str, tuple[int, ...]]  # criterion → pages that fail it, by stratum; those that some page fails
    spoken: frozenset[str]  # criteria aimed at that a rule speaks about
    marked: Mapping[
        str, tuple[int, int]
    ]  # criterion → audited pages with a failed place, with one that cannot be told
    moved: Moved | None  # None: the defects have not taken the sweep in
    survey: Surveyed | None  # None: it did not check the ministry's conditions on all pages
    terms: Terms

    @property
    def sweep(self) -> int:
        """The number of the sweep."""
        return self.terms.sweep.id

    @property
    def complete(self) -> bool:
        """Whether nothing was lost, cut off, left or unread."""
        return self.audited > 0 and not (self.because or self.unread or self.waiting)

    def sample(self, number: str | None = None) -> Sample | None:
        """What it says of pages that fail a criterion or, without one, any of level A or AA; None where nothing is said."""
        if number not in self._samples:
            self._samples[number] = self._sample(number)
        return self._samples[number]

    @cached_property
    def _samples(self) -> dict[str | None, Sample | None]:
        """Samples by criterion: they are asked for again and again."""
        return {}

    def _sample(self, number: str | None) -> Sample | None:
        if not self.strata or (number is not None and number not in self.spoken):
            return None
        found = [each.found for each in self.strata]
        if number is not None:
            found = list(self.found.get(number, (0,) * len(self.strata)))
        sample = Sample(
            strata=tuple(
                Stratum(population=each.population, drawn=each.drawn, audited=each.audited, found=failing)
                for each, failing in zip(self.strata, found, strict=True)
            )
        )
        return sample if sample.speaks and sample.share is not None else None


def counted(sites: Collection[int], span: Period) -> tuple[sa.ColumnElement[bool], ...]:
    """The sweeps that speak for their sites and finished within a span of days."""
    return (
        Sweep.site_id.in_(sites), SPEAKS,
        Sweep.finished_at >= span.begins, Sweep.finished_at < span.ends,
    )  # fmt: skip


async def spoken_by(connection: AsyncConnection, sweeps: sa.Select[int]) -> dict[str, dict[str, list[str]]]:
    """Rule set → its rules with the criteria that they speak about, as one sweep of each keeps them."""
    one_of_each = sa.select(sa.func.max(Sweep.id)).where(Sweep.id.in_(sweeps)).group_by(Sweep.rule_set)
    rows = await connection.execute(sa.select(Sweep.rule_set, Sweep.rule_criteria).where(Sweep.id.in_(one_of_each)))
    return {rule_set or "": criteria or {} for rule_set, criteria in rows}
