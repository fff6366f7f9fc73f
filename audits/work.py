"""The work on a sweep: its rows and its means, open for as long as this process has it in hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from playwright.async_api import Playwright

from audits.conclude import sweep_row
from audits.engine import Engine
from crawler.browser import Tab, playwright_driver
from crawler.elsewhere import Elsewhere
from crawler.fetch import Fetcher, Manners
from crawler.gate import Gate
from crawler.limits import Limits
from crawler.resources import Resources
from crawler.robots import Robots
from crawler.scope import Exclusion, Scope
from crawler.signing_in import NONE, Credentials
from crawler.turns import Turns
from crawler.windows import Windows
from db.database import Database
from db.errors import UsageError
from db.tables import ScopeRule, Site, Sweep
from db.words import ScopeKind


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The means of a sweep that do not belong to its rows."""

    engine: Engine
    driver: Playwright | None = None  # one that runs already; without it the sweep starts its own
    browser: str | None = None  # configured executable
    workers: int = 3  # browsers at one time: one loads while two cores run rules
    credentials: Credentials = NONE  # of all sites that the operator has some for
    places: asyncio.Semaphore | None = (
        None  # for pages in browsers, which all sweeps of this process share by turns
    )
    elsewhere: Elsewhere | None = None  # further processes for all sweeps of this one; None: each has its own
    turns: Turns | None = None  # at hosts, for all processes on the database; None: opened where it is needed


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
    credentials: Credentials  # of this sweep's site
    stopping: asyncio.Event
    stack: AsyncExitStack
    resources: Resources
    robots: dict[str, Robots] = field(default_factory=dict)  # by origin
    _first_tab: Tab | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _driver: Playwright | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A tab of this sweep with the engine in every frame. Raises BrowserMissing."""
        async with Tab(
            await self._steering(), manners_of(self.limits), self.gate, executable=self.tools.browser, scope=self.scope,
            script=self.tools.engine.injected, credentials=self.credentials,
        ) as tab:  # fmt: skip
            yield tab

    async def _steering(self) -> Playwright:
        """Playwright's driver; one of the sweep's own is started when the first tab is: many sites need none for long."""
        async with self._starting:
            if self._driver is None:
                self._driver = await steered(self.tools, self.stack)
            return self._driver

    async def first_tab(self) -> Tab:
        """The tab that exploring and one of the auditing workers share; opened when first asked for."""
        async with self._opening:
            if self._first_tab is None:
                self._first_tab = await self.stack.enter_async_context(self.tab())
            return self._first_tab

    @asynccontextmanager
    async def placing(self) -> AsyncIterator["Placed"]:
        """What makes a host's turn wait for a place in this process too; the place is kept to the end of the block."""
        async with AsyncExitStack() as stack:

            @asynccontextmanager
            async def placed(turn: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
                async with turn:
                    if self.tools.places is not None:
                        await stack.enter_async_context(self.tools.places)
                    yield

            yield placed


Placed = Callable[[AbstractAsyncContextManager[None]], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def running(database: Database, sweep_id: int, tools: Tools, stopping: asyncio.Event) -> AsyncIterator[Work]:
    """Open what a sweep needs; everything is closed again at the end.

    Raises UsageError when the sweep was begun with credentials that are not at hand now, or without those that are.
    """
    async with database.reading() as connection:
        sweep = await sweep_row(connection, sweep_id)
    limits = Limits.from_row(sweep.settings)
    scope = await scope_of(database, sweep)
    credentials = credentials_for(sweep, scope, tools.credentials)
    async with AsyncExitStack() as stack:
        gate = None if limits.allow_private else await stack.enter_async_context(Gate())
        turns = tools.turns
        if turns is None and not database.is_sqlite:  # others may be at the same host
            turns = await stack.enter_async_context(Turns(database))
        fetcher = await stack.enter_async_context(
            Fetcher(
                manners_of(limits),
                gate.url if gate else None,
                stopping=stopping,
                credentials=credentials,
                turns=turns,
            )
        )
        yield Work(
            database=database, sweep=sweep, scope=scope, limits=limits, tools=tools,
            fetcher=fetcher, resources=Resources(database, sweep_id, fetcher), gate=gate, credentials=credentials, stopping=stopping, stack=stack,
        )  # fmt: skip


async def require_browser(tools: Tools) -> None:
    """Start a browser, and end it. Raises BrowserMissing when there is none that starts."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Tab(await steered(tools, stack), Manners(), executable=tools.browser))


async def steered(tools: Tools, stack: AsyncExitStack) -> Playwright:
    """Playwright's driver: the one that runs already, or a new one that ends with the stack."""
    if tools.driver is not None:
        return tools.driver
    return await stack.enter_async_context(playwright_driver())


def credentials_for(sweep: Sweep, scope: Scope, at_hand: Credentials) -> Credentials:
    """The credentials of a sweep's site. Raises UsageError unless they are for the origins it was begun with.

    One sweep sees its site in one way: as somebody who is signed in, or as everybody.
    """
    sweep_id, credentials = sweep.id, at_hand.within(scope)
    begun, now = set(Limits.from_row(sweep.settings).signed_in), set(credentials.origins)
    if begun - now:
        where = ", ".join(sorted(begun - now))
        raise UsageError(
            ja=f"スイープ {sweep_id} は {where} にサインインして始めました。--credentials で同じファイルを指定してください。",
            en=f"Sweep {sweep_id} was begun signed in to {where}: give the same file with --credentials.",
        )
    if now - begun:
        where = ", ".join(sorted(now - begun))
        raise UsageError(
            ja=f"スイープ {sweep_id} は {where} にサインインせずに始めました。--no-credentials を付けるか、新しいスイープを始めてください。",
            en=f"Sweep {sweep_id} was begun without signing in to {where}: add --no-credentials, or begin a new sweep.",
        )
    return credentials


def manners_of(limits: Limits) -> Manners:
    """How the crawler behaves under these limits."""
    return Manners(
        contact=limits.contact, per_host=limits.per_host, delay=limits.delay,
        timeout=limits.timeout, max_bytes=limits.bytes,
        windows=Windows.parse(limits.window), stop_outside=limits.stop_outside,
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
            Exclusion(pattern=rule.pattern, reason=rule.reason) for rule in rules if rule.kind is ScopeKind.EXCLUDE
        ),
    )
