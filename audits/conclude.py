"""Concluding a sweep: its numbers, each with the pages it stands on, read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.counts import NOT_PAGES, audited_in, counts_by_criterion, places, problem_pages
from audits.criteria import aimed_at, rules_for
from audits.engine import own_rules
from audits.excepted import Excepted, excepted
from audits.health import Checkup, health_of
from audits.overlap import Overlap, overlap
from audits.reliance import Reliance, reliance
from audits.revision import Revision, revision
from audits.sampled import Estimate, Sampled, sampled
from audits.speaking import SPEAKS
from audits.survey import Survey, survey
from crawler.notes import unread_parts
from crawler.representative import LeftOut
from crawler.sample import left_out_of
from db.database import Database
from db.errors import UsageError
from db.tables import Draw, Result, Site, Sweep, Visit
from db.words import Edition, Level, Method, Part, Reason, SweepState, VisitState


@dataclass(frozen=True, kw_only=True)
class CriterionCount:
    """What the machine says of one criterion over the audited pages of a sweep; it never says `met`."""

    number: str
    level: Level
    name_ja: str
    name_en: str
    rules: int  # rules of the engine that speak about the criterion; 0: untested by machine
    problem_pages: int  # pages with at least one failed place
    places: int  # failed places
    needs_review_pages: int  # pages with a place that the machine could not decide
    estimate: Estimate | None = None  # for the whole frame; None without a random part, or a rule


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """The numbers of a sweep. Rates are None when no page was audited: nothing is inferred from absence."""

    sweep: int
    site: str
    method: Method | None
    seed: int
    edition: Edition
    level: Level
    engine: str
    engine_version: str
    rule_set: str
    left_out: tuple[
        LeftOut, ...
    ]  # what representative pages would stand for, and the sample lacks; if it was asked for
    rule_set_before: str | None  # of the site's last finished sweep, when another: the two are not comparable
    known: int  # pages of the site as far as known: all addresses but those of NOT_PAGES, unless chosen
    selected: int
    audited: int
    not_chosen: int
    unaudited: dict[Reason, int]  # all addresses without a result, by reason
    problem_pages: int  # audited pages with at least one failed criterion of level A or AA
    problem_pages_a: int  # the same for level A alone
    places: int  # failed places of level A and AA criteria
    untested_parts_pages: int  # audited pages with a part that no rule saw
    unsettled_pages: int
    estimate: Estimate | None
    overlap: Overlap | None  # what an earlier random part had of the one estimated from
    excepted: Excepted | None  # what exceptions cover; no other number knows of them
    reliance: Reliance
    health: Checkup | None  # None: it has not been judged
    survey: Survey | None  # by the ministry's conditions, of a sweep that checked them
    revision: Revision | None  # what a further edition would change, of a sweep that was judged by one too
    criteria: tuple[CriterionCount, ...]  # of the levels aimed at, in the standard's order
    unread: int  # parts of the site that exploring could not read: pages may be missing from the frame
    finished: bool  # nothing is left to be done
    complete: bool  # finished, and nothing was lost, cut off or unread
    incomplete_because: tuple[Reason, ...] = field(default=())  # transient reasons and limits that were met

    @property
    def rate(self) -> float | None:
        """Problem pages ÷ audited pages."""
        return self.problem_pages / self.audited if self.audited else None

    @property
    def rate_without_excepted(self) -> float | None:
        """Pages with a fault that no exception covers ÷ audited pages; None without exceptions."""
        return self.excepted.problem_pages / self.audited if self.excepted and self.audited else None


async def conclude(database: Database, sweep_id: int, *, sample: bool = True) -> Conclusion:
    """Read the numbers of a sweep, finished or not. Raises UsageError when there is no such sweep.

    Without `sample` nothing is told of what the sample lacks, for which the whole frame has to be read.
    """
    async with database.reading() as connection:
        sweep = await site_sweep(connection, sweep_id)
        address = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id))
        states, unaudited = await _endings(connection, sweep_id)
        audited = states.get(VisitState.AUDITED, 0)
        waiting = states.get(VisitState.FOUND, 0) + states.get(VisitState.SELECTED, 0)
        because = tuple(sorted(reason for reason in unaudited if reason.transient or reason.limit))
        unread = (await unread_parts(connection, [sweep_id]))[sweep_id]
        finished = sweep.state is SweepState.FINISHED and not waiting
        with_problems, with_problems_a = await problem_pages(connection, sweep_id)
        by_chance = await sampled(connection, sweep, Part.RANDOM)
        covered = await excepted(connection, sweep, rules_of(sweep), by_chance)
        untested, unsettled = await _count_results(
            connection, sweep_id, sa.func.json_array_length(Result.untested) > 0, ~Result.settled
        )
        return Conclusion(
            sweep=sweep_id,
            site=address or "",
            method=sweep.method,
            seed=sweep.seed,
            edition=sweep.edition,
            level=sweep.level,
            engine=sweep.engine or "",
            engine_version=sweep.engine_version or "",
            rule_set=sweep.rule_set or "",
            left_out=tuple(await left_out_of(connection, sweep, address or "")) if sample else (),
            rule_set_before=await _other_rule_set_before(connection, sweep),
            known=sum(states.values()) - await no_pages(connection, sweep_id),
            selected=await _selected(connection, sweep_id),
            audited=audited,
            not_chosen=states.get(VisitState.NOT_CHOSEN, 0),
            unaudited=unaudited,
            problem_pages=with_problems,
            problem_pages_a=with_problems_a,
            places=covered.failed if covered else await places(connection, sweep_id, rules_of(sweep)),
            untested_parts_pages=untested,
            unsettled_pages=unsettled,
            estimate=Estimate.of(by_chance.sample(rules_of(sweep))) if by_chance else None,
            overlap=await overlap(connection, sweep, by_chance, rules_of(sweep)) if by_chance else None,
            excepted=covered,
            reliance=await reliance(connection, sweep_id),
            health=await health_of(connection, sweep_id),
            survey=await survey(connection, sweep),
            revision=await revision(connection, sweep, audited, by_chance),
            criteria=await _criteria(connection, sweep, by_chance),
            unread=unread,
            finished=finished,
            complete=finished and audited > 0 and not (because or unread),
            incomplete_because=because,
        )


async def sweep_row(connection: AsyncConnection, sweep_id: int) -> Sweep:
    """The sweep's row, as a detached object. Raises UsageError when there is no such sweep."""
    row = (await connection.execute(sa.select(Sweep).where(Sweep.id == sweep_id))).mappings().one_or_none()
    if row is None:
        raise UsageError(
            ja=f"スイープ {sweep_id} はありません。jisweep sweeps で一覧を見られます。",
            en=f"There is no sweep {sweep_id}: jisweep sweeps lists them.",
        )
    return Sweep(**dict(row))


async def site_sweep(connection: AsyncConnection, sweep_id: int) -> Sweep:
    """The row of a sweep that speaks for its site. Raises UsageError for a recheck, and when there is no such sweep."""
    sweep = await sweep_row(connection, sweep_id)
    if sweep.recheck:
        raise UsageError(
            ja=f"スイープ {sweep_id} は欠陥を確かめた再検査で、サイト全体については何も言えません。"
            "サイトのスイープを指定してください（jisweep sweeps）。",
            en=f"Sweep {sweep_id} is a recheck of certain defects and says nothing of the site: "
            "name a sweep of the site (jisweep sweeps).",
        )
    return sweep


async def last_finished(connection: AsyncConnection, site_id: int) -> Sweep | None:
    """The last sweep that speaks for a site, None when there is none: no suspect or rejected one does."""
    last = await connection.scalar(sa.select(sa.func.max(Sweep.id)).where(Sweep.site_id == site_id, SPEAKS))
    return None if last is None else await sweep_row(connection, last)


async def _other_rule_set_before(connection: AsyncConnection, sweep: Sweep) -> str | None:
    before = await connection.scalar(
        sa.select(Sweep.rule_set)
        .where(Sweep.site_id == sweep.site_id, Sweep.id < sweep.id, SPEAKS)
        .order_by(Sweep.id.desc())
        .limit(1)
    )
    return before if own_rules(before) != own_rules(sweep.rule_set) else None


async def _endings(connection: AsyncConnection, sweep_id: int) -> tuple[dict[VisitState, int], dict[Reason, int]]:
    rows = await connection.execute(
        sa.select(Visit.state, Visit.reason, sa.func.count())
        .where(Visit.sweep_id == sweep_id)
        .group_by(Visit.state, Visit.reason)
    )
    states: dict[VisitState, int] = {}
    reasons: dict[Reason, int] = {}
    for state, reason, count in rows:
        states[state] = states.get(state, 0) + count
        if state is VisitState.UNAUDITED and reason is not None:
            reasons[reason] = reasons.get(reason, 0) + count
    return states, dict(sorted(reasons.items()))


async def no_pages(connection: AsyncConnection, sweep_id: int) -> int:
    """Addresses that exploring found to be no pages; what was chosen for a page, and is lost, stays one."""
    chosen = sa.exists().where(Draw.visit_id == Visit.id)
    counted = sa.select(sa.func.count()).where(Visit.sweep_id == sweep_id, Visit.reason.in_(NOT_PAGES), ~chosen)
    return await connection.scalar(counted) or 0


async def _selected(connection: AsyncConnection, sweep_id: int) -> int:
    counted = sa.select(sa.func.count(sa.distinct(Draw.visit_id))).where(Draw.sweep_id == sweep_id)
    return await connection.scalar(counted) or 0


async def _count_results(
    connection: AsyncConnection, sweep_id: int, *conditions: sa.ColumnElement[bool]
) -> Sequence[int]:
    """How many results of audited pages fulfil each condition."""
    counted = (
        sa.select(*(sa.func.count(sa.case((condition, 1))) for condition in conditions))
        .select_from(Visit)
        .join(Result, Result.id == Visit.result_id)
        .where(audited_in(sweep_id))
    )
    return tuple((await connection.execute(counted)).one())


def rules_of(sweep: Sweep, number: str | None = None) -> list[str]:
    """The rules that speak about a criterion or, without a number, about any that makes a problem page."""
    return rules_for(sweep.edition, sweep.rule_criteria or {}, number)


async def _criteria(
    connection: AsyncConnection, sweep: Sweep, by_chance: Sampled | None
) -> tuple[CriterionCount, ...]:
    counts = await counts_by_criterion(connection, sweep.id)
    speaking = [number for numbers in (sweep.rule_criteria or {}).values() for number in numbers]
    return tuple(
        CriterionCount(
            number=each.number,
            level=each.level,
            name_ja=each.name_ja,
            name_en=each.name_en,
            rules=speaking.count(each.number),
            problem_pages=counts.get(each.number, (0, 0, 0))[0],
            places=counts.get(each.number, (0, 0, 0))[1],
            needs_review_pages=counts.get(each.number, (0, 0, 0))[2],
            estimate=_estimate_of(by_chance, rules_of(sweep, each.number)),
        )
        for each in aimed_at(sweep.edition, sweep.level).values()
    )


def _estimate_of(by_chance: Sampled | None, rules: list[str]) -> Estimate | None:
    """Of one criterion; None where no rule looked, for nothing was seen."""
    return Estimate.of(by_chance.sample(rules)) if by_chance and rules else None
