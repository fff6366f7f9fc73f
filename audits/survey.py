"""The ministry's survey of one site: all pages, machine only, by the error conditions of the ministry's tool.

Its rate is comparable with the published ones as far as our conditions are the tool's; the rate by the engine's rules is
another number (see docs/mic-conditions.md). A page counts when at least one condition is met at level A or AA; the
denominator is the pages that could be analysed.
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.counts import (
    audited_in,
    counts_by_criterion,
    places,
    problem_pages,
    scope_of,
    unanalysed_pages,
)
from audits.criteria import Criterion, criteria
from audits.speaking import SPEAKS
from audits.statistics.difference import between
from audits.statistics.strata import Sample, Stratum
from crawler.notes import unread_parts
from db.tables import Sweep, Visit
from db.words import Assertor, Method, SweepState


@dataclass(frozen=True, kw_only=True)
class Yardstick:
    """A rate that the ministry's survey reported."""

    year: int  # fiscal year of the survey
    bodies: str  # which bodies: "prefectures"
    number: int | None  # of bodies; None: not quoted
    rate: float  # share of problem pages, from 0 to 1
    source: str


@dataclass(frozen=True, kw_only=True)
class Before:
    """The survey before, of the same site by the same conditions, which the same engine decided."""

    sweep: int
    finished_at: datetime
    analysed: int
    unanalysed: int  # pages without a result: in no rate, and in the bounds of the change
    unread: int  # parts of the site that could not be read: their pages are in no number
    problem_pages: int
    same_scope: bool  # False: the two rates are of different pages by rule

    @property
    def rate(self) -> float:
        """Problem pages ÷ analysed pages."""
        return self.problem_pages / self.analysed


@dataclass(frozen=True, kw_only=True)
class SurveyCriterion:
    """One criterion that the conditions reach."""

    criterion: Criterion
    conditions: int  # that speak about it
    problem_pages: int
    places: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the ministry's conditions say of the analysed pages of a sweep."""

    version: str  # of the conditions
    finished: bool  # False: pages wait for their result, and nothing is told of a change
    analysed: int
    unanalysed: int  # pages without a result: in no rate, and in the bounds of the change
    unread: int  # parts of the site that could not be read: their pages are in no number
    problem_pages: int  # at least one condition is met at level A or AA
    problem_pages_a: int  # at level A
    places: int
    criteria: tuple[SurveyCriterion, ...]  # that the conditions reach, in the standard's order
    before: Before | None  # None: there was none, by these conditions

    @property
    def rate(self) -> float | None:
        """Problem pages ÷ analysed pages; None when none was analysed."""
        return self.problem_pages / self.analysed if self.analysed else None

    @property
    def rate_a(self) -> float | None:
        """The same at level A."""
        return self.problem_pages_a / self.analysed if self.analysed else None

    @property
    def change(self) -> float | None:
        """The rate minus that of the survey before; None when the two cannot be compared."""
        if not self.finished or self.rate is None or self.before is None or not self.before.same_scope:
            return None
        return self.rate - self.before.rate

    @property
    def change_bounds(self) -> tuple[float, float] | None:
        """Between what the change lies, whatever the pages are that either survey could not analyse; one number twice without any."""
        if self.change is None or self.before is None:
            return None
        return between(_counted(self.before), _counted(self))


def _counted(found: Before | Survey) -> Sample:
    """All pages of a survey, of which some may have no result."""
    pages = found.analysed + found.unanalysed
    return Sample(
        strata=(Stratum(population=pages, drawn=pages, audited=found.analysed, found=found.problem_pages),)
    )


@cache
def yardsticks() -> tuple[Yardstick, ...]:
    """The published rates, as the survey's contractor quotes the ministry's reports."""
    table = resources.files(mic).joinpath("yardsticks.tsv").read_text(encoding="utf-8")
    return tuple(
        Yardstick(
            year=int(row["year"]),
            bodies=row["bodies"],
            number=int(row["number"]) if row["number"] else None,
            rate=float(row["rate"]) / 100,
            source=row["source"],
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    )


async def survey(connection: AsyncConnection, sweep: Sweep) -> Survey | None:
    """Read the survey's numbers of a sweep; None when it did not check the ministry's conditions."""
    if sweep.mic is None:
        return None
    with_problems, with_problems_a = await problem_pages(connection, sweep.id, Assertor.MIC)
    return Survey(
        version=sweep.mic,
        finished=sweep.state is SweepState.FINISHED,
        analysed=await _analysed(connection, sweep.id),
        unanalysed=await unanalysed_pages(connection, sweep.id),
        unread=(await unread_parts(connection, [sweep.id]))[sweep.id],
        problem_pages=with_problems,
        problem_pages_a=with_problems_a,
        places=await places(connection, sweep.id, mic.rule_criteria()),
        criteria=await _criteria(connection, sweep.id),
        before=await _before(connection, sweep),
    )


async def _analysed(connection: AsyncConnection, sweep_id: int) -> int:
    return await connection.scalar(sa.select(sa.func.count()).select_from(Visit).where(audited_in(sweep_id))) or 0


async def _criteria(connection: AsyncConnection, sweep_id: int) -> tuple[SurveyCriterion, ...]:
    counts = await counts_by_criterion(connection, sweep_id, Assertor.MIC)
    speaking = [number for numbers in mic.rule_criteria().values() for number in numbers]
    return tuple(
        SurveyCriterion(
            criterion=criterion,
            conditions=speaking.count(number),
            problem_pages=counts.get(number, (0, 0, 0))[0],
            places=counts.get(number, (0, 0, 0))[1],
        )
        for number, criterion in criteria(mic.EDITION).items()
        if number in speaking
    )


async def _before(connection: AsyncConnection, sweep: Sweep) -> Before | None:
    """The site's last finished survey before this one that analysed all pages by the same conditions.

    The engine decides some of them: another version of it may see more or less, contrast most of all.
    """
    rows = await connection.execute(
        sa.select(Sweep.id, Sweep.finished_at)
        .where(
            Sweep.site_id == sweep.site_id,
            Sweep.id < sweep.id,
            SPEAKS,
            Sweep.method == Method.ALL,
            Sweep.mic == sweep.mic,
            Sweep.engine == sweep.engine,
            Sweep.engine_version == sweep.engine_version,
        )
        .order_by(Sweep.id.desc())
    )
    for row in rows:
        analysed = await _analysed(connection, row.id)
        if analysed:
            with_problems, _ = await problem_pages(connection, row.id, Assertor.MIC)
            same_scope = await scope_of(connection, row.id) == await scope_of(connection, sweep.id)
            return Before(
                sweep=row.id, finished_at=row.finished_at, analysed=analysed,
                unanalysed=await unanalysed_pages(connection, row.id), unread=(await unread_parts(connection, [row.id]))[row.id],
                problem_pages=with_problems, same_scope=same_scope,
            )  # fmt: skip
    return None
