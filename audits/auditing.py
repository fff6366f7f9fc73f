"""Auditing the chosen pages of a sweep: a few browsers side by side, each page claimed, audited, kept."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.bearings import about
from audits.carry import carry_unchanged, stop_carrying
from audits.conclude import sweep_row
from audits.engine import NAME, FramedAxe, RuleSet, rule_set
from audits.evidence import Evidence
from audits.guest import asking
from audits.one_for_all import refuse_one_for_all, refuse_stranger
from audits.page import Pictures, Target, audit_page
from audits.record import SCRIPT_ONLY, Overtaken, keep_audit, keep_failure
from audits.trust import judge
from audits.work import Work
from crawler.address import origin_of
from crawler.browser import PageLost, Tab
from crawler.document import READER
from crawler.exploration import note_given_up, note_pace, robots_of
from crawler.frontier import ROWS
from crawler.notes import add_note
from crawler.politeness import Stopped
from crawler.replace import replace_gone
from crawler.together import Together
from crawler.unsafe import acts
from db.database import Database
from db.errors import StorageError, UsageError
from db.leases import LEASE, claim_visits, dead_owners, release_visits, renew_visits, this_process
from db.pictures.belonging import takes_pictures
from db.pictures.rows import adding
from db.tables import Defect, Finding, Page, Result, Sweep, Visit
from db.types import now
from db.words import GONE, About, Method, Reason, SweepState, VisitState

IDLE = 0.2  # seconds until a worker without work looks again
WORTH_A_TAB = 3  # pages for which a browser of its own is started
AT_ONCE = 8  # visits that are claimed in one transaction
RENEW = 60.0  # seconds between renewals of a visit's lease
AGAIN = 1.0  # seconds until it is tried again to give visits back

log = logging.getLogger(__name__)


async def audit_chosen(work: Work) -> bool:
    """Audit the selected pages with a few browsers side by side; returns False when stopped before the last."""
    tab = await work.first_tab()
    yardstick = await opened(work, tab)
    if yardstick is None:
        return False
    while True:
        async with Together() as group:
            group.create_task(_audit_pages(work, yardstick, tab))
            for _ in range(min(work.tools.workers, await left(work) // WORTH_A_TAB) - 1):
                group.create_task(_audit_pages_in_new_tab(work, yardstick))
        await note_given_up(work.database, work.sweep.id, work.fetcher)
        if work.stopping.is_set() and await left(work):
            return False
        if not await stop_carrying(work.database, work.sweep):
            break
    await finish(work.database, work.sweep.id)
    return True


async def opened(work: Work, tab: Tab) -> "Yardstick | None":
    """Have the sweep's pages ready to be audited: its rules kept, and what is carried decided. None when stopped before.

    For whoever holds the sweep. Raises UsageError when it was begun with other rules, and BrowserMissing.
    """
    rules = await judging_rules(work, tab)
    async with work.database.reading() as connection:
        work.sweep = await sweep_row(connection, work.sweep.id)
    try:
        await carry_unchanged(work)
        return await joined(work, rules)
    except Stopped:
        return None


async def joined(work: Work, rules: RuleSet) -> "Yardstick":
    """What it takes to audit pages of a sweep that is open for it. Raises Stopped."""
    await _keep_delays(work)
    return Yardstick(
        axe=FramedAxe(work.tools.engine, rules, survey=work.sweep.mic is not None),
        pictures=Pictures(whole_pages=work.sweep.method is not Method.ALL, faults=await _pictured(work)),
        dead=await dead_owners(work.database, work.sweep.id),
        evidence=Evidence(work),
    )


async def finish(database: Database, sweep_id: int) -> bool:
    """End a sweep whose pages all have their result, if this process holds it; returns whether it did."""
    waiting = sa.exists().where(Visit.sweep_id == sweep_id, Visit.state == VisitState.SELECTED)
    mine = Sweep.id == sweep_id, Sweep.state == SweepState.AUDITING, Sweep.lease_owner == this_process()
    async with database.writing() as connection:
        ended = await connection.execute(
            sa.update(Sweep).where(*mine, ~waiting).values(state=SweepState.FINISHED, finished_at=now())
        )
        if ended.rowcount and not await connection.scalar(sa.select(Sweep.recheck).where(Sweep.id == sweep_id)):
            await judge(connection, sweep_id)
    return bool(ended.rowcount)


async def judging_rules(work: Work, tab: Tab | None = None) -> RuleSet:
    """The rules that the sweep is judged by, kept with it; another rule set than it was begun with is refused.

    Raises UsageError, and BrowserMissing when there is no browser to ask the engine in.
    """
    tab = tab or await work.first_tab()
    rules = await rule_set(tab, work.tools.engine, work.sweep.edition, work.sweep.level, work.sweep.also)
    await _keep_rule_set(work, rules, f"Chromium {tab.version}")
    return rules


def unlike_reader(sweep: Sweep) -> UsageError | None:
    """Why this program must not go on with a sweep whose pages another release reads otherwise; None when it may."""
    if sweep.reader in (0, READER):
        return None
    return UsageError(
        ja=f"スイープ {sweep.id} は、ページの読み方が違う版（{sweep.reader}）の jisweep で始めました。今の版は {READER} です。"
        "一つのスイープに二つは混ぜられません。新しいスイープを始めてください。",
        en=f"Sweep {sweep.id} was begun by a jisweep that reads pages in another way ({sweep.reader}); it is now {READER}. "
        "One sweep never mixes two: begin a new sweep.",
    )


async def _keep_delays(work: Work) -> None:
    """Keep the crawl-delays that the hosts ask for, also when another process has explored them."""
    async with work.database.reading() as connection:
        addresses = await connection.scalars(
            sa.select(Page.address)
            .join(Visit, Visit.page_id == Page.id)
            .where(Visit.sweep_id == work.sweep.id, Visit.state == VisitState.SELECTED)
        )
        origins = {origin_of(address) for address in addresses}
    for origin in origins:
        await robots_of(work.fetcher, work.robots, origin)
    await note_pace(work.database, work.sweep.id, work.robots)


@dataclass(kw_only=True)
class Yardstick:
    """What all workers of a sweep share."""

    axe: FramedAxe
    pictures: Pictures
    dead: frozenset[str]  # lease owners that run no more
    evidence: Evidence
    claimed: deque[Any] = field(default_factory=deque)  # visits, of which each worker takes the next
    # scripts that were seen to link to pages that exploring did not know
    unknown: set[str] = field(default_factory=set)


async def _audit_pages_in_new_tab(work: Work, yardstick: Yardstick) -> None:
    async with work.tab() as tab:
        await _audit_pages(work, yardstick, tab)


async def _audit_pages(work: Work, yardstick: Yardstick, tab: Tab) -> None:
    """Audit claimed pages one by one until none is left; one that another worker holds may come back."""
    while not work.stopping.is_set():
        if not yardstick.claimed:
            await _claim(work, yardstick)
        if yardstick.claimed:
            visit = yardstick.claimed.popleft()
            async with _kept(work, [visit.id]):
                await _audit_visit(work, yardstick, tab, visit)
        elif await left(work):
            await asyncio.sleep(IDLE)
        else:
            return


async def audit_batch(work: Work, yardstick: Yardstick, tab: Callable[[], Awaitable[Tab]]) -> int:
    """Claim a few pages and audit them one by one in a tab, which is asked for when there are any.

    Returns how many were claimed. What is not done is given back.
    """
    visits = await _claimed(work, yardstick)
    if not visits:  # somebody may have died since
        yardstick.dead = await dead_owners(work.database, work.sweep.id)
        visits = await _claimed(work, yardstick)
    if not visits:
        return 0
    claimed = [visit.id for visit in visits]
    try:
        async with _kept(work, claimed):
            its = await tab()
            for visit in visits:
                if work.stopping.is_set():
                    break
                await _audit_visit(work, yardstick, its, visit)
    finally:
        await _give_back(work, claimed)
    return len(claimed)


async def _give_back(work: Work, visits: Sequence[int]) -> None:
    """Let others have visits at once, also when the database is away for a while: nobody takes them from a living process.

    Not longer than a lease, which ends by itself, and not when this process is to end.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(LEASE.total_seconds()):
            while True:
                try:
                    async with work.database.writing() as connection:
                        await release_visits(connection, visits, this_process())
                    return
                except StorageError:
                    if work.stopping.is_set():
                        return
                    await asyncio.sleep(AGAIN)


async def _claim(work: Work, yardstick: Yardstick) -> None:
    """Claim some of the selected pages for the workers of this process."""
    yardstick.claimed.extend(await _claimed(work, yardstick))


async def _claimed(work: Work, yardstick: Yardstick) -> Sequence[Any]:
    # else the site would be asked for pages that cannot be kept, again and again
    await takes_pictures(work.database)
    async with work.database.writing() as connection:
        claimed = await claim_visits(connection, work.sweep.id, this_process(), AT_ONCE, yardstick.dead)
        return (await connection.execute(_CLAIMED.where(Visit.id.in_(claimed)).order_by(Visit.id))).all()


# What auditing needs to know of a visit
_CLAIMED = sa.select(
    Visit.id, Visit.page_id, Visit.tries, Visit.closed_roots, Visit.template, Visit.content_type, Visit.body_digest,
    Visit.wording, Visit.notice, Visit.script_key, Visit.rendered, Visit.title, Visit.shape, Page.address,
).join(Page, Page.id == Visit.page_id)  # fmt: skip


async def _audit_visit(work: Work, yardstick: Yardstick, tab: Tab, visit: Any) -> None:
    with about(page=visit.address):
        await _audit_page(work, yardstick, tab, visit)


async def _audit_page(work: Work, yardstick: Yardstick, tab: Tab, visit: Any) -> None:
    try:
        await _look_at(work, yardstick, tab, visit)
    except Stopped:
        return  # the visit is given back with the sweep's lease
    except Overtaken:
        log.warning("visit %d: its lease ended while we had it; what we saw is not kept", visit.id)


async def _look_at(work: Work, yardstick: Yardstick, tab: Tab, visit: Any) -> None:
    try:
        await _ask_robots(work, visit.address)
        target = Target(
            address=visit.address, scope=work.scope, closed_roots=visit.closed_roots, content_type=visit.content_type,
            unread=visit.script_key is not None and not visit.rendered,
        )  # fmt: skip
        async with work.placing() as placed, asking(work.fetcher, tab, visit.address) as turn:
            seconds = work.limits.page_seconds
            audit = await audit_page(tab, yardstick.axe, target, yardstick.pictures, seconds, placed(turn))
        if work.sweep.recheck:
            refuse_stranger(visit.title, visit.shape, audit.source, visit.content_type)
    except PageLost as lost:
        await note_given_up(work.database, work.sweep.id, work.fetcher)  # before the last page has its result
        async with work.database.writing() as connection:
            await keep_failure(connection, work.sweep, visit.id, visit.tries, lost)
            if lost.reason in GONE:
                await replace_gone(connection, work.sweep)
        return
    evidence = await yardstick.evidence.of(visit, audit)
    async with adding(work.database, audit.images) as (connection, placed):
        wall = await refuse_one_for_all(connection, work.sweep.id, visit, audit)
        if wall is not None:
            await keep_failure(connection, work.sweep, visit.id, visit.tries, wall)
            return
        await keep_audit(connection, work.sweep, visit.id, visit.page_id, audit, evidence, placed)
        await _note_unknown(connection, work, yardstick, visit.script_key, audit.links)


async def _note_unknown(
    connection: AsyncConnection, work: Work, yardstick: Yardstick, scripts: str | None, links: Sequence[str]
) -> None:
    """Say, once for the pages with the same scripts, that they link to a page of the site that exploring did not know."""
    inside = [each for each in links if work.scope.judge(each).reason is None and acts(each) is None]
    if not inside or scripts is None or scripts in yardstick.unknown:
        return
    known = sa.select(Page.address).join(Visit, Visit.page_id == Page.id).where(Visit.sweep_id == work.sweep.id)
    found: set[str] = set()
    for begin in range(0, len(inside), ROWS):
        found |= set(await connection.scalars(known.where(Page.address.in_(inside[begin : begin + ROWS]))))
    unknown = next((each for each in inside if each not in found), None)
    if unknown is not None:
        yardstick.unknown.add(scripts)
        await add_note(connection, work.sweep.id, About.REDIRECT, unknown, SCRIPT_ONLY)


async def _ask_robots(work: Work, address: str) -> None:
    """Raises PageLost for a page that robots.txt has come to disallow since it was found.

    While robots.txt cannot be had, what it said when the page was found stands (RFC 9309 2.4).
    """
    robots = await robots_of(work.fetcher, work.robots, address)
    if robots.reachable and not robots.allows(address):
        raise PageLost(Reason.ROBOTS, "disallowed since it was found")


@asynccontextmanager
async def _kept(work: Work, visits: Sequence[int]) -> AsyncIterator[None]:
    """Keep visits' leases while the block runs: they may have to wait long for their turn."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW)
            async with work.database.writing() as connection:
                await renew_visits(connection, visits, this_process())

    async with Together() as group:
        renewing = group.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()


async def _keep_rule_set(work: Work, rules: RuleSet, browser: str) -> None:
    """Note what the sweep is judged by, and in which browsers; another rule set is refused (UsageError)."""
    sweep = work.sweep
    if sweep.mic not in (None, mic.VERSION):
        raise UsageError(
            ja=f"スイープ {sweep.id} は総務省調査の条件 {sweep.mic} で始めました。今の条件は {mic.VERSION} です。"
            "一つのスイープに二つは混ぜられません。新しい調査を始めてください。",
            en=f"Sweep {sweep.id} was begun with the ministry's conditions {sweep.mic}; they are now {mic.VERSION}. "
            "One sweep never mixes two: begin a new survey.",
        )
    if sweep.rule_set is None:
        async with work.database.writing() as connection:
            await connection.execute(
                sa.update(Sweep)
                .where(Sweep.id == sweep.id)
                .values(
                    engine=NAME,
                    engine_version=work.tools.engine.version,
                    rule_set=rules.name,
                    rule_criteria=rules.criteria,
                    also_criteria=rules.also,
                    browser=browser,
                )
            )
    elif sweep.rule_set != rules.name:
        raise UsageError(
            ja=f"スイープ {sweep.id} は {sweep.rule_set} で始めました。今の検査エンジンは {rules.name} です。"
            "一つのスイープに二つは混ぜられません。新しいスイープを始めてください。",
            en=f"Sweep {sweep.id} was begun with {sweep.rule_set}; the engine is now {rules.name}. "
            "One sweep never mixes two: begin a new sweep.",
        )
    elif sweep.browser and browser not in sweep.browser.split(", "):
        async with work.database.writing() as connection:
            both = f"{sweep.browser}, {browser}"
            await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(browser=both))


async def _pictured(work: Work) -> set[str]:
    """The faults that this sweep has pictured already."""
    async with work.database.reading() as connection:
        return set(
            await connection.scalars(
                sa.select(Defect.digest)
                .join(Finding, Finding.defect_id == Defect.id)
                .join(Result, Result.id == Finding.result_id)
                .join(Visit, Visit.result_id == Result.id)
                .where(Visit.sweep_id == work.sweep.id, Finding.picture_id.is_not(None))
                .distinct()
            )
        )


async def left(work: Work) -> int:
    """How many pages of the sweep wait for their result, whoever has them in hand."""
    async with work.database.reading() as connection:
        return (
            await connection.scalar(
                sa.select(sa.func.count()).where(
                    Visit.sweep_id == work.sweep.id, Visit.state == VisitState.SELECTED
                )
            )
            or 0
        )
