"""One sweep by two editions: what the further one would change, criterion by criterion and in problem pages.

Both look at the same results of the same pages. What no machine finds is told as what it is: a criterion that people
have to judge besides.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.counts import audited_in
from audits.criteria import Criterion, aimed_at, rules_for
from audits.criteria.judging import Check, judging
from audits.sampled import Estimate, Sampled
from db.tables import Finding, Sweep, Visit
from db.words import Edition, Outcome


class Standing(StrEnum):
    """How a criterion stands in the further edition."""

    ADDED = "added"  # only there
    DROPPED = "dropped"  # no longer there
    KEPT = "kept"


@dataclass(frozen=True, kw_only=True)
class Count:
    """What some rules found over the audited pages of a sweep."""

    rules: int  # 0: no machine looked
    problem_pages: int
    places: int


@dataclass(frozen=True, kw_only=True)
class Side:
    """A sweep by one edition."""

    edition: Edition
    criteria: int  # of the levels aimed at
    by_people: int  # of these, how many no rule of the engine speaks about
    problem_pages: int  # audited pages with a failed criterion of level A or AA
    places: int
    estimate: Estimate | None  # of the whole frame, from the random part


@dataclass(frozen=True, kw_only=True)
class Line:
    """One criterion of either edition."""

    criterion: Criterion
    standing: Standing
    check: Check  # who finds faults
    before: Count | None  # None: the edition does not have it, or not at the level aimed at
    after: Count | None

    @property
    def unseen(self) -> bool:
        """Whether the further edition has it, and no rule speaks about it there."""
        return self.after is not None and not self.after.rules


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A sweep by its own edition (before) and the further one (after)."""

    audited: int
    before: Side
    after: Side
    newly: int  # audited pages that are problem pages by the further edition alone
    no_longer: int  # by the sweep's own alone
    newly_estimate: Estimate | None  # of the whole frame
    lines: tuple[Line, ...]  # in the further edition's order, with what it dropped at the end

    def of(self, standing: Standing) -> tuple[Line, ...]:
        """The criteria of one standing."""
        return tuple(line for line in self.lines if line.standing is standing)


_Key = tuple[Edition, str | None]  # a criterion; None: any that makes a problem page


async def revision(
    connection: AsyncConnection, sweep: Sweep, audited: int, by_chance: Sampled | None
) -> Revision | None:
    """Compare the two editions of a sweep; None when it has only one, or none of its rules were run yet."""
    if sweep.also is None or sweep.also_criteria is None:
        return None
    also = sweep.also
    rules = {sweep.edition: sweep.rule_criteria or {}, also: sweep.also_criteria}
    speaking: dict[_Key, list[str]] = {
        (edition, number): rules_for(edition, rules[edition], number)
        for edition in rules
        for number in (None, *aimed_at(edition, sweep.level))
    }
    own, further = speaking[sweep.edition, None], speaking[also, None]
    counted = await _counted(connection, sweep.id, speaking)
    pages, places = counted.pages, counted.places

    def side(edition: Edition) -> Side:
        aimed = aimed_at(edition, sweep.level)
        return Side(
            edition=edition, criteria=len(aimed), by_people=sum(not speaking[edition, number] for number in aimed),
            problem_pages=pages[edition, None], places=places[edition, None],
            estimate=Estimate.of(by_chance.sample(speaking[edition, None])) if by_chance else None,
        )  # fmt: skip

    def count(edition: Edition, number: str) -> Count | None:
        key = edition, number
        if key not in speaking:
            return None
        return Count(rules=len(speaking[key]), problem_pages=pages[key], places=places[key])

    def line(criterion: Criterion) -> Line:
        before, after = count(sweep.edition, criterion.number), count(also, criterion.number)
        standing = Standing.ADDED if before is None else Standing.DROPPED if after is None else Standing.KEPT
        return Line(
            criterion=criterion,
            standing=standing,
            check=judging(criterion.number).check,
            before=before,
            after=after,
        )

    known = {**aimed_at(also, sweep.level), **aimed_at(sweep.edition, sweep.level)}
    order = [*aimed_at(also, sweep.level), *aimed_at(sweep.edition, sweep.level)]
    return Revision(
        audited=audited,
        before=side(sweep.edition),
        after=side(also),
        newly=pages[also, None] - counted.both,
        no_longer=pages[sweep.edition, None] - counted.both,
        newly_estimate=Estimate.of(by_chance.sample(further, without=own)) if by_chance else None,
        lines=tuple(line(known[number]) for number in dict.fromkeys(order)),
    )


@dataclass(kw_only=True)
class _Counted:
    """Failed places and the pages with any, by criterion and edition."""

    pages: Counter[_Key] = field(default_factory=Counter)
    places: Counter[_Key] = field(default_factory=Counter)
    both: int = 0  # problem pages by both editions

    def add(self, keys: set[_Key]) -> None:
        """Add a page that fails these."""
        self.pages.update(keys)
        self.both += sum(number is None for _, number in keys) == 2


async def _counted(connection: AsyncConnection, sweep_id: int, speaking: Mapping[_Key, Sequence[str]]) -> _Counted:
    """Count page by page, so that memory does not grow with the site."""
    keys: dict[str, list[_Key]] = defaultdict(list)
    for key, rules in speaking.items():
        for rule in rules:
            keys[rule].append(key)
    rows = await connection.stream(
        sa.select(Visit.id, Finding.rule, sa.func.count())
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(audited_in(sweep_id), Finding.outcome == Outcome.FAILED, Finding.rule.in_(list(keys)))
        .group_by(Visit.id, Finding.rule)
        .order_by(Visit.id)
    )
    counted = _Counted()
    page: int | None = None
    failed: set[_Key] = set()
    async for visit, rule, places in rows:
        if visit != page:
            counted.add(failed)
            page, failed = visit, set()
        failed.update(keys[rule])
        for key in keys[rule]:
            counted.places[key] += places
    counted.add(failed)
    return counted
