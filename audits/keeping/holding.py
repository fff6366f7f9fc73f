"""What is held although it is past its term, since something stands on it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.asked import WANTED
from audits.speaking import SPEAKS
from audits.trends.periods import Period
from db.tables import (
    Cycle,
    CycleSite,
    Declaration,
    Defect,
    Example,
    Finding,
    Judgement,
    Look,
    Occurrence,
    Result,
    Sweep,
    Visit,
)
from db.words import DefectState, SweepState, Trust


class Hold(StrEnum):
    """Why something is held; of a sweep's results the first that holds is told."""

    UNFINISHED = "unfinished"  # its sweep may go on
    SUSPECT = "suspect"  # nobody has said yet whether its sweep counts
    NEWEST = "newest"  # the last finished sweep of the site, or the last that speaks for it
    LEANED = "leaned"  # a sweep that is not finished carries its results
    BASELINE = "baseline"  # a cycle that is not closed is measured by its sweep
    DECLARED = "declared"  # a declared or published test stands on its sweep
    SHARED = "shared"  # a later sweep has the same result
    DEFECT = "defect"  # evidence of a defect that is not repaired
    EXCEPTION = "exception"  # evidence of a defect that is excepted
    JUDGED = "judged"  # a person has judged by it
    EXAMPLE = "example"  # it is the before of a repair in the know-how
    CHECK = "check"  # a sweep has held it against another result: what it carried is trusted by that
    UNSENT = "unsent"  # a notice that waits, or that keeps from telling the same again
    LAST = "last"  # the last run of a schedule: it says that the due time was kept


@dataclass(frozen=True, kw_only=True)
class SiteSweeps:
    """The sweeps of a site: those whose results may go, and those past the term that something holds."""

    free: Mapping[int, datetime] = field(default_factory=dict)  # sweep → when it finished, the newest first
    held: Mapping[int, Hold] = field(default_factory=dict)
    finished: Mapping[int, datetime] = field(default_factory=dict)  # all that are past the term
    leads: Collection[int] = ()  # those of any age that sweeps to come, or under way, are held against


async def site_sweeps(connection: AsyncConnection, site: int, before: datetime) -> SiteSweeps:
    """Sort the sweeps of a site that finished, or began when they did not, before a moment."""
    ended = sa.func.coalesce(Sweep.finished_at, Sweep.created_at, type_=Sweep.created_at.type)
    rows = (
        await connection.execute(
            sa.select(
                Sweep.id, Sweep.state, Sweep.recheck, Sweep.trust, ended.label("at"), WANTED.label("wanted"),
                SPEAKS.label("speaks"),
            )
            .where(Sweep.site_id == site)
            .order_by(Sweep.id.desc())
        )
    ).all()  # fmt: skip
    ours = [row for row in rows if row.state is SweepState.FINISHED and not row.recheck]
    newest = {row.id for row in ours[:1]} | {row.id for row in [each for each in ours if each.speaks][:1]}
    unfinished = Sweep.site_id == site, Sweep.state != SweepState.FINISHED
    earlier = await connection.scalars(sa.select(Sweep.earlier_id).where(*unfinished))
    leaned = {each for each in earlier if each is not None}
    measured, declared = await _measured(connection, site), await _declared(connection, site)
    free: dict[int, datetime] = {}
    held: dict[int, Hold] = {}
    finished: dict[int, datetime] = {}
    for row in rows:
        if row.at >= before:
            continue
        finished[row.id] = row.at
        for hold, holds in (
            (Hold.UNFINISHED, row.state is not SweepState.FINISHED or row.wanted),
            (Hold.SUSPECT, row.trust is Trust.SUSPECT),
            (Hold.NEWEST, row.id in newest),
            (Hold.LEANED, row.id in leaned),
            (Hold.BASELINE, row.id in measured),
            (Hold.DECLARED, row.id in declared),
        ):
            if holds:
                held[row.id] = hold
                break
        else:
            free[row.id] = row.at
    under_way = {row.id for row in rows if row.state is not SweepState.FINISHED}
    return SiteSweeps(free=free, held=held, finished=finished, leads=newest | leaned | under_way)


async def _measured(connection: AsyncConnection, site: int) -> set[int]:
    """The baselines of the site's open cycles, and the sweeps from there on."""
    cycles = await connection.execute(
        sa.select(CycleSite.baseline_id, Cycle.begins_on)
        .join(Cycle, Cycle.id == CycleSite.cycle_id)
        .where(CycleSite.site_id == site, Cycle.closed_at.is_(None))
    )
    found: set[int] = set()
    mine = Sweep.site_id == site, SPEAKS
    for baseline, day in cycles.all():
        begins = Period(first=day, last=day).begins
        by_day = sa.select(sa.func.max(Sweep.finished_at)).where(*mine, Sweep.finished_at < begins)
        said = sa.select(Sweep.finished_at).where(Sweep.id == baseline)
        since = await connection.scalar(by_day if baseline is None else said)
        after = Sweep.finished_at >= (since or begins)
        found |= set(await connection.scalars(sa.select(Sweep.id).where(*mine, after)))
    return found


async def _declared(connection: AsyncConnection, site: int) -> set[int]:
    """The sweeps with a declaration that was not taken back."""
    last: dict[int, bool] = {}
    rows = await connection.execute(
        sa.select(Declaration.sweep_id, Declaration.notation)
        .join(Sweep, Sweep.id == Declaration.sweep_id)
        .where(Sweep.site_id == site)
        .order_by(Declaration.id)
    )
    for sweep, notation in rows:
        last[sweep] = notation is not None
    return {sweep for sweep, stands in last.items() if stands}


def result_holds(free: Collection[int]) -> dict[Hold, sa.ColumnElement[bool]]:
    """What holds a result of some sweeps whose results may go, each as a condition on its row."""
    visit, judged, other = aliased(Visit), aliased(Visit), aliased(Finding)
    places = sa.and_(Occurrence.page_id == Result.page_id, Occurrence.places > 0)
    known = sa.exists().where(Look.page_id == Result.page_id, Look.result_id == Result.id)

    def shows(*states: DefectState) -> sa.ColumnElement[bool]:
        return sa.and_(
            known, sa.exists().where(places, Defect.id == Occurrence.defect_id, Defect.state.in_(states))
        )

    spoken: sa.CompoundSelect[Any] = sa.union(
        sa.select(Example.finding_id), sa.select(Judgement.finding_id).where(Judgement.finding_id.is_not(None))
    )
    return {
        Hold.SHARED: sa.exists().where(visit.result_id == Result.id, visit.sweep_id.not_in(sorted(free))),
        Hold.DEFECT: shows(*set(DefectState) - {DefectState.CONFIRMED, DefectState.EXCEPTED}),
        Hold.EXCEPTION: shows(DefectState.EXCEPTED),
        Hold.JUDGED: sa.exists().where(judged.result_id == Result.id, Judgement.visit_id == judged.id),
        Hold.EXAMPLE: sa.exists().where(other.result_id == Result.id, other.id.in_(spoken)),
    }


async def compared(connection: AsyncConnection, site: int) -> Sequence[int]:
    """The results that a sweep of the site expected of a page and those that it got instead: where their places were is a number's ground."""
    differs = Visit.expected_id.is_not(None), Visit.result_id.is_not(None), Visit.expected_id != Visit.result_id
    rows = await connection.execute(
        sa.select(Visit.expected_id, Visit.result_id)
        .join(Sweep, Sweep.id == Visit.sweep_id)
        .where(Sweep.site_id == site, *differs)
    )
    return sorted({each for row in rows for each in row})
