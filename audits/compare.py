"""Comparing two sweeps of a site: what has changed, how sure that is, and what keeps the two from being a series."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from audits.breaks import Terms, breaks
from audits.conclude import Conclusion, conclude, rules_of, sweep_row
from audits.counts import scope_of
from audits.criteria import Criterion, aimed_at
from audits.overlap import Overlap
from audits.sampled import Estimate, Sampled, part_of, sampled
from audits.statistics.difference import between
from audits.statistics.pairs import Pairs
from audits.statistics.strata import Sample
from db.database import Database
from db.errors import UsageError
from db.tables import Sweep
from db.words import Break, Change, Edition, Level, Method, Part, SweepState


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two sweeps, as far as its numbers may be compared."""

    sweep: int
    created_at: datetime
    method: Method | None
    edition: Edition
    level: Level
    rule_set: str
    known: int
    frame: int  # pages that the part speaks for
    drawn: int  # pages of the part that speaks for the whole site; 0: there is none
    audited: int  # of these, pages with a result
    complete: bool
    overlap: Overlap | None  # what an earlier random part had of it

    @property
    def is_census(self) -> bool:
        """Whether all pages were to be audited."""
        return self.method is Method.ALL


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One share before and after, by the rules that both sweeps have."""

    before: Estimate | None  # None: that sweep says nothing of the whole site
    after: Estimate | None
    difference: float | None  # after less before, from -1 to 1
    low: float | None  # its 95 % interval, which missing pages widen
    high: float | None
    pairs: Pairs | None  # pages with a result in both parts; None when a part is missing
    change: Change


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sweeps of a site, the earlier one first."""

    site: str
    before: Side
    after: Side
    breaks: tuple[Break, ...]
    left_out_before: tuple[str, ...]  # rules that the other sweep does not have
    left_out_after: tuple[str, ...]
    problem_pages: Measure
    criteria: tuple[tuple[Criterion, Measure], ...]  # that both sweeps aim at and a rule of both speaks about

    @property
    def comparable(self) -> bool:
        """Whether the two are a series."""
        return not self.breaks

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing: a series of two complete sweeps that both speak for the whole site."""
        told = self.problem_pages.change is not Change.UNKNOWN
        return self.comparable and told and self.before.complete and self.after.complete


@dataclass(frozen=True, kw_only=True)
class Read:
    """What the rows say of one sweep."""

    sweep: Sweep
    conclusion: Conclusion
    side: Side
    part: Sampled | None
    scope: frozenset[tuple[Any, ...]]

    @property
    def terms(self) -> Terms:
        """What its numbers stand on."""
        drawn = self.part.pages if self.part is not None and self.part.part is Part.RANDOM else None
        known = self.side.overlap is not None
        return Terms(sweep=self.sweep, scope=self.scope, frame=self.side.frame, drawn=drawn, known=known)


async def compare(database: Database, one: int, other: int) -> Comparison:
    """Compare two sweeps of one site. Raises UsageError when they are not two, or not of one site, or not that far."""
    if one == other:
        raise UsageError(
            ja="二つの違うスイープの番号を書いてください。jisweep sweeps で一覧を見られます。",
            en="Give the numbers of two different sweeps: jisweep sweeps lists them.",
        )
    before, after = [await read(database, each) for each in sorted((one, other))]
    if before.sweep.site_id != after.sweep.site_id:
        raise UsageError(
            ja=f"スイープ {before.sweep.id} と {after.sweep.id} は別のサイトの調査です。同じサイトの二つを選んでください。",
            en=f"Sweeps {before.sweep.id} and {after.sweep.id} are of different sites: choose two of one site.",
        )
    return compared(before, after)


def compared(before: Read, after: Read) -> Comparison:
    """Two sweeps of one site, the earlier one first, held against each other."""
    broken = tuple(breaks(before.terms, after.terms))
    of_one = _are_of_one(broken)
    rules = [set(each.sweep.rule_criteria or {}) for each in (before, after)]
    common = rules[0] & rules[1]
    return Comparison(
        site=before.conclusion.site,
        before=before.side,
        after=after.side,
        breaks=broken,
        left_out_before=tuple(sorted(rules[0] - common)),
        left_out_after=tuple(sorted(rules[1] - common)),
        problem_pages=_measure(before.part, after.part, _both(before.sweep, after.sweep, common), of_one=of_one),
        criteria=tuple(
            (criterion, _measure(before.part, after.part, speaking, of_one=of_one))
            for number, criterion in _aimed_at_by_both(before.sweep, after.sweep).items()
            if (speaking := _both(before.sweep, after.sweep, common, number))
        ),
    )


def problem_pages(before: Read, after: Read) -> tuple[tuple[Break, ...], Measure]:
    """The part of a comparison that is of problem pages alone, with what keeps the two from being a series."""
    broken = tuple(breaks(before.terms, after.terms))
    common = set(before.sweep.rule_criteria or {}) & set(after.sweep.rule_criteria or {})
    rules = _both(before.sweep, after.sweep, common)
    return broken, _measure(before.part, after.part, rules, of_one=_are_of_one(broken))


def _are_of_one(broken: Collection[Break]) -> bool:
    """Whether two sweeps are draws of their own from one population."""
    return not {Break.DRAW, Break.SCOPE} & set(broken)


async def read(database: Database, sweep_id: int) -> Read:
    """Read a sweep to be compared. Raises UsageError when it has not chosen its pages."""
    async with database.reading() as connection:
        sweep = await sweep_row(connection, sweep_id)
        if sweep.state not in (SweepState.AUDITING, SweepState.FINISHED):
            raise UsageError(
                ja=f"スイープ {sweep_id} はまだページを選んでいません。jisweep resume {sweep_id} で続けてください。",
                en=f"Sweep {sweep_id} has not chosen its pages yet: jisweep resume {sweep_id} goes on with it.",
            )
        kind = part_of(sweep.method)
        part = await sampled(connection, sweep, kind) if kind else None
        scope = await scope_of(connection, sweep.id)
    conclusion = await conclude(database, sweep_id, sample=False)
    sample = part.sample(()) if part else None
    side = Side(
        sweep=sweep.id,
        created_at=sweep.created_at,
        method=sweep.method,
        edition=sweep.edition,
        level=sweep.level,
        rule_set=sweep.rule_set or "",
        known=conclusion.known,
        frame=sample.population if sample else 0,
        drawn=sample.drawn if sample else 0,
        audited=sample.audited if sample else 0,
        complete=conclusion.complete,
        overlap=conclusion.overlap,
    )
    return Read(sweep=sweep, conclusion=conclusion, side=side, part=part, scope=scope)


def _both(before: Sweep, after: Sweep, common: Collection[str], number: str | None = None) -> list[str]:
    """Rules that both sweeps have and that speak in both about a criterion, or about one that makes a problem page."""
    return sorted(set(rules_of(before, number)) & set(rules_of(after, number)) & set(common))


def _aimed_at_by_both(before: Sweep, after: Sweep) -> dict[str, Criterion]:
    others = aimed_at(before.edition, before.level)
    return {
        number: criterion for number, criterion in aimed_at(after.edition, after.level).items() if number in others
    }


def _measure(before: Sampled | None, after: Sampled | None, rules: Collection[str], *, of_one: bool) -> Measure:
    """One share before and after; of two populations, or a draw that is no new one, no difference of the whole is told."""
    was, now = (part.sample(rules) if part and rules else None for part in (before, after))
    pairs = _pairs(before, after, rules) if before and after and rules else None
    estimates = {"before": Estimate.of(was) if was else None, "after": Estimate.of(now) if now else None}
    if was is None or now is None or not (was.speaks and now.speaks and of_one):
        return Measure(**estimates, difference=None, low=None, high=None, pairs=pairs, change=Change.UNKNOWN)
    low, high = between(was, now)
    apart = None if was.share is None or now.share is None else now.share - was.share
    return Measure(
        **estimates, difference=apart, low=low, high=high, pairs=pairs, change=change_between(was, now, low, high)
    )


def change_between(before: Sample, after: Sample, low: float, high: float) -> Change:
    """What the interval of a difference shows."""
    if low > 0:
        return Change.WORSE
    if high < 0:
        return Change.BETTER
    counted = before.is_census and after.is_census and low == high
    return Change.SAME if counted else Change.UNDECIDED


def _pairs(before: Sampled, after: Sampled, rules: Collection[str]) -> Pairs:
    """Pages with a result in the parts that speak for the whole site; pages chosen on purpose are none."""
    _, mine, theirs = np.intersect1d(before.pages, after.pages, assume_unique=True, return_indices=True)
    both = before.audited[mine] & after.audited[theirs]
    had, has = before.fails(rules)[mine][both], after.fails(rules)[theirs][both]
    return Pairs(
        worse=int(np.sum(~had & has)),
        better=int(np.sum(had & ~has)),
        same_with=int(np.sum(had & has)),
        same_without=int(np.sum(~had & ~has)),
    )
