"""Exploring: from the start address to every address of the site, level by level, each asked for once.

A level is let through in one transaction, in the order of the addresses, before any of it is asked for. So
limits fall on the same addresses however the requests overlap and wherever a run is broken off and resumed.
"""

import time

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import origin_of, pattern_of
from crawler.asking import ask_level
from crawler.discovery import begin_exploring
from crawler.exploration import Exploration, note_given_up, note_pace
from crawler.frontier import (
    REFUSED_UNASKED,
    Waiting,
    count_asked,
    end_all_waiting,
    end_visit,
    waiting,
)
from crawler.rendering import render_level
from crawler.twins import mark_loops, mark_twins
from db.database import Database
from db.tables import Page, Sweep, Visit
from db.types import now
from db.words import Reason, SweepState, VisitState


async def explore(exploration: Exploration) -> bool:
    """Ask for every address until none is left; returns False when stopped before that.

    Addresses end as explored (part of the frame) or unaudited with a reason; the sweep moves on to choosing.
    """
    sweep, database = exploration.sweep, exploration.database
    ends = time.monotonic() + exploration.limits.seconds
    exploration.fetcher.wait_until(lambda: exploration.is_over(ends))
    depth = await _depth(database, sweep.id)
    await exploration.robots_of(exploration.scope.start)
    await note_pace(database, sweep.id, exploration.robots)
    if depth == 0:
        await begin_exploring(exploration)
        await _let_through(exploration, 0)
    while True:
        if not await ask_level(exploration, depth, ends):
            return False
        if not await render_level(exploration, depth, ends):
            return False
        if exploration.is_over(ends):
            break
        depth += 1
        if not await _let_through(exploration, depth):
            break
    exploration.fetcher.wait_until(lambda: False)
    await note_given_up(database, sweep.id, exploration.fetcher)
    async with database.writing() as connection:
        await end_all_waiting(connection, sweep.id, Reason.TIME_LIMIT)
        await mark_loops(connection, sweep.id)
        await mark_twins(connection, sweep.id, exploration.scope.start)
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep.id).values(state=SweepState.CHOOSING, explored_at=now())
        )
    return True


async def _let_through(exploration: Exploration, depth: int) -> bool:
    """Decide which addresses of a level are asked for; returns whether the level has any address at all."""
    sweep = exploration.sweep
    async with exploration.database.reading() as connection:
        level = await waiting(connection, sweep.id, depth)
    if not level:
        return False
    for origin in {origin_of(each.address) for each in level}:
        await exploration.robots_of(origin)
    await note_pace(exploration.database, sweep.id, exploration.robots)
    async with exploration.database.writing() as connection:
        budget = exploration.limits.addresses - await count_asked(connection, sweep.id, depth)
        patterns = await _pattern_counts(connection, sweep.id)
        for each in level:
            reason, detail = await _refusal(exploration, each, budget, patterns)
            if reason is None:
                budget -= 1
                patterns[pattern_of(each.address)] = patterns.get(pattern_of(each.address), 0) + 1
            else:
                await end_visit(connection, each.visit, reason, detail)
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(depth=depth))
    return True


async def _refusal(
    exploration: Exploration, each: Waiting, budget: int, patterns: dict[str, int]
) -> tuple[Reason | None, str]:
    verdict = exploration.scope.judge(each.address)
    if verdict.reason is not None:
        return verdict.reason, verdict.detail
    robots = await exploration.robots_of(each.address)
    if not robots.allows(each.address):
        return robots.reason, ""
    if each.depth > exploration.limits.depth:
        return Reason.DEPTH_LIMIT, ""
    if "?" in each.address and patterns.get(pattern_of(each.address), 0) >= exploration.limits.pattern:
        return Reason.PATTERN_LIMIT, pattern_of(each.address)
    if budget <= 0:
        return Reason.PAGE_LIMIT, ""
    return None, ""


async def _pattern_counts(connection: AsyncConnection, sweep_id: int) -> dict[str, int]:
    """How many addresses with a query were let through so far, by pattern."""
    counts: dict[str, int] = {}
    rows = await connection.stream_scalars(
        sa.select(Page.address)
        .join(Visit, Visit.page_id == Page.id)
        .where(
            Visit.sweep_id == sweep_id,
            Visit.state != VisitState.FOUND,
            sa.or_(Visit.reason.is_(None), Visit.reason.not_in(REFUSED_UNASKED)),
            Page.address.contains("?"),
        )
    )
    async for address in rows:
        counts[pattern_of(address)] = counts.get(pattern_of(address), 0) + 1
    return counts


async def _depth(database: Database, sweep_id: int) -> int:
    async with database.reading() as connection:
        depth = await connection.scalar(sa.select(Sweep.depth).where(Sweep.id == sweep_id))
    return depth or 0
