"""Exploring: from the start address to every address of the site, level by level, each asked for once.

A level is let through in one transaction, in the order of the addresses, before any of it is asked for. So
limits fall on the same addresses however the requests overlap and wherever a run is broken off and resumed.
"""

import time
from collections import Counter

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import origin_of, pattern_of
from crawler.asking import ask_level
from crawler.census import GROWTH
from crawler.discovery import begin_exploring
from crawler.exploration import Exploration, note_given_up, note_pace
from crawler.frontier import (
    REFUSED_UNASKED,
    Waiting,
    bring_up,
    count_asked,
    end_all_waiting,
    end_visit,
    postpone,
    release_unproven,
    waiting,
)
from crawler.identity import mark_duplicates
from crawler.links import mark_linked
from crawler.loops import mark_loops
from crawler.missing import mark_soft_not_found
from crawler.rendering import render_level, render_undecided
from crawler.scope import matches
from crawler.unsafe import acts
from db.database import Database
from db.tables import Page, Sweep, Visit
from db.types import now
from db.words import FoundBy, Reason, SweepState, VisitState


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
        if await _let_through(exploration, depth):
            continue
        if not await render_undecided(exploration, ends):
            return False
        async with database.writing() as connection:
            await bring_up(connection, sweep.id, depth)  # what the browser showed there is asked for like all else
        if not await _let_through(exploration, depth):
            break
    if not await render_undecided(exploration, ends):
        return False
    await mark_soft_not_found(exploration)
    exploration.fetcher.wait_until(lambda: False)
    await note_given_up(database, sweep.id, exploration.fetcher)
    async with database.writing() as connection:
        await end_all_waiting(connection, sweep.id, Reason.TIME_LIMIT)
        await mark_linked(connection, sweep.id)
        await mark_loops(connection, sweep.id)
        await mark_duplicates(connection, sweep.id, exploration.scope.start)
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep.id).values(state=SweepState.CHOOSING, explored_at=now())
        )
    return True


async def _let_through(exploration: Exploration, depth: int) -> bool:
    """Decide which addresses of a level are asked for; returns whether the level has any address at all.

    Of a pattern that has not shown yet what it brings only some are let through; the others wait for the next level.
    """
    sweep, census = exploration.sweep, exploration.census
    async with exploration.database.writing() as connection:
        await census.read(connection, depth - 1)
        await release_unproven(connection, sweep.id, depth)
        level = await waiting(connection, sweep.id, depth)
    if not level:
        return False
    for origin in {origin_of(each.address) for each in level}:
        await exploration.robots_of(origin)
    await note_pace(exploration.database, sweep.id, exploration.robots)
    async with exploration.database.writing() as connection:
        budget = exploration.limits.addresses - await count_asked(connection, sweep.id, depth)
        asked = await _asked_by_pattern(connection, sweep.id)
        begun: Counter[str] = Counter()  # of this level, by pattern
        postponed: list[int] = []
        for each in level:
            reason, detail = await _refusal(exploration, each, budget, asked)
            pattern = pattern_of(each.address)
            if reason is not None:
                await end_visit(connection, each.visit, reason, detail)
            elif (twin := census.same_page(each.address, each.page)) is not None:
                address, page = twin
                why = "its parameters make no difference on this site"
                await end_visit(connection, each.visit, Reason.DUPLICATE, f"{address} ({why})", leads_to_id=page)
            elif begun[pattern] >= census.allowance(pattern) and not _widened(exploration, each.address):
                postponed.append(each.visit)
            else:
                budget -= 1
                begun[pattern] += 1
                asked.update(_query_patterns(each.address))
        await postpone(connection, postponed, depth + 1)
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(depth=depth))
    return True


async def _refusal(
    exploration: Exploration, each: Waiting, budget: int, asked: Counter[str]
) -> tuple[Reason | None, str]:
    verdict = exploration.scope.judge(each.address)
    if verdict.reason is not None:
        return verdict.reason, verdict.detail
    robots = await exploration.robots_of(each.address)
    if not robots.allows(each.address):
        return robots.reason, ""
    act = acts(each.address)
    if act is not None and each.found_by is not FoundBy.START:
        return Reason.UNSAFE, act
    if each.depth > exploration.limits.depth:
        return Reason.DEPTH_LIMIT, ""
    if not _widened(exploration, each.address):
        trap = exploration.census.trap(each.address, each.page, each.found_by)
        if trap is not None:
            return Reason.TRAP, trap
        for pattern, most in zip(_query_patterns(each.address), exploration.limits.of_patterns, strict=False):
            if asked[pattern] >= max(most, GROWTH * _details(exploration, pattern)):
                return Reason.PATTERN_LIMIT, pattern
    if budget <= 0:
        return Reason.PAGE_LIMIT, ""
    return None, ""


def _widened(exploration: Exploration, address: str) -> bool:
    return any(matches(pattern, address) for pattern in exploration.limits.widen)


def _details(exploration: Exploration, pattern: str) -> int:
    """Pages with a text of their own under one parameter: an item each. Of several, combinations are endless."""
    return exploration.census.proven(pattern) if "&" not in pattern else 0


def _query_patterns(address: str) -> tuple[str, ...]:
    """What budgets of a query space count by: path and names of parameters, and the path with any of them."""
    if "?" not in address:
        return ()
    pattern = pattern_of(address)
    return (pattern, f"{pattern.partition('?')[0]}?…") if "&" in pattern else (pattern,)


async def _asked_by_pattern(connection: AsyncConnection, sweep_id: int) -> Counter[str]:
    """How many addresses with a query were let through so far, by what budgets count by."""
    asked: Counter[str] = Counter()
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
        asked.update(_query_patterns(address))
    return asked


async def _depth(database: Database, sweep_id: int) -> int:
    async with database.reading() as connection:
        depth = await connection.scalar(sa.select(Sweep.depth).where(Sweep.id == sweep_id))
    return depth or 0
