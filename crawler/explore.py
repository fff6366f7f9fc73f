"""Exploring: from the start address to every address of the site, level by level, each asked for once.

A level is let through in one transaction, in the order of the addresses, before any of it is asked for. So
limits fall on the same addresses however the requests overlap and wherever a run is broken off and resumed.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import document as html
from crawler import robots as robotstxt
from crawler import shape, sitemaps
from crawler.address import canonical, host_of, origin_of, pattern_of
from crawler.browser import PageLost
from crawler.fetch import Answer, Fetcher
from crawler.frontier import (
    Waiting,
    add_addresses,
    count_asked,
    end_all_waiting,
    end_visit,
    page_id,
    render_evidence,
    scripted,
    waiting,
)
from crawler.kinds import kinds_of
from crawler.limits import Limits
from crawler.scope import Scope
from crawler.together import Together
from crawler.twins import mark_loops, mark_twins
from db.database import Database
from db.tables import Page, Sweep, Visit
from db.types import now
from db.words import FoundBy, Reason, SweepState, VisitState

TRIED = 2  # pages with the same scripts that are rendered before the evidence counts
SITEMAP_FILES = 1000  # at most, of one site
BATCH = 500  # addresses taken from the frontier at one time

Renderer = Callable[[str], Awaitable[tuple[str, ...]]]  # links of a page as the browser shows it


@dataclass(kw_only=True)
class Exploration:
    """Everything that exploring one sweep needs."""

    database: Database
    sweep: Sweep
    scope: Scope
    limits: Limits
    fetcher: Fetcher
    render: Renderer
    stopping: asyncio.Event
    robots: dict[str, robotstxt.Robots] = field(default_factory=dict)  # by origin


async def explore(exploration: Exploration) -> bool:
    """Ask for every address until none is left; returns False when stopped before that.

    Addresses end as explored (part of the frame) or unaudited with a reason; the sweep moves on to choosing.
    """
    sweep, database = exploration.sweep, exploration.database
    ends = time.monotonic() + exploration.limits.seconds
    await _begin(exploration)
    depth = await _depth(database, sweep.id)
    while True:
        if not await _ask_level(exploration, depth, ends):
            return False
        if not await _render_level(exploration, depth, ends):
            return False
        if time.monotonic() > ends:
            break
        depth += 1
        if not await _let_through(exploration, depth):
            break
    async with database.writing() as connection:
        await end_all_waiting(connection, sweep.id, Reason.TIME_LIMIT)
        await mark_loops(connection, sweep.id)
        await mark_twins(connection, sweep.id)
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep.id).values(state=SweepState.CHOOSING, explored_at=now())
        )
    return True


async def robots_of(exploration: Exploration, address: str) -> robotstxt.Robots:
    """The robots.txt that speaks for an address, asked for once (RFC 9309 2.3)."""
    origin = origin_of(address)
    if origin not in exploration.robots:
        answer = await follow(exploration.fetcher, f"{origin}/robots.txt")
        exploration.robots[origin] = robotstxt.Robots.from_answer(
            answer.status, answer.body, exploration.fetcher.manners.product
        )
        delay = exploration.robots[origin].crawl_delay
        if delay:
            exploration.fetcher.set_delay(host_of(address), delay)
    return exploration.robots[origin]


async def _begin(exploration: Exploration) -> None:
    """Start address and sitemaps; doing it again after a break adds nothing twice."""
    start = exploration.scope.start
    robots = await robots_of(exploration, start)
    if await _depth(exploration.database, exploration.sweep.id) > 0:
        return
    async with exploration.database.writing() as connection:
        await add_addresses(connection, exploration.sweep, [start], found_by=FoundBy.START, depth=0)
    declared = robots.sitemaps or (f"{origin_of(start)}/sitemap.xml",)
    async for addresses in _sitemap_addresses(exploration, declared):
        async with exploration.database.writing() as connection:
            await add_addresses(
                connection, exploration.sweep, addresses,
                found_by=FoundBy.SITEMAP, depth=1, in_sitemap=True,
            )  # fmt: skip


async def _sitemap_addresses(
    exploration: Exploration, declared: tuple[str, ...]
) -> AsyncIterator[list[str]]:
    """The addresses of the site in its sitemaps, file by file; what could not be read is noted."""
    queue = [address for each in declared if (address := canonical(each))]
    seen: set[str] = set()
    while queue:
        address = queue.pop(0)
        if address in seen:
            continue
        if len(seen) == SITEMAP_FILES:
            await _note(exploration, address, f"more than {SITEMAP_FILES} sitemap files: the rest was not read")
            return
        seen.add(address)
        answer = await follow(exploration.fetcher, address)
        if answer.failure is not None or answer.status != 200:
            if answer.status not in (404, 410) or declared:
                await _note(exploration, address, str(answer.failure or f"HTTP {answer.status}"))
            continue
        sitemap = sitemaps.parse(answer.body, answer.address)
        for problem in sitemap.problems:
            await _note(exploration, address, problem)
        queue.extend(sitemap.children)
        yield [each for each in sitemap.pages if _counts(exploration.scope, each)]


async def _note(exploration: Exploration, address: str, said: str) -> None:
    """Keep with the sweep what a sitemap did not give, once."""
    note = {"about": "sitemap", "address": address, "said": said}
    async with exploration.database.writing() as connection:
        notes = await connection.scalar(sa.select(Sweep.notes).where(Sweep.id == exploration.sweep.id)) or []
        if note not in notes:
            await connection.execute(
                sa.update(Sweep).where(Sweep.id == exploration.sweep.id).values(notes=[*notes, note])
            )


async def follow(fetcher: Fetcher, address: str) -> Answer:
    """The answer after at most five redirects, as RFC 9309 2.3.1.2 asks for robots.txt."""
    answer = await fetcher.get(address, accept_any=True)
    for _ in range(5):
        if answer.location is None:
            break
        answer = await fetcher.get(answer.location, accept_any=True)
    return answer


def _counts(scope: Scope, address: str) -> bool:
    """Whether an address is kept in the inventory: inside, or left out for a reason that must show."""
    return scope.judge(address).reason is not Reason.OUT_OF_SCOPE


async def _depth(database: Database, sweep_id: int) -> int:
    async with database.reading() as connection:
        depth = await connection.scalar(sa.select(Sweep.depth).where(Sweep.id == sweep_id))
    return depth or 0


async def _let_through(exploration: Exploration, depth: int) -> bool:
    """Decide which addresses of a level are asked for; returns whether the level has any address at all."""
    sweep = exploration.sweep
    async with exploration.database.reading() as connection:
        level = await waiting(connection, sweep.id, depth)
    if not level:
        return False
    for origin in {origin_of(each.address) for each in level}:
        await robots_of(exploration, origin)
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
    robots = await robots_of(exploration, each.address)
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
            sa.or_(Visit.reason.is_(None), Visit.reason != Reason.PATTERN_LIMIT),
            Page.address.contains("?"),
        )
    )
    async for address in rows:
        counts[pattern_of(address)] = counts.get(pattern_of(address), 0) + 1
    return counts


async def _ask_level(exploration: Exploration, depth: int, ends: float) -> bool:
    """Ask for all addresses of a level; returns False when stopped before the last."""
    while True:
        if exploration.stopping.is_set():
            return False
        if time.monotonic() > ends:
            return True
        async with exploration.database.reading() as connection:
            batch = await waiting(connection, exploration.sweep.id, depth, BATCH)
        if not batch:
            return True
        queue = iter(batch)
        async with Together() as workers:
            for _ in range(exploration.limits.per_host):
                workers.create_task(_ask(exploration, queue, ends))


async def _ask(exploration: Exploration, queue: Iterator[Waiting], ends: float) -> None:
    for each in queue:
        if exploration.stopping.is_set() or time.monotonic() > ends:
            return
        answer = await exploration.fetcher.get(each.address)
        await _record(exploration, each, answer)


async def _record(exploration: Exploration, each: Waiting, answer: Answer) -> None:
    """Commit what one address answered, together with the addresses that it leads to."""
    facts: dict[str, Any] = {
        "http_status": answer.status,
        "content_type": answer.content_type,
        "size": len(answer.body),
    }
    if answer.location is not None:
        await _record_redirect(exploration, each, answer.location, facts)
        return
    refused = refusal_of(answer)
    if refused is not None:
        async with exploration.database.writing() as connection:
            await end_visit(connection, each.visit, refused, answer.detail, **facts)
        return
    document = html.read(answer.body, answer.content_type, answer.address)
    links = [link for link in document.links if _counts(exploration.scope, link)]
    facts |= {
        "body_digest": hashlib.sha256(answer.body).hexdigest(),
        "title": document.title[:500],
        "kinds": kinds_of(each.address, document),
        "shape": shape.pack(document.shape),
        "script_key": document.script_key or None,
        "closed_roots": document.closed_roots,
    }
    async with exploration.database.writing() as connection:
        await add_addresses(
            connection, exploration.sweep, links,
            found_by=FoundBy.LINK, depth=each.depth + 1, found_on=each.page,
        )  # fmt: skip
        await connection.execute(
            sa.update(Visit).where(Visit.id == each.visit).values(state=VisitState.EXPLORED, **facts)
        )


async def _render_level(exploration: Exploration, depth: int, ends: float) -> bool:
    """Read links in the browser where the evidence asks for it; returns False when stopped before the last.

    Pages with the same scripts are tried twice; where no try found a new address, the others are passed over.
    One after the other in the order of addresses: what is tried does not depend on timing or breaks.
    """
    async with exploration.database.reading() as connection:
        candidates = await scripted(connection, exploration.sweep.id, depth)
    for each, key in candidates:
        if exploration.stopping.is_set():
            return False
        if time.monotonic() > ends:
            return True
        async with exploration.database.reading() as connection:
            tried, gained = await render_evidence(connection, exploration.sweep.id, key)
        if gained or tried < TRIED:
            await _render(exploration, each)
    return True


async def _render(exploration: Exploration, each: Waiting) -> None:
    """Add the links that only the browser shows. A page that cannot be shown gets no result: we know why."""
    try:
        shown = await exploration.render(each.address)
    except PageLost as lost:
        async with exploration.database.writing() as connection:
            await end_visit(connection, each.visit, lost.reason, lost.detail, rendered=True)
        return
    async with exploration.database.writing() as connection:
        await add_addresses(
            connection, exploration.sweep, [link for link in shown if _counts(exploration.scope, link)],
            found_by=FoundBy.RENDERED, depth=each.depth + 1, found_on=each.page,
        )  # fmt: skip
        await connection.execute(sa.update(Visit).where(Visit.id == each.visit).values(rendered=True))


async def _record_redirect(exploration: Exploration, each: Waiting, location: str, facts: dict[str, Any]) -> None:
    async with exploration.database.writing() as connection:
        if not _counts(exploration.scope, location):
            await end_visit(connection, each.visit, Reason.REDIRECT_OUT, location, **facts)
            return
        await add_addresses(
            connection, exploration.sweep, [location],
            found_by=FoundBy.REDIRECT, depth=each.depth + 1, found_on=each.page,
        )  # fmt: skip
        target = await page_id(connection, exploration.sweep.site_id, location)
        await end_visit(connection, each.visit, Reason.REDIRECT, location, leads_to_id=target, **facts)


def refusal_of(answer: Answer) -> Reason | None:
    """Why an answer is no page to audit; None when it is one."""
    if answer.failure is not None:
        return answer.failure
    status = answer.status or 0
    if status in (404, 410):
        return Reason.NOT_FOUND
    if status in (401, 403, 407, 429, 451):
        return Reason.BLOCKED
    if status >= 500:
        return Reason.SERVER_ERROR
    if status >= 400 or status < 200 or status >= 300:
        return Reason.CLIENT_ERROR
    if not answer.is_html:
        return Reason.NOT_HTML
    if not answer.body.strip():
        return Reason.EMPTY
    return None
