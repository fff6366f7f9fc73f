"""How everything stands: sweeps under way, who holds them, what waits, what has gone wrong, and how each site last ended.

Rows alone are read: any process of any machine that reaches the database tells the same.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.asked import WANTED
from audits.schedules.watching import Watched, watch
from audits.trends.kept import HOLDS
from crawler.windows import Windows
from db.leases import LEASE, is_alive
from db.tables import KeptPoint, Notice, Site, Sweep, Visit, Worker
from db.words import SweepState, Trust, VisitState
from reports.progress import pace_lately, read_progress

IDLE = timedelta(minutes=30)  # without a page, inside its window, after which a held sweep is stuck
SILENT = timedelta(minutes=5)  # without a sign of life, after which a worker is not counted on
PATIENCE = timedelta(minutes=15)  # that a wanted sweep waits before somebody has to ask why nobody takes it


class Standing(StrEnum):
    """What an unfinished sweep is doing, and whether anything will come of it by itself."""

    RUNNING = "running"
    STUCK = "stuck"  # held, and without a page for IDLE inside its window
    QUEUED = "queued"  # wanted, and not yet taken on
    UNTAKEN = "untaken"  # wanted for PATIENCE while nothing at all is running
    CLOSED = "closed"  # wanted; its window is shut
    HALTED = "halted"  # it cannot go on, and its row says why
    DIED = "died"  # whoever held it has ended without giving it back, and nobody wants it run
    LEFT = "left"  # interrupted at a terminal: nobody goes on by itself
    STOPPED = "stopped"  # by a person


class Verdict(StrEnum):
    """What the period comes to, from the best to the worst."""

    WHOLE = "whole"
    INCOMPLETE = (
        "incomplete"  # a sweep ended without some of its pages, a person stopped it, or what was due did not run
    )
    ATTENTION = (
        "attention"  # something stands still that nobody will move, or waits for a person, or nothing ran at all
    )


AILING = frozenset({Standing.STUCK, Standing.UNTAKEN, Standing.HALTED, Standing.DIED, Standing.LEFT})


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process that holds, or held, a lease of a sweep or of its pages."""

    owner: str  # host/process/start, see db.leases.this_process
    sweeps: tuple[int, ...]
    pages: int  # in hand
    seen_at: datetime  # when it last renewed one of them
    until: datetime  # when the last of them ends
    ended: bool  # past its leases, or known to run no more


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """A sweep that is not finished."""

    sweep: int
    site: str
    recheck: bool
    step: SweepState
    standing: Standing
    done: int  # addresses explored, or chosen pages that are through
    left: int
    per_minute: float  # pages audited of late; 0: cannot be told
    begun_at: datetime
    last_at: datetime | None  # when its last page was audited; None: none was yet
    holders: tuple[str, ...]
    asked_by: str | None
    asked_at: datetime | None
    stopped_at: datetime | None  # when a person last asked for it to stop
    opens_at: datetime | None  # of a sweep whose window is shut
    why: Mapping[str, str] | None  # of a halted one, by language


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The last finished sweep of a site."""

    site: str
    sweep: int | None  # None: none has finished yet; so for all that follows
    began_at: datetime | None
    finished_at: datetime | None
    known: int | None  # this and the next: None where nothing was kept of it
    audited: int | None
    lost: int | None  # chosen pages without a result
    complete: bool | None
    trust: Trust | None  # None: it was not judged


@dataclass(frozen=True, kw_only=True)
class Hand:
    """A worker as it last said of itself."""

    name: str
    version: str
    engine: str
    started_at: datetime
    beat_at: datetime
    drains: bool  # takes on nothing more
    silent: bool  # has given no sign of life for SILENT
    hand: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Posted:
    """Notices: those on their way, those that should have gone by now, and those given up in the period."""

    waiting: int
    late: int
    given_up: int


@dataclass(frozen=True, kw_only=True)
class Overall:
    """How everything stood at a moment; `since` begins the period that is judged."""

    at: datetime
    since: datetime
    under_way: tuple[UnderWay, ...]
    finished: tuple[Ended, ...]  # sweeps of sites that finished within the period, oldest first
    sites: tuple[Ended, ...]  # each site's last, those that finished longest ago first
    holders: tuple[Holder, ...]
    suspect: tuple[Ended, ...]  # sweeps that wait for a person to accept or reject them
    workers: tuple[
        Hand, ...
    ]  # that have given a sign of life in the period, and have not said that they have ended
    notices: Posted
    schedules: Watched
    ended_leases: int  # of pages: taken on, and let go without a result
    kind: str  # sqlite, postgresql
    size: int  # bytes of the database
    revision: str  # of its schema

    @property
    def queue(self) -> tuple[UnderWay, ...]:
        """Wanted sweeps that nobody has taken on, shut windows included, in the order of asking."""
        waiting = (Standing.QUEUED, Standing.UNTAKEN, Standing.CLOSED)
        return tuple(sorted((each for each in self.under_way if each.standing in waiting), key=_asked))

    @property
    def nothing_ran(self) -> bool:
        """Whether silence is no success: no sweep finished in the period, and none runs, waits or was stopped."""
        return self._is_silent and not self.nothing_due

    @property
    def nothing_due(self) -> bool:
        """Whether it is silent because no schedule had anything due: the next times are still to come."""
        return self._is_silent and self.schedules.active > 0 and not self.schedules.was_due

    @property
    def _is_silent(self) -> bool:
        alive = Standing.RUNNING, Standing.QUEUED, Standing.CLOSED
        runs = any(each.standing in alive for each in self.under_way)
        return not (self.finished or self.stopped or runs)

    @property
    def stopped(self) -> tuple[UnderWay, ...]:
        """The sweeps that a person stopped in the period, and nobody has gone on with."""
        stopped = (each for each in self.under_way if each.standing is Standing.STOPPED)
        return tuple(each for each in stopped if each.stopped_at and each.stopped_at >= self.since)

    @property
    def ailing(self) -> tuple[UnderWay, ...]:
        """The sweeps that will not go on unless somebody does something."""
        return tuple(each for each in self.under_way if each.standing in AILING)

    @property
    def verdict(self) -> Verdict:
        """Whether the period ran whole."""
        if self.ailing or self.nothing_ran or self.suspect or self.notices.given_up or self.schedules.stands_still:
            return Verdict.ATTENTION
        short = any(not each.complete for each in self.finished)  # what is not known is not whole
        return Verdict.INCOMPLETE if self.stopped or short or self.schedules.is_short else Verdict.WHOLE


async def read_standing(connection: AsyncConnection, moment: datetime, period: timedelta) -> Overall:
    """Read how everything stands at a moment, and what finished in the period before it."""
    holders, ended_leases = await _holders(connection, moment)
    sites = await _last_of_each_site(connection)
    rows = await _unfinished(connection, moment, period)
    under_way = [await _under_way(connection, row, holders, moment) for row in rows]
    if not any(each.standing in (Standing.RUNNING, Standing.STUCK) for each in under_way):
        under_way = [_untaken(each, moment) for each in under_way]
    kind, size = await _size(connection)
    return Overall(
        at=moment, since=moment - period, under_way=tuple(under_way), sites=tuple(sites), holders=tuple(holders),
        finished=tuple(await _ended_where(connection, Sweep.finished_at >= moment - period)), ended_leases=ended_leases,
        suspect=tuple(await _ended_where(connection, Sweep.trust == Trust.SUSPECT)),
        workers=tuple(await _workers(connection, moment, moment - period)), notices=await _notices(connection, moment, moment - period),
        schedules=await watch(connection, moment - period, moment),
        kind=kind, size=size, revision=await connection.scalar(sa.text("SELECT version_num FROM alembic_version")),
    )  # fmt: skip


def _asked(each: UnderWay) -> tuple[datetime, int]:
    return each.asked_at or each.begun_at, each.sweep


async def _holders(connection: AsyncConnection, moment: datetime) -> tuple[list[Holder], int]:
    """Every process with a lease, and how many leases of pages have ended without a result."""
    found: dict[str, list[Any]] = defaultdict(list)
    kept = sa.select(Sweep.lease_owner, Sweep.id, sa.literal(0).label("pages"), Sweep.lease_until.label("until"))
    unfinished = sa.select(Sweep.id).where(Sweep.state != SweepState.FINISHED)
    selected = Visit.sweep_id.in_(unfinished), Visit.state == VisitState.SELECTED, Visit.lease_owner.is_not(None)
    until = sa.func.max(Visit.lease_until).label("until")
    claimed = sa.select(Visit.lease_owner, Visit.sweep_id.label("id"), sa.func.count().label("pages"), until)
    for leases in (
        kept.where(Sweep.lease_owner.is_not(None)),
        claimed.where(*selected).group_by(Visit.lease_owner, Visit.sweep_id),
    ):
        for row in await connection.execute(leases):
            found[row.lease_owner].append(row)
    holders = [_holder(owner, leases, moment) for owner, leases in sorted(found.items())]
    return holders, sum(each.pages for each in holders if each.ended)


def _holder(owner: str, leases: Sequence[Any], moment: datetime) -> Holder:
    until = max(each.until for each in leases)
    return Holder(
        owner=owner, sweeps=tuple(sorted({each.id for each in leases})), pages=sum(each.pages for each in leases),
        seen_at=until - LEASE, until=until, ended=until < moment or is_alive(owner) is False,
    )  # fmt: skip


async def _unfinished(connection: AsyncConnection, moment: datetime, period: timedelta) -> list[Any]:
    """The sweeps that are not finished, without those of which a later one of the site took the place.

    A recheck has no successor: one that nobody wants or holds is left out when it was begun before the period.
    """
    later = aliased(Sweep)
    replaced = sa.exists().where(
        later.site_id == Sweep.site_id, later.id > Sweep.id, later.state == SweepState.FINISHED, ~later.recheck
    )
    matters = sa.or_(WANTED, Sweep.lease_owner.is_not(None), Sweep.created_at >= moment - period)
    columns = [each for each in Sweep.__table__.c if each.name not in ("traffic", "rule_criteria", "also_criteria")]
    asked = sa.select(*columns, Site.address, WANTED.label("wanted")).join(Site, Site.id == Sweep.site_id)
    counts = sa.and_(Sweep.state != SweepState.FINISHED, sa.case((Sweep.recheck, matters), else_=~replaced))
    again = sa.and_(Sweep.state == SweepState.FINISHED, WANTED)  # its lost pages are to be tried again
    return list((await connection.execute(asked.where(sa.or_(counts, again)).order_by(Sweep.id))).all())


async def _under_way(
    connection: AsyncConnection, row: Any, holders: Sequence[Holder], moment: datetime
) -> UnderWay:
    progress = await read_progress(connection, row.id)
    last_at = await connection.scalar(
        sa.select(sa.func.max(Visit.audited_at)).where(Visit.sweep_id == row.id, ~Visit.carried)
    )
    windows = Windows.parse(progress.window)
    is_open = windows.are_open(moment)
    mine = [each for each in holders if row.id in each.sweeps]
    moved = max(filter(None, (row.created_at, row.explored_at, row.chosen_at, row.asked_at, last_at)))
    return UnderWay(
        sweep=row.id, site=row.address, recheck=row.recheck, step=row.state, done=progress.done, left=progress.waiting,
        standing=_standing_of(row, mine, is_open=is_open, idle=moment - moved > IDLE),
        per_minute=await pace_lately(connection, row.id, moment), begun_at=row.created_at, last_at=last_at,
        holders=tuple(each.owner for each in mine), asked_by=row.asked_by, asked_at=row.asked_at,
        stopped_at=row.stop_asked_at, opens_at=None if is_open else windows.next_opening(moment), why=row.halted,
    )  # fmt: skip


def _standing_of(row: Any, holders: Sequence[Holder], *, is_open: bool, idle: bool) -> Standing:
    if any(not each.ended for each in holders):
        stuck = idle and is_open and row.state is SweepState.AUDITING  # exploring leaves no times behind
        return Standing.STUCK if stuck else Standing.RUNNING
    if row.wanted:
        return Standing.QUEUED if is_open else Standing.CLOSED
    if row.halted:
        return Standing.HALTED
    if row.stop_asked_at is not None:
        return Standing.STOPPED
    return Standing.DIED if holders else Standing.LEFT


def _untaken(each: UnderWay, moment: datetime) -> UnderWay:
    waited = each.standing is Standing.QUEUED and moment - (each.asked_at or each.begun_at) > PATIENCE
    return replace(each, standing=Standing.UNTAKEN) if waited else each


_ENDED = (Sweep.id, Sweep.created_at, Sweep.finished_at, Sweep.trust, KeptPoint.told, Site.address)


async def _ended_where(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Ended]:
    """The finished sweeps of sites that fulfil conditions, oldest first."""
    ended = sa.select(*_ENDED).select_from(Sweep).join(Site, Site.id == Sweep.site_id).outerjoin(KeptPoint, HOLDS)
    done = Sweep.state == SweepState.FINISHED, ~Sweep.recheck, *conditions
    return [
        _ended(row) for row in await connection.execute(ended.where(*done).order_by(Sweep.finished_at, Sweep.id))
    ]


async def _workers(connection: AsyncConnection, moment: datetime, since: datetime) -> list[Hand]:
    """Those that have not said that they have ended; of one that was killed nobody is told for ever."""
    told = Worker.ended_at.is_(None), Worker.beat_at >= since
    rows = await connection.execute(sa.select(*Worker.__table__.c).where(*told).order_by(Worker.name))
    return [
        Hand(
            name=row.name, version=row.version, engine=row.engine, started_at=row.started_at, beat_at=row.beat_at,
            drains=row.drain_asked_at is not None, silent=moment - row.beat_at > SILENT, hand=row.hand,
        )
        for row in rows
    ]  # fmt: skip


async def _notices(connection: AsyncConnection, moment: datetime, since: datetime) -> Posted:
    waits = sa.and_(Notice.sent_at.is_(None), Notice.given_up_at.is_(None))
    counts = (
        sa.func.count().filter(waits),
        sa.func.count().filter(waits, Notice.due < moment - PATIENCE),
        sa.func.count().filter(Notice.given_up_at >= since),
    )
    waiting, late, given_up = (await connection.execute(sa.select(*counts).select_from(Notice))).one()
    return Posted(waiting=waiting, late=late, given_up=given_up)


async def _last_of_each_site(connection: AsyncConnection) -> list[Ended]:
    last = (
        sa.select(Sweep.site_id, sa.func.max(Sweep.id).label("id"))
        .where(Sweep.state == SweepState.FINISHED, ~Sweep.recheck)
        .group_by(Sweep.site_id)
        .subquery()
    )
    rows = await connection.execute(
        sa.select(*_ENDED)
        .select_from(Site)
        .outerjoin(last, last.c.site_id == Site.id)
        .outerjoin(Sweep, Sweep.id == last.c.id)
        .outerjoin(KeptPoint, HOLDS)
        .order_by(Sweep.finished_at.is_not(None), Sweep.finished_at, Site.address)
    )
    return [_ended(row) for row in rows]


def _ended(row: Any) -> Ended:
    told = row.told or {}
    whole = None
    if told:
        whole = told["audited"] > 0 and not (told["because"] or told["unread"] or told["waiting"])
    return Ended(
        site=row.address, sweep=row.id, began_at=row.created_at, finished_at=row.finished_at,
        known=told.get("known"), audited=told.get("audited"), lost=told.get("lost"), complete=whole, trust=row.trust,
    )  # fmt: skip


async def _size(connection: AsyncConnection) -> tuple[str, int]:
    if connection.dialect.name != "sqlite":
        said = await connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
        return connection.dialect.name, int(said or 0)
    pages = await connection.scalar(sa.text("PRAGMA page_count"))
    return "sqlite", int(pages or 0) * int(await connection.scalar(sa.text("PRAGMA page_size")) or 0)
