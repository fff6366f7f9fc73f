"""Keeps schedules: what is due becomes a sweep that is asked for, once, or a row that says why not.

Several processes may do so at once. A due time is taken by the rows that it gets, one for each site, in one transaction;
each row is then seen to in a transaction of its own, by whoever comes first, so that nothing is lost when a process dies.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.asked import ask_sweep, in_the_way
from audits.bearings import about
from audits.organisations import tree
from audits.schedules.book import STANDS, when_of
from audits.schedules.planned import plan_at
from crawler.together import again_and_again
from db.database import Database, insert_new
from db.errors import JisweepError, StorageError
from db.tables import Schedule, ScheduledRun, Site
from db.types import now
from db.words import Came

ACTIVE = sa.and_(STANDS, Schedule.paused_at.is_(None))
LOOK = 60.0  # seconds between looks for what is due
LATE = timedelta(minutes=15)  # after which a run is late
BROKEN = {
    "ja": "想定外のエラーで始められませんでした。記録（ログ）に詳細があります。",
    "en": "It could not be begun for an unexpected error; the log has the details.",
}
EMPTY = {
    "ja": "この組織と下位の組織には、サイトがありません。",
    "en": "Neither this organisation nor any below it has a site.",
}

log = logging.getLogger(__name__)


@asynccontextmanager
async def keeping_time(database: Database) -> AsyncIterator[None]:
    """Look for what is due while the block lasts."""
    async with again_and_again(lambda: due(database, now()), LOOK, "looking for what is due"):
        yield


def is_late(run: Any) -> bool:
    """Whether a run came long after it was due; `run` has `due`, `came_at` and `missed`."""
    return run.missed > 0 or (run.came_at is not None and run.came_at - run.due > LATE)


async def due(database: Database, moment: datetime) -> list[int]:
    """Begin what is due at a moment; returns the numbers of the runs that were seen to.

    Of several times that passed while nobody looked the last is kept, for all of them.
    """
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(Schedule).where(ACTIVE))).all()
        kept = await last_kept(connection, moment)
    waiting = [row.id for row in rows if _times(row, kept, moment)]
    for number in waiting:
        async with database.writing() as connection:
            await _take(connection, number, moment)
    async with database.reading() as connection:
        open_runs = sa.select(ScheduledRun.id).join(Schedule)
        open_runs = open_runs.where(STANDS, ScheduledRun.came.is_(None), ScheduledRun.due_at <= moment)
        numbers = list(await connection.scalars(open_runs.order_by(ScheduledRun.due_at, ScheduledRun.id)))
    return [number for number in numbers if await _see_to(database, number, moment)]


async def last_kept(
    connection: AsyncConnection, moment: datetime, *of: sa.ColumnElement[bool]
) -> Mapping[int, datetime]:
    """Schedule → the last of its times up to a moment that somebody has kept.

    What was kept while the clock was ahead does not hold up what comes before it.
    """
    last = sa.select(ScheduledRun.schedule_id, sa.func.max(ScheduledRun.due_at)).where(
        ScheduledRun.due_at <= moment, *of
    )
    return dict((await connection.execute(last.group_by(ScheduledRun.schedule_id))).all())


def untaken(row: Any, kept: Mapping[int, datetime], moment: datetime) -> list[datetime]:
    """The times of a schedule up to a moment that nobody has kept. Raises UsageError for one that cannot be read any more."""
    return when_of(row).between(max(row.counts_from, kept.get(row.id, row.counts_from)), moment)


def _times(row: Any, kept: Mapping[int, datetime], moment: datetime) -> list[datetime]:
    """The times that nobody has kept; none for one that cannot be read any more, which is logged."""
    try:
        return untaken(row, kept, moment)
    except JisweepError as error:
        log.error("schedule %s: %s", row.name, error)
        return []


async def _take(connection: AsyncConnection, number: int, moment: datetime) -> None:
    """Give the last due time of a schedule its rows, unless somebody else has."""
    asked = sa.select(Schedule).where(Schedule.id == number, ACTIVE).with_for_update()
    row = (await connection.execute(asked)).one_or_none()
    if row is None:
        return
    times = _times(row, await last_kept(connection, moment, ScheduledRun.schedule_id == number), moment)
    if not times:
        return
    run = {"schedule_id": number, "due_at": times[-1], "missed": len(times) - 1}
    sites = [row.site_id] if row.site_id else (await tree(connection)).sites_below(row.organisation_id)
    if not sites:
        nowhere = {"site_id": None, "came": Came.FAILED, "came_at": moment, "wrong": EMPTY}
        await connection.execute(sa.insert(ScheduledRun).values(**run, **nowhere))
        log.error("schedule %s: not begun, %s", row.name, EMPTY["en"])
    for site in sites:
        await connection.execute(insert_new(connection, ScheduledRun).values(**run, site_id=site))


async def _see_to(database: Database, number: int, moment: datetime) -> bool:
    """Ask for the sweep of a run; what keeps it from being asked for is kept in its row. False: somebody else has."""
    try:
        async with database.writing() as connection:
            return await _begin(connection, number, moment)
    except StorageError:
        raise
    except JisweepError as error:
        log.error("run %d of a schedule: %s", number, error)
        wrong = {"ja": error.ja, "en": error.en}
    except Exception:
        log.exception("run %d of a schedule", number)
        wrong = BROKEN
    async with database.writing() as connection:
        return await _settle(connection, number, moment, came=Came.FAILED, wrong=wrong)


async def _begin(connection: AsyncConnection, number: int, moment: datetime) -> bool:
    columns = Schedule.name, Schedule.plan, Schedule.window, Schedule.priority, ScheduledRun.site_id
    asked = (
        sa.select(*columns, Site.address, Site.settings)
        .join(Schedule, Schedule.id == ScheduledRun.schedule_id)
        .join(Site, Site.id == ScheduledRun.site_id)
        .where(ScheduledRun.id == number, ScheduledRun.came.is_(None))
        .with_for_update(of=ScheduledRun)
    )
    run = (await connection.execute(asked)).one_or_none()
    if run is None:
        return False
    if (other := await in_the_way(connection, run.site_id)) is not None:
        with about(sweep=other):
            log.warning("schedule %s: not begun, this sweep of %s is not finished", run.name, run.address)
        return await _settle(connection, number, moment, came=Came.OVERLAPS, sweep_id=other)
    plan = plan_at(run.address, run.settings, run.plan, run.window)
    sweep_id = await ask_sweep(connection, plan, f"定期: {run.name}", run.priority)
    with about(sweep=sweep_id):
        log.info("schedule %s: %s is to be swept", run.name, run.address)
    return await _settle(connection, number, moment, came=Came.BEGUN, sweep_id=sweep_id)


async def _settle(connection: AsyncConnection, number: int, moment: datetime, **values: Any) -> bool:
    still = sa.update(ScheduledRun).where(ScheduledRun.id == number, ScheduledRun.came.is_(None))
    done = await connection.execute(still.values(came_at=moment, **values))
    return bool(done.rowcount)
