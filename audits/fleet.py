"""Taking part in sweeps with other processes, on any number of machines, over one PostgreSQL database.

Rows say what is to be done; a job of the queue (Procrastinate) only says where to look. One job leads a sweep: explores,
chooses, and concludes once no page is left. Others audit a few pages each; as they come one after the other, sweeps take
turns, and a huge one has many machines while its hosts are asked as by one (crawler.turns). What a lost job was to do is
seen in the rows again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.asked import WANTED
from audits.auditing import AT_ONCE, Yardstick, audit_visit, claim, is_prepared, yardstick_of
from audits.runner import run_wanted
from audits.work import Tools, Work, running
from crawler.browser import Tab
from crawler.document import READER
from crawler.limits import Limits
from crawler.turns import SharedTurns
from crawler.windows import Windows
from db.database import Database
from db.errors import JisweepError, StorageError, UsageError
from db.leases import is_alive, moment, release_visits, renew_visits, this_process
from db.tables import Sweep, Visit, Worker
from db.types import now
from db.words import SweepState, VisitState

LOOK = 2.0  # seconds between looks at what there is to do, and heartbeats
LOST = timedelta(seconds=60)  # without a heartbeat, after which a worker counts as gone
TROUBLE = 5.0  # seconds until the database is tried again
RENEW = 60.0  # seconds between renewals of the leases of pages in hand
JOINED = 4  # sweeps whose browsers a worker keeps open
IDLE = 30.0  # seconds for which they stay open without a page
LOADING = 3.0  # seconds for which a page has the host's attention, about: what is in hand beyond that only waits
LEADS = 8  # sweeps that one worker leads side by side
MOST = 64  # jobs of one sweep at one time
OFFERING = 8341_7  # names the advisory lock of the one worker that offers jobs

log = logging.getLogger(__name__)


class Step(StrEnum):
    """What a sweep that is wanted needs next."""

    LEAD = "lead"
    AUDIT = "audit"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Work on a sweep that somebody may take on."""

    sweep: int
    step: Step
    jobs: int  # how many may do so at one time


async def offers(connection: AsyncConnection) -> list[Offer]:
    """What there is to do for all sweeps that are wanted, whose window is open, in the order in which they were asked for."""
    at = moment(connection)
    mine = Visit.sweep_id == Sweep.id, Visit.state == VisitState.SELECTED
    free = sa.or_(Visit.lease_owner.is_(None), Visit.lease_until < at)
    rows = await connection.execute(
        sa.select(
            Sweep,
            sa.and_(Sweep.lease_until.is_not(None), Sweep.lease_until > at).label("held"),
            sa.select(sa.func.count()).where(*mine, free).scalar_subquery().label("free"),
            sa.select(sa.func.count()).where(*mine, ~free).scalar_subquery().label("in_hand"),
        )
        .where(WANTED)
        .order_by(Sweep.asked_at, Sweep.id)
    )
    found, sites = [], set()
    for row in rows:
        if not row.recheck:
            if row.site_id in sites:
                continue  # one sweep of a site after the other
            sites.add(row.site_id)
        limits = Limits.from_row(row.settings)
        if not Windows.parse(limits.window).are_open(datetime.now(UTC)):
            continue
        if row.state is SweepState.AUDITING and not row.recheck and is_prepared(row) and row.free + row.in_hand:
            room = useful(limits) - -(-row.in_hand // AT_ONCE)
            if jobs := max(0, min(room, -(-row.free // AT_ONCE))):
                found.append(Offer(sweep=row.id, step=Step.AUDIT, jobs=jobs))
        elif not row.held or is_alive(row.lease_owner) is False:
            found.append(Offer(sweep=row.id, step=Step.LEAD, jobs=1))
    return found


def useful(limits: Limits) -> int:
    """How many may audit a site's pages at one time before all but wait for its hosts."""
    return MOST if not limits.delay else limits.per_host + round(LOADING / limits.delay)


class Joined:
    """One sweep that this process takes part in: what its audits share, and tabs that are used again."""

    def __init__(self, work: Work, yardstick: Yardstick, stack: AsyncExitStack) -> None:
        self.work = work
        self._yardstick = yardstick
        self._stack = stack
        self._tabs: list[Tab] = []
        self._busy = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.used = asyncio.get_running_loop().time()

    async def audit_some(self) -> int:
        """Claim a few pages and audit them; returns how many there were."""
        self._busy += 1
        self.idle.clear()
        try:
            visits = await claim(self.work, self._yardstick)
            tab = self._tabs.pop() if self._tabs else None
            if visits and tab is None:
                tab = await self._stack.enter_async_context(self.work.tab())
            for visit in visits:
                if self.work.stopping.is_set():
                    break  # given back when the sweep is left
                assert tab is not None
                await audit_visit(self.work, self._yardstick, tab, visit)
            if tab is not None:
                self._tabs.append(tab)
            return len(visits)
        finally:
            self._busy -= 1
            self.used = asyncio.get_running_loop().time()
            if not self._busy:
                self.idle.set()


@asynccontextmanager
async def joined(database: Database, sweep_id: int, tools: Tools) -> AsyncIterator[Joined]:
    """Take part in auditing the pages of a sweep; pages that were claimed and not audited are given back at the end.

    Raises Unlike when this program would judge them otherwise.
    """
    async with running(database, sweep_id, tools, asyncio.Event()) as work, AsyncExitStack() as stack:
        yardstick = await yardstick_of(work)
        assert yardstick is not None  # nobody stops us yet
        renewing = asyncio.create_task(_renew(database, sweep_id))
        try:
            yield Joined(work, yardstick, stack)
        finally:
            renewing.cancel()
            with suppress(StorageError):  # their leases end by themselves
                async with database.writing() as connection:
                    await release_visits(connection, sweep_id, this_process())


async def _renew(database: Database, sweep_id: int) -> None:
    pause = RENEW
    while True:
        await asyncio.sleep(pause)
        pause = RENEW
        try:
            async with database.writing() as connection:
                await renew_visits(connection, sweep_id, this_process())
        except StorageError as error:
            log.error("%s", error)
            pause = TROUBLE


@dataclass(kw_only=True)
class _Kept:
    """A sweep that is joined, with the task that has it open."""

    ready: "asyncio.Future[Joined]"
    leave: asyncio.Event
    task: "asyncio.Task[None]"


@dataclass(kw_only=True)
class Fleet:
    """This process as a worker."""

    database: Database
    tools: Callable[[], Tools]  # raises JisweepError for what is missing
    name: str
    at_once: int  # jobs side by side
    closing: asyncio.Event
    said: str | None = None
    _kept: dict[int, _Kept] = field(default_factory=dict)
    _leading: set[int] = field(default_factory=set)
    _not_for_us: set[int] = field(default_factory=set)  # sweeps that this program cannot take part in

    async def run(self) -> None:
        """Take part until `closing` is set or somebody drains this worker; what is in hand is finished first."""
        if self.database.is_sqlite:
            raise UsageError(
                ja="jisweep worker には PostgreSQL が必要です。SQLite では jisweep run を使ってください。",
                en="jisweep worker needs PostgreSQL: with SQLite, use jisweep run.",
            )
        self._places = asyncio.Semaphore(self.at_once)
        self._turns = SharedTurns(self.database)
        try:
            while not self.closing.is_set():
                try:
                    await self._serve()
                except (StorageError, ConnectorException, OSError) as error:
                    log.error("the queue: %s", error)
                    await self._pause(TROUBLE)
        finally:
            await self._leave_all()
            with suppress(StorageError):
                await self._beat(ended=True)

    async def _serve(self) -> None:
        """Take jobs for as long as the queue can be reached."""
        app = App(connector=PsycopgConnector(conninfo=_conninfo(self.database.url)))
        lead, audit = self._tasks(app)
        async with app.open_async():
            await _prepare_queue(self.database, app)
            looking = asyncio.create_task(self._look(app, lead, audit))
            serving = [
                asyncio.create_task(self._take_jobs(app, step, side_by_side))
                for step, side_by_side in ((Step.LEAD, LEADS), (Step.AUDIT, self.at_once))
            ]
            closing = asyncio.create_task(self.closing.wait())
            tasks = {looking, *serving, closing}
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for each in done - {closing}:
                    await each  # its error ends this connection to the queue
            finally:
                for kept in self._kept.values():
                    kept.leave.set()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_jobs(self, app: App, step: Step, side_by_side: int) -> None:
        """Leading waits for hosts most of the time: it keeps no page waiting for a place."""
        await app.run_worker_async(
            queues=[step.value], name=self.name, concurrency=side_by_side, delete_jobs="always",
            install_signal_handlers=False, fetch_job_polling_interval=LOOK,
        )  # fmt: skip

    def _tasks(self, app: App) -> tuple[Any, Any]:
        @app.task(name="lead", queue=Step.LEAD.value)
        async def lead(sweep: int) -> None:
            await self._lead(sweep)

        @app.task(name="audit", queue=Step.AUDIT.value)
        async def audit(sweep: int, place: int) -> None:
            if await self._audit(sweep):
                with suppress(AlreadyEnqueued):
                    await _job(audit, Step.AUDIT, sweep, place).defer_async(sweep=sweep, place=place)

        return lead, audit

    async def _lead(self, sweep: int) -> None:
        if sweep in self._not_for_us or sweep in self._leading:
            return
        self._leading.add(sweep)
        try:
            await run_wanted(self.database, sweep, self._means, self.closing, alone=False)
        finally:
            self._leading.discard(sweep)

    async def _audit(self, sweep: int) -> bool:
        """Audit some pages of a sweep; returns whether there may be more."""
        if sweep in self._not_for_us:
            return False
        try:
            part = await self._join(sweep)
            return await part.audit_some() > 0 and not part.work.stopping.is_set()
        except StorageError as error:
            log.error("sweep %d: %s", sweep, error)
        except JisweepError as error:
            self._not_for_us.add(sweep)
            self.said = f"sweep {sweep}: {error.en}"
            log.warning("left to other workers: %s", self.said)
        return False

    def _means(self) -> Tools:
        return replace(self.tools(), places=self._places, turns=self._turns)

    async def _join(self, sweep: int) -> Joined:
        kept = self._kept.get(sweep)
        if kept is None:
            leave = asyncio.Event()
            ready: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(self._keep(sweep, ready, leave))
            kept = self._kept[sweep] = _Kept(ready=ready, leave=leave, task=task)
        return await asyncio.shield(kept.ready)

    async def _keep(self, sweep: int, ready: "asyncio.Future[Joined]", leave: asyncio.Event) -> None:
        """Have a sweep joined until it is time to leave it: contexts are closed by the task that opened them."""
        try:
            async with joined(self.database, sweep, self._means()) as part:
                ready.set_result(part)
                await leave.wait()
                part.work.stopping.set()
                await part.idle.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
                return
            log.exception("sweep %d", sweep)
        finally:
            self._kept.pop(sweep, None)

    async def _leave_all(self) -> None:
        for each in self._kept.values():
            each.leave.set()
        await asyncio.gather(*(each.task for each in self._kept.values()), return_exceptions=True)

    async def _look(self, app: App, lead: Any, audit: Any) -> None:
        while not self.closing.is_set():
            await self._beat()
            await self._leave_what_is_over()
            async with self.database.writing() as connection:
                if await connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(OFFERING))):
                    waiting = set(await connection.scalars(_WAITING))
                    for offer in await offers(connection):
                        await _offer(offer, waiting, lead, audit)
                    await _forget_lost_jobs(app)
            await self._pause(LOOK)

    async def _leave_what_is_over(self) -> None:
        """Leave sweeps that are not wanted any more, whose window has closed, or that others have finished."""
        async with self.database.reading() as connection:
            auditing = Sweep.state == SweepState.AUDITING
            rows = await connection.execute(sa.select(Sweep.id, Sweep.settings).where(WANTED, auditing))
            open_now = {
                row.id for row in rows if Windows.parse(row.settings.get("window", "")).are_open(datetime.now(UTC))
            }
        clock = asyncio.get_running_loop().time()
        idle = []
        for sweep, each in self._kept.items():
            if sweep not in open_now:
                each.leave.set()
            elif each.ready.done() and not each.ready.exception() and each.ready.result().idle.is_set():
                idle.append((each.ready.result().used, each))
        idle.sort(key=lambda found: found[0])
        for used, each in idle:
            if clock - used > IDLE or len(self._kept) > JOINED:
                each.leave.set()
                break

    async def _beat(self, *, ended: bool = False) -> None:
        """Show that this worker is alive, and what it has in hand; heed that it is to be drained."""
        owner = this_process()
        facts = {
            "seen_at": now(), "said": self.said, "in_hand": sorted({*self._kept, *self._leading}),
            "ended_at": now() if ended else None,
        }  # fmt: skip
        async with self.database.writing() as connection:
            mine = sa.update(Worker).where(Worker.owner == owner)
            row = (await connection.execute(mine.values(facts).returning(Worker.drain_at))).first()
            if row is None:
                versions = {"jisweep": version("jisweep"), "reader": READER}
                begun = {"owner": owner, "name": self.name, "versions": versions, "started_at": now(), **facts}
                await connection.execute(sa.insert(Worker).values(begun))
            elif row.drain_at is not None:
                self.closing.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)


_WAITING = sa.text("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'")


async def _offer(offer: Offer, waiting: set[str | None], lead: Any, audit: Any) -> None:
    """Put the jobs of an offer into the queue that do not wait there yet."""
    for place in range(offer.jobs):
        if f"{offer.step} {offer.sweep} {place}" in waiting:
            continue
        with suppress(AlreadyEnqueued):
            if offer.step is Step.LEAD:
                await _job(lead, offer.step, offer.sweep, place).defer_async(sweep=offer.sweep)
            else:
                await _job(audit, offer.step, offer.sweep, place).defer_async(sweep=offer.sweep, place=place)


def _job(task: Any, step: Step, sweep: int, place: int) -> Any:
    """A job that waits in the queue once, whoever offers it."""
    return task.configure(queueing_lock=f"{step} {sweep} {place}")


async def _prepare_queue(database: Database, app: App) -> None:
    """Make the queue's own tables where they are missing."""
    async with database.writing() as connection:
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(OFFERING + 1)))
        if await connection.scalar(sa.select(sa.func.to_regclass("procrastinate_jobs"))) is None:
            await app.schema_manager.apply_schema_async()


async def _forget_lost_jobs(app: App) -> None:
    """Jobs of workers that are gone: the rows say what they were to do."""
    for job in await app.job_manager.get_stalled_jobs():
        if job.id is not None:
            await app.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)


def _conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


async def drain(connection: AsyncConnection, name: str) -> int:
    """Have all workers of a name that still run end after what is in hand; returns how many there are."""
    running_ = Worker.ended_at.is_(None), Worker.seen_at > now() - LOST
    asked = sa.update(Worker).where(Worker.name == name, *running_).values(drain_at=now())
    return int((await connection.execute(asked)).rowcount)


async def workers(connection: AsyncConnection) -> list[Worker]:
    """The workers that are known, those that run first."""
    rows = await connection.execute(sa.select(Worker).order_by(Worker.ended_at.is_not(None), Worker.seen_at.desc()))
    return [Worker(**row) for row in rows.mappings()]


def told(worker: Worker) -> dict[str, Any]:
    """A worker in plain values: name, state (running, draining, ended, lost), sweeps, versions."""
    lost = worker.seen_at < now() - LOST or is_alive(worker.owner) is False
    state = "ended" if worker.ended_at else "lost" if lost else "draining" if worker.drain_at else "running"
    return {
        "name": worker.name, "state": state, "owner": worker.owner, "seen_at": worker.seen_at.isoformat(),
        "sweeps": worker.in_hand, "versions": worker.versions, "said": worker.said,
    }  # fmt: skip
