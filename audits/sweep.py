"""A sweep: explore, choose, audit each page, conclude. Every step reads and leaves rows, so it can be resumed."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.auditing import audit_chosen, finish, judging_rules, opened
from audits.bearings import about
from audits.carry import stop_carrying
from audits.conclude import sweep_row
from audits.defects.reconcile import reconcile
from audits.exploring import explore_site
from audits.speaking import SPEAKS, is_trusted
from audits.trends.kept import keep_points
from audits.work import Tools, Work, running
from crawler.browser import LOCALE, TIMEZONE, VIEWPORT
from crawler.document import READER
from crawler.frontier import add_addresses
from crawler.limits import Limits
from crawler.redraw import redrawn
from crawler.sample import choose
from crawler.scope import Scope
from crawler.together import Together
from db.database import Database, insert_new
from db.errors import UsageError
from db.leases import held_sweeps, hold_sweep, release_sweep, this_process
from db.tables import Draw, ScopeRule, Site, Sweep, Visit
from db.types import now
from db.words import TRANSIENT, Edition, FoundBy, Level, Method, Redraw, ScopeKind, Stratify, SweepState, VisitState

ALIKE = ("signed_in", "obey_meta_robots", "bytes", "menus")  # limits under which the same page is read alike
RENEW = 60.0  # seconds between renewals of a sweep's lease
HEED = 1.0  # seconds between looks for somebody who asks us to stop

log = logging.getLogger(__name__)


class Held(UsageError):
    """Another process runs the sweep."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep is to do."""

    scope: Scope
    limits: Limits
    seeds: tuple[str, ...] = ()  # further addresses to begin with
    method: Method | None = None  # None: by number of known pages
    pages: int | None = None
    at_random: int | None = None
    seed: int | None = None  # None: drawn, and kept
    stratify: Stratify | None = None
    redraw: Redraw | None = None  # how much of the random part of `earlier_draw` is drawn anew
    earlier_draw: int | None = None  # a finished sweep of the site
    traffic: tuple[tuple[str, int], ...] = ()  # the most used addresses and their counts
    edition: Edition = Edition.JIS2016
    also: Edition | None = None  # a further edition to judge by
    level: Level = Level.AA
    survey: bool = False  # check the conditions of the ministry's survey too


async def begin(database: Database, plan: Plan) -> int:
    """Write the rows of a new sweep; returns its id."""
    async with database.writing() as connection:
        return await write_rows(connection, plan)


async def write_rows(connection: AsyncConnection, plan: Plan) -> int:
    """The rows of a new sweep, in the caller's transaction; returns its id."""
    start = plan.scope.start
    await connection.execute(insert_new(connection, Site).values(address=start, created_at=now()))
    site_id = await connection.scalar(sa.select(Site.id).where(Site.address == start))
    drawn_anew = await redrawn(connection, site_id, plan.earlier_draw, plan.redraw, plan.stratify)
    seed = random.SystemRandom().randrange(2**32) if plan.seed is None else plan.seed
    sweep_id = await connection.scalar(
        sa.insert(Sweep)
        .values(
            **{"seed": seed, "draw_from": 0, "stratify": plan.stratify, **drawn_anew},
            site_id=site_id,
            state=SweepState.EXPLORING,
            method_asked=plan.method,
            edition=plan.edition,
            also=plan.also,
            level=plan.level,
            mic=mic.VERSION if plan.survey else None,
            pages_asked=plan.pages,
            random_asked=plan.at_random,
            traffic=[list(each) for each in plan.traffic],
            settings=plan.limits.as_row(),
            reader=READER,
            earlier_id=await _earlier(connection, site_id, plan),
            depth=0,
            viewport_width=VIEWPORT[0],
            viewport_height=VIEWPORT[1],
            locale=LOCALE,
            timezone=TIMEZONE,
            created_at=now(),
        )
        .returning(Sweep.id)
    )
    assert isinstance(sweep_id, int)
    rules: list[dict[str, Any]] = [
        *({"kind": ScopeKind.INCLUDE, "pattern": each, "reason": None} for each in plan.scope.includes),
        *(
            {"kind": ScopeKind.EXCLUDE, "pattern": each.pattern, "reason": each.reason}
            for each in plan.scope.exclusions
        ),
    ]
    if rules:
        await connection.execute(sa.insert(ScopeRule), [{"sweep_id": sweep_id, **rule} for rule in rules])
    await add_addresses(
        connection,
        await sweep_row(connection, sweep_id),
        (each for each in plan.seeds if each != start),
        found_by=FoundBy.SEED,
        depth=0,
    )
    return sweep_id


async def _earlier(connection: AsyncConnection, site_id: int | None, plan: Plan) -> int | None:
    """The last sweep that speaks for the site, when it met the site as this one does; None when nothing is to be carried.

    A survey's is the last survey, for another sweep has not checked the ministry's conditions.
    """
    if plan.limits.fresh:
        return None
    alike_in_kind = Sweep.mic.is_not(None) if plan.survey else Sweep.mic.is_(None)
    last = sa.select(Sweep).where(Sweep.site_id == site_id, SPEAKS, alike_in_kind)
    row = (await connection.execute(last.order_by(Sweep.id.desc()).limit(1))).mappings().first()
    if row is None or row["reader"] != READER:
        return None
    rules = await connection.execute(
        sa.select(ScopeRule.kind, ScopeRule.pattern).where(ScopeRule.sweep_id == row["id"]).order_by(ScopeRule.id)
    )
    scope = [(ScopeKind.INCLUDE, each) for each in plan.scope.includes]
    scope += [(ScopeKind.EXCLUDE, each.pattern) for each in plan.scope.exclusions]
    before = Limits.from_row(row["settings"])
    alike = all(getattr(before, name) == getattr(plan.limits, name) for name in ALIKE)
    return row["id"] if alike and [tuple(rule) for rule in rules] == scope else None


def _lost(sweep_id: int) -> tuple[Any, ...]:
    """The chosen pages of a sweep that were lost for a passing reason."""
    drawn = sa.exists().where(Draw.visit_id == Visit.id)
    state = Visit.state == VisitState.UNAUDITED
    return Visit.sweep_id == sweep_id, state, Visit.reason.in_(TRANSIENT), drawn


async def _reopen(work: Work) -> None:
    """Give the chosen pages of a finished sweep that were lost for a passing reason another try, where it can be had.

    The frame and the draw stay as they are: addresses that failed while exploring need a new sweep.
    """
    async with work.database.reading() as connection:
        if not await connection.scalar(sa.select(sa.exists().where(*_lost(work.sweep.id)))):
            return
    await judging_rules(work)  # what would refuse the sweep does so before its rows change
    async with work.database.writing() as connection:
        again = {"state": VisitState.SELECTED, "reason": None, "tries": 0}
        await connection.execute(sa.update(Visit).where(*_lost(work.sweep.id)).values(again))
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == work.sweep.id).values(state=SweepState.AUDITING, finished_at=None)
        )
        work.sweep = await sweep_row(connection, work.sweep.id)


async def run(
    database: Database, sweep_id: int, tools: Tools, stopping: asyncio.Event, *,
    until: SweepState = SweepState.FINISHED, again: bool = False, since: datetime | None = None, shared: bool = False,
) -> bool:  # fmt: skip
    """Take a sweep on from wherever it is; returns False when stopped before it reached `until`.

    When it is `shared` it is left once any process may audit its pages, see audits.fleet.

    `again` gives the pages that a finished sweep has lost another try. Who asks after `since`, by default from now on,
    that the sweep stop sets `stopping`. Raises UsageError when there is no such sweep, Held when another process runs it.
    """
    async with (
        held(database, sweep_id, alone=True),
        heeded(database, sweep_id, stopping, since or now()),
        running(database, sweep_id, tools, stopping) as work,
        Together() as beside,
    ):
        if SweepState.FINISHED is until is not work.sweep.state and not shared:
            beside.create_task(
                work.first_tab()
            )  # that there is no browser is said now, not after hours of exploring
        if again and work.sweep.state is SweepState.FINISHED:
            await _reopen(work)
        while work.sweep.state not in (until, SweepState.FINISHED):
            log.info("%s begins or goes on", work.sweep.state)
            if shared and work.sweep.state is SweepState.AUDITING:
                return await opened(work, await work.first_tab()) is not None
            if stopping.is_set() or not await STEPS[work.sweep.state](work):
                log.info("stopped while %s; its rows are kept", work.sweep.state)
                return False
            async with database.reading() as connection:
                work.sweep = await sweep_row(connection, sweep_id)
        if work.sweep.state is SweepState.FINISHED:
            await _take_in(database, sweep_id)
    return True


async def conclude_shared(database: Database, sweep_id: int) -> bool:
    """End a sweep whose pages all have their result; False when there are pages to be audited after all. Raises Held."""
    async with held(database, sweep_id):
        async with database.reading() as connection:
            sweep = await sweep_row(connection, sweep_id)
        if sweep.state is SweepState.AUDITING and (
            await stop_carrying(database, sweep) or not await finish(database, sweep_id)
        ):
            return False
        await _take_in(database, sweep_id)
    return True


async def _take_in(database: Database, sweep_id: int) -> None:
    """Let the defects and the trends of the site take in what a finished sweep saw, if it is to be trusted."""
    async with database.writing() as connection:
        sweep = await sweep_row(connection, sweep_id)
        if is_trusted(sweep):
            await reconcile(connection, sweep_id)
            await keep_points(connection, Sweep.site_id == sweep.site_id)
    log.info("finished")


@asynccontextmanager
async def held(database: Database, sweep_id: int, *, alone: bool = False) -> AsyncIterator[None]:
    """Hold the sweep's lease, renewed while the block runs.

    Raises Held when another process has it; with `alone` also when another sweep of the site is being run.
    """
    owner = this_process()

    async def hold(alone: bool = False) -> None:
        async with database.writing() as connection:
            sweep = await sweep_row(connection, sweep_id)
            if alone and not sweep.recheck:
                await _refuse_second(connection, sweep)
            holder = await hold_sweep(connection, sweep_id, owner)
        if holder is not None:
            raise Held(
                ja=f"スイープ {sweep_id} は別のプロセス（{holder}）が実行中です。",
                en=f"Sweep {sweep_id} is being run by another process ({holder}).",
            )

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW)
            await hold()

    await hold(alone)
    async with Together() as group:
        renewing = group.create_task(renew())
        try:
            with about(sweep=sweep_id):
                yield
        finally:
            renewing.cancel()
            async with database.writing() as connection:
                await release_sweep(connection, sweep_id, owner)


async def _refuse_second(connection: AsyncConnection, sweep: Sweep) -> None:
    """Raises Held when another sweep of the site is being run: together they would ask it twice as often as they may."""
    await connection.execute(sa.select(Site.id).where(Site.id == sweep.site_id).with_for_update())
    others = await held_sweeps(connection, Sweep.site_id == sweep.site_id, Sweep.id != sweep.id)
    if others:
        raise Held(
            ja=f"このサイトの別のスイープ {others[0].id} が実行中です。終わってから jisweep resume {sweep.id} で続けてください。",
            en=f"Another sweep of this site ({others[0].id}) is being run: when it has ended, "
            f"jisweep resume {sweep.id} goes on.",
        )


@asynccontextmanager
async def heeded(
    database: Database, sweep_id: int, stopping: asyncio.Event, since: datetime
) -> AsyncIterator[None]:
    """Set `stopping` when somebody asks in the rows, after `since`, for the sweep to stop while the block runs."""

    over = asyncio.Event()

    async def heed() -> None:
        while not (over.is_set() or stopping.is_set()):
            async with database.reading() as connection:
                asked = await connection.scalar(sa.select(Sweep.stop_asked_at).where(Sweep.id == sweep_id))
            if asked is not None and asked > since:
                stopping.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), HEED)

    async with Together() as group:
        group.create_task(heed())
        try:
            yield
        finally:
            over.set()


async def _choose(work: Work) -> bool:
    async with work.database.writing() as connection:
        await choose(connection, work.sweep, work.scope.start)
    return True


STEPS = {SweepState.EXPLORING: explore_site, SweepState.CHOOSING: _choose, SweepState.AUDITING: audit_chosen}
