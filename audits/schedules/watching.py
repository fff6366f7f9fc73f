"""What came of schedules in a period, for whoever has to know that sweeps ran: what nobody kept, what went wrong, what was in the way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.schedules import book
from audits.schedules.book import STANDS, when_of
from audits.schedules.keeping import LATE, last_kept, untaken
from db.errors import JisweepError
from db.tables import Schedule, ScheduledRun
from db.words import Came, SweepState

OFTEN = 7  # due times that one sweep is in the way of, from which on it does not end by itself


@dataclass(frozen=True, kw_only=True)
class Unkept:
    """A schedule whose times pass: nobody looks for what is due, or it cannot be read any more."""

    schedule: str
    due_at: datetime | None  # the last time that nobody kept; None: it cannot be read
    why: Mapping[str, str] | None  # it cannot be read, by language


@dataclass(frozen=True, kw_only=True)
class Lacking:
    """A due time for which a site got no sweep."""

    schedule: str
    site: str | None  # None: the organisation has none
    due_at: datetime
    why: Mapping[str, str] | None  # none could be asked for, by language
    sweep: int | None  # the one that was in the way, and is not finished yet
    times: int  # due times that it was in the way of


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How schedules did in a period."""

    active: int
    paused: int
    came: Mapping[str, int]  # sites and times of the period, by what came of them
    unkept: tuple[Unkept, ...]
    failed: tuple[Lacking, ...]  # and nothing better has come of them since
    in_the_way: tuple[Lacking, ...]  # of each sweep the last time
    missed: int  # times that passed while nobody looked, for which later ones stand
    was_due: bool  # whether anything was, by the clock
    next_at: datetime | None

    @property
    def stands_still(self) -> bool:
        """Whether somebody has to see to it."""
        return bool(self.unkept or self.failed or any(each.times >= OFTEN for each in self.in_the_way))

    @property
    def is_short(self) -> bool:
        """Whether something that was due did not run."""
        return bool(self.missed or self.in_the_way)


async def watch(connection: AsyncConnection, since: datetime, moment: datetime) -> Watched:
    """What came of schedules from one moment to another; a time is given a quarter of an hour to be kept."""
    rows: Sequence[Any] = (
        await connection.execute(sa.select(Schedule).where(STANDS).order_by(Schedule.name))
    ).all()
    active = [row for row in rows if row.paused_at is None]
    late = moment - LATE
    kept = await last_kept(connection, late)
    unkept, next_times, was_due = [], [], False
    for row in active:
        try:
            times = untaken(row, kept, late)
            next_times += when_of(row).next(max(moment, row.counts_from), 1)
            was_due = was_due or bool(when_of(row).between(max(since, row.counts_from), late))
        except JisweepError as error:
            unkept.append(Unkept(schedule=row.name, due_at=None, why={"ja": error.ja, "en": error.en}))
            continue
        if times:
            unkept.append(Unkept(schedule=row.name, due_at=times[-1], why=None))
    of = STANDS, ScheduledRun.due_at <= moment, sa.or_(ScheduledRun.came_at >= since, ScheduledRun.came.is_(None))
    runs = (await connection.execute(book.runs().where(*of).order_by(ScheduledRun.due_at, ScheduledRun.id))).all()
    unkept += [
        Unkept(schedule=run.schedule, due_at=run.due, why=None) for run in runs if not run.came and run.due < late
    ]
    missed = {(run.schedule_id, run.due): run.missed for run in runs}
    return Watched(
        active=len(active), paused=len(rows) - len(active), came=dict(Counter(run.came.value for run in runs if run.came)),
        unkept=tuple(unkept), failed=_failed(runs, {row.id for row in active}), in_the_way=await _in_the_way(connection, runs),
        missed=sum(missed.values()), was_due=was_due, next_at=min(next_times, default=None),
    )  # fmt: skip


def _failed(runs: Sequence[Any], active: set[int]) -> tuple[Lacking, ...]:
    """Those that are the last of their schedule at their site; where it had no site, of the schedule."""
    last = {(run.schedule_id, run.site_id): run for run in runs}
    newest = {run.schedule_id: run.due for run in runs}
    return tuple(
        Lacking(schedule=run.schedule, site=run.site, due_at=run.due, why=run.wrong, sweep=None, times=0)
        for run in last.values()
        if run.came is Came.FAILED
        and run.schedule_id in active
        and (run.site_id is not None or run.due == newest[run.schedule_id])
    )


async def _in_the_way(connection: AsyncConnection, runs: Sequence[Any]) -> tuple[Lacking, ...]:
    last = {run.sweep: run for run in runs if run.came is Came.OVERLAPS and run.state is not SweepState.FINISHED}
    of = ScheduledRun.came == Came.OVERLAPS, ScheduledRun.sweep_id.in_(last)
    counts = sa.select(ScheduledRun.sweep_id, sa.func.count()).where(*of).group_by(ScheduledRun.sweep_id)
    times = dict((await connection.execute(counts)).all())
    return tuple(
        Lacking(schedule=run.schedule, site=run.site, due_at=run.due, why=None, sweep=sweep, times=times[sweep])
        for sweep, run in last.items()
    )
