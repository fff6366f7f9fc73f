"""The means of one process for many sweeps: browsers, fetchers and turns, kept open while their sweep has work.

A sweep's browsers stay open from batch to batch, and are closed for another's when there are too many. Every page waits for one
of the process's places, first come, first served, whichever sweep it is of.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from audits import recheck as rechecking
from audits import sweep as sweeping
from audits.asked import settled
from audits.auditing import Yardstick, audit_batch, joined, judging_rules, unlike_reader
from audits.conclude import sweep_row
from audits.fleet.needs import Act, Need
from audits.fleet.roster import Roster
from audits.recheck import aim_of
from audits.sweep import Held
from audits.work import Tools, Work, require_browser, running
from crawler.browser import Tab
from crawler.elsewhere import Elsewhere
from crawler.politeness import Stopped
from crawler.turns import Turns
from crawler.windows import Windows
from db.database import Database
from db.errors import BrowserMissing, JisweepError, StorageError
from db.tables import Sweep
from db.words import SweepState

LOOK = 1.0  # seconds between looks for a window that closes
TRIES = 3  # of a browser that does not start
BROKEN = {
    "ja": "想定外のエラーで止まりました。記録（ログ）に詳細があります。続けるには「再開」を押してください。",
    "en": "It ended in an unexpected error; the log has the details. Press Resume to go on.",
}

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class _Hand:
    """A sweep whose pages this process audits, with what is open for it."""

    work: Work
    yardstick: Yardstick
    over: asyncio.Event
    idle: list[tuple[Tab, AsyncExitStack]] = field(default_factory=list)
    busy: int = 0
    used: float = 0.0  # when, by the loop's clock
    task: asyncio.Task[None] | None = None  # what has opened it, and closes it


class Crew:
    """`async with Crew(database, tools, places=3) as crew: await crew.see_to(need)`, with as many at one time as one likes.

    `tools` gives the means of each run, and may raise JisweepError for what is missing. What keeps a sweep from going on is
    kept in its row, unless another worker may do better.
    """

    def __init__(
        self, database: Database, tools: Callable[[], Tools], *, places: int, roster: Roster | None = None
    ) -> None:
        self.closing = asyncio.Event()  # once set, pages in hand are finished and nothing is begun
        self._database = database
        self._tools = tools
        self._places = asyncio.Semaphore(places)
        self._most = 2 * places  # browsers open at one time: some wait for their host
        self._open = 0  # browsers
        self._roster = roster
        self._turns = Turns(database)
        self._hands: dict[int, _Hand] = {}
        self._opening: dict[int, asyncio.Lock] = {}
        self.auditing: Counter[int] = Counter()  # by sweep: those who see to its pages here
        self._browserless: Counter[int] = Counter()  # by sweep: browsers in a row that did not start
        self._held: set[int] = set()  # sweeps that this process prepares or concludes
        self._elsewhere = Elsewhere()
        self._asking = asyncio.Lock()
        self._has_browser = False  # one has started here before

    async def __aenter__(self) -> Self:
        await self._turns.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        for sweep_id in list(self._hands):
            await self._close(sweep_id)
        await self._turns.__aexit__(kind, error, trace)

    def is_at(self, need: Need) -> bool:
        """Whether this process sees to it that already, where that is for one alone."""
        return need.act is not Act.AUDIT and need.sweep in self._held

    async def see_to(self, need: Need) -> None:
        """Do what a sweep needs, of its pages a few. Raises StorageError; any other trouble is kept in the rows."""
        try:
            if need.act is Act.AUDIT:
                self.auditing[need.sweep] += 1
                try:
                    await self._audit(need)
                finally:
                    self.auditing[need.sweep] -= 1
            elif not self.is_at(need):
                self._held.add(need.sweep)
                try:
                    await (self._prepare(need) if need.act is Act.PREPARE else self._conclude(need))
                    self._browserless.pop(need.sweep, None)
                finally:
                    self._held.discard(need.sweep)
        except (Held, Stopped):
            return
        except StorageError:
            raise
        except BrowserMissing as error:
            # One that was opening as the database went away fails in this way, too: a second and a third try tell.
            self._browserless[need.sweep] += 1
            if self._browserless[need.sweep] >= TRIES:
                await self._give_up(need, {"ja": error.ja, "en": error.en})
                return
            log.warning("sweep %d: %s", need.sweep, error.en)
            await asyncio.sleep(LOOK)
        except JisweepError as error:
            await self._give_up(need, {"ja": error.ja, "en": error.en})
        except Exception:
            log.exception("sweep %d", need.sweep)
            await self._give_up(need, BROKEN)

    async def _give_up(self, need: Need, halted: dict[str, str]) -> None:
        """Leave a sweep to others, and say why; when there is nobody else, that is what keeps it from going on."""
        if self._roster is not None and await self._roster.leave(need.sweep, need.asked_at, halted):
            log.warning("sweep %d is left to other workers: %s", need.sweep, halted["en"])
            return
        async with self._database.writing() as connection:
            await settled(connection, need.sweep, halted)

    async def _prepare(self, need: Need) -> None:
        """Explore, choose, decide what is carried; a recheck is run to its end, and so is what has no pages to audit."""
        async with self._database.reading() as connection:
            sweep = await sweep_row(connection, need.sweep)
        if not sweep.recheck and (why := unlike_reader(sweep)) is not None:
            raise why
        tools = await self._means()
        async with self._stopping_for(sweep) as stopping:
            if sweep.recheck:
                aim, _ = aim_of(sweep)
                done = await rechecking.run(self._database, sweep.id, aim, tools, stopping, since=sweep.asked_at)
            else:
                asked, finished = sweep.asked_at, sweep.finished_at
                again = sweep.state is SweepState.FINISHED and bool(asked and finished and asked > finished)
                run = sweeping.run(self._database, sweep.id, tools, stopping, again=again, since=asked, shared=True)
                done = await run
                async with self._database.reading() as connection:
                    done = done and (await sweep_row(connection, sweep.id)).state is SweepState.FINISHED
        if done:
            await self._settle(sweep)

    async def _means(self) -> Tools:
        """What all sweeps of this process share. That it has no browser is said now, not after hours of exploring."""
        tools = self._tools()
        async with self._asking:
            if not self._has_browser:
                await require_browser(tools)
                self._has_browser = True
        return replace(tools, places=self._places, turns=self._turns, elsewhere=self._elsewhere)

    async def _settle(self, sweep: Sweep) -> None:
        """The sweep is done, unless somebody has asked for it again meanwhile."""
        async with self._database.writing() as connection:
            asked = await connection.scalar(sa.select(Sweep.asked_at).where(Sweep.id == sweep.id))
            if asked == sweep.asked_at:
                await settled(connection, sweep.id)

    async def _conclude(self, need: Need) -> None:
        async with self._database.reading() as connection:
            sweep = await sweep_row(connection, need.sweep)
        if (why := unlike_reader(sweep)) is not None:
            raise why
        if await sweeping.conclude_shared(self._database, need.sweep):
            await self._settle(sweep)
            await self._close(need.sweep)

    async def _audit(self, need: Need) -> None:
        """Audit a few pages in one browser of the sweep."""
        hand = await self._hand(need.sweep)
        hand.busy += 1
        taken: list[tuple[Tab, AsyncExitStack]] = []

        async def tab() -> Tab:
            taken.append(await self._tab(hand))
            return taken[0][0]

        try:
            await audit_batch(hand.work, hand.yardstick, tab)
            hand.idle += taken
        except BaseException:
            for _, stack in taken:
                self._open -= 1
                await stack.aclose()
            raise
        finally:
            hand.busy -= 1
            hand.used = asyncio.get_running_loop().time()
            if hand.work.stopping.is_set() and not hand.busy:
                await self._close(need.sweep)

    async def _hand(self, sweep_id: int) -> _Hand:
        """The sweep's means, opened when they are not. Raises what keeps this process from it."""
        async with self._opening.setdefault(sweep_id, asyncio.Lock()):
            hand = self._hands.get(sweep_id)
            if hand is not None and hand.work.stopping.is_set() and not hand.busy:
                await self._close(sweep_id)  # it was asked to stop, and is wanted again
                hand = None
            if hand is None:
                opened: asyncio.Future[_Hand] = asyncio.get_running_loop().create_future()
                task = asyncio.create_task(self._keep(sweep_id, opened))
                await asyncio.wait((task, opened), return_when=asyncio.FIRST_COMPLETED)
                if not opened.done():
                    await task  # raises
                    raise Stopped
                hand = self._hands[sweep_id] = opened.result()
                hand.task = task
            return hand

    async def _keep(self, sweep_id: int, opened: "asyncio.Future[_Hand]") -> None:
        """Open a sweep's means, and close them again in the same task when they are over."""
        async with self._database.reading() as connection:
            sweep = await sweep_row(connection, sweep_id)
        if (why := unlike_reader(sweep)) is not None:
            raise why
        tools = await self._means()
        async with (
            self._stopping_for(sweep) as stopping,
            sweeping.heeded(self._database, sweep_id, stopping, sweep.asked_at or sweep.created_at),
            running(self._database, sweep_id, tools, stopping) as work,
        ):
            first = AsyncExitStack()
            await self._make_room()
            tab = await first.enter_async_context(work.tab())
            self._browserless.pop(sweep_id, None)
            try:
                rules = await judging_rules(work, tab)
                yardstick = await joined(work, rules)
            except BaseException:
                self._open -= 1
                await first.aclose()
                raise
            hand = _Hand(work=work, yardstick=yardstick, over=asyncio.Event(), idle=[(tab, first)])
            opened.set_result(hand)
            await hand.over.wait()
            for _, stack in hand.idle:
                self._open -= 1
                await stack.aclose()

    async def _close(self, sweep_id: int) -> None:
        hand = self._hands.pop(sweep_id, None)
        if hand is not None and hand.task is not None:
            hand.over.set()
            with suppress(JisweepError):
                await hand.task

    async def _tab(self, hand: _Hand) -> tuple[Tab, AsyncExitStack]:
        """A browser of the sweep that nobody uses, a new one when there is none."""
        if hand.idle:
            return hand.idle.pop()
        await self._make_room()
        stack = AsyncExitStack()
        try:
            return await stack.enter_async_context(hand.work.tab()), stack
        except BaseException:
            self._open -= 1
            raise

    async def _make_room(self) -> None:
        """Count a browser that is to be opened, for which one that was idle longest is closed when there are too many."""
        self._open += 1
        while self._open > self._most:
            idle = [each for each in self._hands.values() if each.idle]
            if not idle:
                return  # all are in use: no more than there are tasks
            _, stack = min(idle, key=lambda each: each.used).idle.pop()
            self._open -= 1
            await stack.aclose()

    @asynccontextmanager
    async def _stopping_for(self, sweep: Sweep) -> AsyncIterator[asyncio.Event]:
        """An event that is set when this process closes, or the sweep's window does: it makes room for others then."""
        stopping = asyncio.Event()
        windows = Windows.parse(sweep.settings.get("window", ""))

        async def mind() -> None:
            while not self.closing.is_set() and windows.are_open(datetime.now(UTC)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.closing.wait(), LOOK)
            stopping.set()

        minding = asyncio.create_task(mind())
        try:
            yield stopping
        finally:
            minding.cancel()
