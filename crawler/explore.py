"""Exploring: from the start address to every address of the site, level by level, each asked for once.

A level is let through in the order of the addresses before any of it is asked for, by what the levels before it
brought: slice by slice, each in one transaction. What is let through bears no mark of it, and what is not let through
has no say in what comes after it; so a level that was broken off is let through again from its beginning, with the
same outcome. Limits fall on the same addresses however the requests overlap and wherever a run is broken off.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import origin_of, pattern_of
from crawler.asking import ask_level
from crawler.census import GROWTH, query_patterns
from crawler.cookies import mark_behind_cookie
from crawler.counters import counted_twins, mark_counted
from crawler.discovery import add_listed, begin_exploring
from crawler.exploration import Exploration, note_given_up, note_pace, note_unread_links
from crawler.frontier import (
    Waiting,
    bring_up,
    count_asked,
    end_all_waiting,
    end_visit,
    postpone,
    release_unproven,
    slices,
    waiting,
    waiting_order,
)
from crawler.identity import mark_duplicates
from crawler.left_behind import add_left_behind, end_left_behind
from crawler.links import mark_linked
from crawler.loops import mark_loops
from crawler.missing import mark_soft_not_found
from crawler.rendering import render_level, render_undecided
from crawler.scope import matches
from crawler.unsafe import acts
from crawler.walls import mark_behind_script, mark_walled
from db.database import Database
from db.tables import Sweep, Visit
from db.types import now
from db.words import FoundBy, Reason, SweepState


async def explore(exploration: Exploration) -> bool:
    """Ask for every address until none is left; returns False when stopped before that.

    Addresses end as explored (part of the frame) or unaudited with a reason; the sweep moves on to choosing.
    """
    with exploration.elsewhere:
        return await _explore(exploration)


async def _explore(exploration: Exploration) -> bool:
    sweep, database = exploration.sweep, exploration.database
    ends = time.monotonic() + exploration.limits.seconds
    exploration.fetcher.wait_until(lambda: exploration.is_over(ends))
    depth = await _depth(database, sweep.id)
    await exploration.robots_of(exploration.scope.start)
    exploration.met.update(exploration.scope.origins)
    await note_pace(database, sweep.id, exploration.robots)
    if depth == 0:
        await begin_exploring(exploration)
        await _let_through(exploration, 0)
    while True:
        if not await ask_level(exploration, depth, ends):
            return False
        await mark_walled(exploration, Visit.depth == depth)
        if not await render_level(exploration, depth, ends):
            return False
        if not await mark_counted(exploration, depth, ends):
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
            await add_left_behind(exploration, depth)
            if not await _let_through(exploration, depth):
                break
    if exploration.is_over(ends):
        await add_left_behind(exploration, depth)
    if not await render_undecided(exploration, ends):
        return False
    await mark_walled(exploration)
    async with database.writing() as connection:
        await mark_behind_cookie(connection, sweep.id)
        await mark_behind_script(connection, sweep.id)
    await mark_soft_not_found(exploration, ends)
    counted = await counted_twins(exploration, ends)
    if counted is None:
        return False
    exploration.fetcher.wait_until(lambda: False)
    await note_given_up(database, sweep.id, exploration.fetcher)
    async with database.writing() as connection:
        await end_all_waiting(connection, sweep.id, Reason.TIME_LIMIT)
        await end_left_behind(connection, sweep.id)
        await mark_linked(connection, sweep.id)
        await mark_loops(connection, sweep.id)
        await mark_duplicates(connection, sweep.id, exploration.scope.start, counted)
        await note_unread_links(connection, sweep.id)
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep.id).values(state=SweepState.CHOOSING, explored_at=now())
        )
    return True


async def _let_through(exploration: Exploration, depth: int) -> bool:
    """Decide which addresses of a level are asked for; returns whether the level has any address at all.

    Of a pattern that has not shown yet what it brings, and of a parameter that may make no other page of a known one,
    only some are let through; the others wait for the next level.
    """
    sweep, database = exploration.sweep, exploration.database
    async with database.reading() as connection:
        await exploration.census.read(connection, depth - 1)
    async with database.writing() as connection:
        await release_unproven(connection, sweep.id, depth)
        order = await waiting_order(connection, sweep.id, depth)
        budget = exploration.limits.addresses - await count_asked(connection, sweep.id, depth)
    if not order:
        return False
    level = _Level(depth=depth, budget=budget)
    for some in slices(order):
        async with database.reading() as connection:
            addresses = await waiting(connection, some)
        await _meet_origins(exploration, addresses, depth)
        async with database.writing() as connection:
            await _decide(connection, exploration, addresses, level)
    await note_pace(database, sweep.id, exploration.robots)
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(depth=depth))
    return True


async def _meet_origins(exploration: Exploration, addresses: list[Waiting], depth: int) -> None:
    """Read the robots.txt of each origin among some addresses, and of those in scope that are new the sitemaps."""
    for origin in dict.fromkeys(origin_of(each.address) for each in addresses):
        await exploration.robots_of(origin)
    leads = (
        each for each in addresses if each.found_by is not FoundBy.EARLIER
    )  # what is left behind brings nothing
    inside = (each.address for each in leads if exploration.scope.judge(each.address).reason is None)
    for origin in dict.fromkeys(map(origin_of, inside)):
        if origin not in exploration.met:
            exploration.met.add(origin)
            await add_listed(exploration, origin, depth + 1)


@dataclass(kw_only=True)
class _Level:
    """What was let through of a level so far."""

    depth: int
    budget: int  # addresses that still may be
    begun: Counter[str] = field(default_factory=Counter)  # addresses that were, by pattern and by form of query
    tried: Counter[str] = field(default_factory=Counter)  # of these what may be a known page, by parameter


async def _decide(
    connection: AsyncConnection, exploration: Exploration, addresses: list[Waiting], level: _Level
) -> None:
    """Let some addresses of a level through, end others, and leave others for the next level."""
    census = exploration.census
    explored = await census.explored(connection, [each.address for each in addresses])
    postponed: list[int] = []
    for each in addresses:
        untried = census.untried(each.address, explored)
        reason, detail = await _refusal(exploration, each, level)
        if reason is not None:
            await end_visit(connection, each.visit, reason, detail)
        elif _has_to_wait(exploration, each.address, untried, level):
            postponed.append(each.visit)
        elif (twin := census.same_page(each.address, each.page, explored)) is not None:
            address, page = twin
            why = "its parameters make no difference on this site"
            await end_visit(connection, each.visit, Reason.DUPLICATE, f"{address} ({why})", leads_to_id=page)
        else:
            level.budget -= 1
            level.begun.update({pattern_of(each.address), *query_patterns(each.address)})
            level.tried.update([untried] if untried else [])
    await postpone(connection, postponed, level.depth + 1)


async def _refusal(exploration: Exploration, each: Waiting, level: _Level) -> tuple[Reason | None, str]:
    verdict = exploration.scope.judge(each.address)
    if verdict.reason is not None:
        return verdict.reason, verdict.detail
    robots = await exploration.robots_of(each.address)
    if not robots.allows(each.address):
        return robots.reason, ""
    act = acts(each.address)
    if act is not None and each.found_by is not FoundBy.START:
        return Reason.UNSAFE, act
    if each.depth > exploration.limits.depth and each.found_by is not FoundBy.EARLIER:  # no link counts there
        return Reason.DEPTH_LIMIT, ""
    if not _widened(exploration, each.address):
        trap = exploration.census.trap(each.address, each.page, each.found_by)
        if trap is not None:
            return Reason.TRAP, trap
        for pattern, most in zip(query_patterns(each.address), exploration.limits.of_patterns, strict=False):
            if exploration.census.asked(pattern) >= _budget(exploration, pattern, most):
                return Reason.PATTERN_LIMIT, pattern
    if level.budget <= 0:
        return Reason.PAGE_LIMIT, ""
    return None, ""


def _widened(exploration: Exploration, address: str) -> bool:
    return any(matches(pattern, address) for pattern in exploration.limits.widen)


def _budget(exploration: Exploration, pattern: str, most: int) -> int:
    """How many addresses of a form of query are asked for, as far as is known: it grows with the items that it brings."""
    return max(most, GROWTH * exploration.census.items(pattern))


def _has_to_wait(exploration: Exploration, address: str, untried: str | None, level: _Level) -> bool:
    """Whether so many of its kind were let through that what they bring has to be known first."""
    census = exploration.census
    if _widened(exploration, address):
        return False
    pattern = pattern_of(address)
    if level.begun[pattern] >= census.allowance(pattern):
        return True
    if untried is not None and level.tried[untried] >= census.tries(untried):
        return True
    budgets = zip(query_patterns(address), exploration.limits.of_patterns, strict=False)
    return any(census.asked(each) + level.begun[each] >= _budget(exploration, each, most) for each, most in budgets)


async def _depth(database: Database, sweep_id: int) -> int:
    async with database.reading() as connection:
        depth = await connection.scalar(sa.select(Sweep.depth).where(Sweep.id == sweep_id))
    return depth or 0
