"""A sweep: explore, choose, audit each page, conclude. Every step reads and leaves rows, so it can be resumed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from crawler.fetch import Fetcher, Manners
from crawler.gate import Gate
from playwright.async_api import Playwright

from audits.conclude import sweep_row
from audits.engine import NAME, Engine, FramedAxe, RuleSet, rule_set
from audits.page import Pictures, Target, audit_page
from audits.record import keep_audit, keep_failure
from crawler.address import canonical
from crawler.browser import LOCALE, TIMEZONE, VIEWPORT, PageLost, Tab, playwright_driver
from crawler.explore import Exploration, explore
from crawler.limits import Limits
from crawler.sample import choose
from crawler.scope import Exclusion, Scope
from crawler.together import Together
from db.database import Database
from db.errors import UsageError
from db.leases import claim_visits, dead_owners, hold_sweep, release_sweep, this_process
from db.tables import Defect, Draw, Finding, Page, Result, ScopeRule, Site, Sweep, Visit
from db.types import now
from db.words import TRANSIENT, Edition, Level, Method, Reason, ScopeKind, SweepState, VisitState

RENEW = 60.0  # seconds between renewals of a sweep's lease


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a sweep is to do."""

    scope: Scope
    limits: Limits
    method: Method | None = None  # None: by number of known pages
    pages: int | None = None
    at_random: int | None = None
    seed: int | None = None  # None: drawn, and kept
    edition: Edition = Edition.JIS2016
    level: Level = Level.AA


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The means of a sweep that do not belong to its rows."""

    engine: Engine
    browser: str | None = None  # configured executable
    workers: int = 3  # browsers at one time: one loads while two cores run rules


async def begin(database: Database, plan: Plan) -> int:
    """Write the rows of a new sweep; returns its id."""
    start = plan.scope.start
    async with database.writing() as connection:
        site_id = await connection.scalar(sa.select(Site.id).where(Site.address == start))
        if site_id is None:
            site_id = await connection.scalar(
                sa.insert(Site).values(address=start, created_at=now()).returning(Site.id)
            )
        sweep_id = await connection.scalar(
            sa.insert(Sweep)
            .values(
                site_id=site_id,
                state=SweepState.EXPLORING,
                method_asked=plan.method,
                edition=plan.edition,
                level=plan.level,
                seed=random.SystemRandom().randrange(2**32) if plan.seed is None else plan.seed,
                pages_asked=plan.pages,
                random_asked=plan.at_random,
                settings=plan.limits.as_row(),
                depth=0,
                notes=[],
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
    return sweep_id


async def reopen(database: Database, sweep_id: int) -> int:
    """Give the chosen pages of a finished sweep that were lost for a passing reason another try; returns how many.

    The frame and the draw stay as they are: addresses that failed while exploring need a new sweep.
    """
    drawn = sa.exists().where(Draw.visit_id == Visit.id)
    async with database.writing() as connection:
        if (await sweep_row(connection, sweep_id)).state is not SweepState.FINISHED:
            return 0
        again = await connection.execute(
            sa.update(Visit)
            .where(
                Visit.sweep_id == sweep_id,
                Visit.state == VisitState.UNAUDITED,
                Visit.reason.in_(TRANSIENT),
                drawn,
            )
            .values(state=VisitState.SELECTED, reason=None, tries=0)
        )
        if again.rowcount:
            await connection.execute(
                sa.update(Sweep)
                .where(Sweep.id == sweep_id)
                .values(state=SweepState.AUDITING, finished_at=None)
            )
    return again.rowcount


async def run(
    database: Database, sweep_id: int, tools: Tools, stopping: asyncio.Event, *,
    until: SweepState = SweepState.FINISHED,
) -> bool:  # fmt: skip
    """Take a sweep on from wherever it is; returns False when stopped before it reached `until`.

    Raises UsageError when there is no such sweep, or another process runs it.
    """
    async with held(database, sweep_id), running(database, sweep_id, tools, stopping) as work:
        while work.sweep.state not in (until, SweepState.FINISHED):
            if stopping.is_set() or not await STEPS[work.sweep.state](work):
                return False
            async with database.reading() as connection:
                work.sweep = await sweep_row(connection, sweep_id)
    return True


@dataclass(kw_only=True)
class Work:
    """A sweep in this process's hands."""

    database: Database
    sweep: Sweep
    scope: Scope
    limits: Limits
    tools: Tools
    fetcher: Fetcher
    gate: Gate | None
    driver: Playwright
    stopping: asyncio.Event
    stack: AsyncExitStack

    def tab(self, script: str) -> Tab:
        """A tab of this sweep, to be entered by the caller."""
        return Tab(
            self.driver, manners_of(self.limits), self.gate, executable=self.tools.browser, script=script
        )


@asynccontextmanager
async def running(
    database: Database, sweep_id: int, tools: Tools, stopping: asyncio.Event
) -> AsyncIterator[Work]:
    """Open what a sweep needs; everything is closed again at the end."""
    async with database.reading() as connection:
        sweep = await sweep_row(connection, sweep_id)
    limits = Limits.from_row(sweep.settings)
    async with AsyncExitStack() as stack:
        gate = None if limits.allow_private else await stack.enter_async_context(Gate())
        fetcher = await stack.enter_async_context(Fetcher(manners_of(limits), gate.url if gate else None))
        driver = await stack.enter_async_context(playwright_driver())
        yield Work(
            database=database, sweep=sweep, scope=await scope_of(database, sweep), limits=limits, tools=tools,
            fetcher=fetcher, gate=gate, driver=driver, stopping=stopping, stack=stack,
        )  # fmt: skip


def manners_of(limits: Limits) -> Manners:
    """How the crawler behaves under these limits."""
    return Manners(
        contact=limits.contact, per_host=limits.per_host, delay=limits.delay,
        timeout=limits.timeout, max_bytes=limits.bytes,
    )  # fmt: skip


async def scope_of(database: Database, sweep: Sweep) -> Scope:
    """The scope that a sweep was begun with."""
    async with database.reading() as connection:
        start = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id))
        rules = (
            await connection.execute(
                sa.select(ScopeRule.kind, ScopeRule.pattern, ScopeRule.reason)
                .where(ScopeRule.sweep_id == sweep.id)
                .order_by(ScopeRule.id)
            )
        ).all()
    assert start is not None
    return Scope.around(
        start,
        includes=tuple(rule.pattern for rule in rules if rule.kind is ScopeKind.INCLUDE),
        exclusions=tuple(
            Exclusion(pattern=rule.pattern, reason=rule.reason)
            for rule in rules
            if rule.kind is ScopeKind.EXCLUDE
        ),
    )


@asynccontextmanager
async def held(database: Database, sweep_id: int) -> AsyncIterator[None]:
    """Hold the sweep's lease, renewed while the block runs. Raises UsageError when another process has it."""
    owner = this_process()

    async def hold() -> None:
        async with database.writing() as connection:
            await sweep_row(connection, sweep_id)
            holder = await hold_sweep(connection, sweep_id, owner)
        if holder is not None:
            raise UsageError(
                ja=f"スイープ {sweep_id} は別のプロセス（{holder}）が実行中です。",
                en=f"Sweep {sweep_id} is being run by another process ({holder}).",
            )

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW)
            await hold()

    await hold()
    async with Together() as group:
        renewing = group.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            async with database.writing() as connection:
                await release_sweep(connection, sweep_id, owner)


async def _explore(work: Work) -> bool:
    """Every address of the site; a browser is started only when a page needs it to show its links."""
    tab: Tab | None = None
    one_page = asyncio.Lock()

    async def render(address: str) -> tuple[str, ...]:
        nonlocal tab
        async with one_page:
            if tab is None:
                tab = await work.stack.enter_async_context(work.tab(work.tools.engine.injected))
            return await rendered_links(tab, address, work.limits.page_seconds)

    return await explore(
        Exploration(
            database=work.database, sweep=work.sweep, scope=work.scope, limits=work.limits,
            fetcher=work.fetcher, render=render, stopping=work.stopping,
        )  # fmt: skip
    )


async def rendered_links(tab: Tab, address: str, seconds: float) -> tuple[str, ...]:
    """The links of a page as the browser shows it, canonical. Raises PageLost when it cannot be shown."""
    try:
        async with asyncio.timeout(seconds):
            await tab.open(address, seconds=seconds, patience=10.0)
            world = await tab.world((await tab.frame_tree())["frame"]["id"])
            await tab.evaluate(world, "jisweep.settle(100, 3000)")
            links = await tab.evaluate(world, "jisweep.links()")
    except TimeoutError:
        await tab.discard()
        raise PageLost(Reason.TIMED_OUT, f"not shown within {seconds:g} s") from None
    return tuple(dict.fromkeys(link for each in links if (link := canonical(each))))


async def _choose(work: Work) -> bool:
    async with work.database.writing() as connection:
        await choose(connection, work.sweep, work.scope)
    return True


async def _audit(work: Work) -> bool:
    """Audit the selected pages with a few browsers side by side; returns False when stopped before the last."""
    async with work.tab(work.tools.engine.injected) as first:
        rules = await rule_set(first, work.tools.engine, work.sweep.edition, work.sweep.level)
        await _keep_rule_set(work, rules, first.version)
        async with work.database.reading() as connection:
            work.sweep = await sweep_row(connection, work.sweep.id)
        pictures = Pictures(
            whole_pages=work.sweep.method is not Method.ALL, faults=await _pictured(work)
        )
        axe = FramedAxe(work.tools.engine, rules)
        dead = await dead_owners(work.database, work.sweep.id)
        async with AsyncExitStack() as stack:
            tabs = [first]
            for _ in range(work.tools.workers - 1):
                tabs.append(await stack.enter_async_context(work.tab(work.tools.engine.injected)))
            async with Together() as group:
                for tab in tabs:
                    group.create_task(_audit_pages(work, tab, axe, pictures, dead))
    if work.stopping.is_set() and await _left(work):
        return False
    async with work.database.writing() as connection:
        await connection.execute(
            sa.update(Sweep)
            .where(Sweep.id == work.sweep.id)
            .values(state=SweepState.FINISHED, finished_at=now())
        )
    return True


async def _audit_pages(
    work: Work, tab: Tab, axe: FramedAxe, pictures: Pictures, dead: frozenset[str]
) -> None:
    """Claim selected pages one by one until none is free."""
    owner = this_process()
    while not work.stopping.is_set():
        async with work.database.writing() as connection:
            claimed = await claim_visits(connection, work.sweep.id, owner, 1, dead)
        if not claimed:
            return
        await _audit_visit(work, tab, axe, pictures, claimed[0])


async def _audit_visit(work: Work, tab: Tab, axe: FramedAxe, pictures: Pictures, visit_id: int) -> None:
    async with work.database.reading() as connection:
        visit = (
            await connection.execute(
                sa.select(Visit.page_id, Visit.tries, Visit.closed_roots, Page.address)
                .join(Page, Page.id == Visit.page_id)
                .where(Visit.id == visit_id)
            )
        ).one()
    try:
        target = Target(address=visit.address, scope=work.scope, closed_roots=visit.closed_roots)
        turn = work.fetcher.turn(visit.address)
        audit = await audit_page(tab, axe, target, pictures, work.limits.page_seconds, turn)
    except PageLost as lost:
        async with work.database.writing() as connection:
            await keep_failure(connection, visit_id, visit.tries, lost.reason, lost.detail)
        return
    async with work.database.writing() as connection:
        await keep_audit(connection, work.sweep, visit_id, visit.page_id, audit)


async def _keep_rule_set(work: Work, rules: RuleSet, browser: str) -> None:
    """Note what the sweep is judged by; a sweep that was begun with another rule set is refused (UsageError)."""
    sweep = work.sweep
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
                    browser=f"Chromium {browser}",
                )
            )
    elif sweep.rule_set != rules.name:
        raise UsageError(
            ja=f"スイープ {sweep.id} は {sweep.rule_set} で始めました。今の検査エンジンは {rules.name} です。"
            "一つのスイープに二つは混ぜられません。新しいスイープを始めてください。",
            en=f"Sweep {sweep.id} was begun with {sweep.rule_set}; the engine is now {rules.name}. "
            "One sweep never mixes two: begin a new sweep.",
        )


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


async def _left(work: Work) -> int:
    async with work.database.reading() as connection:
        return (
            await connection.scalar(
                sa.select(sa.func.count()).where(
                    Visit.sweep_id == work.sweep.id, Visit.state == VisitState.SELECTED
                )
            )
            or 0
        )


STEPS = {SweepState.EXPLORING: _explore, SweepState.CHOOSING: _choose, SweepState.AUDITING: _audit}
