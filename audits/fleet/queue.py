"""Workers on many machines: Procrastinate's jobs on PostgreSQL say which sweep wants somebody, and wake whoever is idle.

A job is a hint: what is to be done is read from the rows when it is taken, and one that is lost is found again by a look at
them. A job sees to a few batches and has the next one waiting already, so that sites take turns and any idle worker joins.
"""

import asyncio
import logging
import random
from contextlib import suppress

import psycopg
import sqlalchemy as sa
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from audits.fleet.crew import Crew
from audits.fleet.needs import ROOMS, Act, Need, needs
from audits.fleet.roster import Roster
from db.database import Database
from db.errors import StorageError, UsageError

LOOK = 5.0  # seconds between looks for sweeps that no job speaks of
POLL = 2.0  # seconds between looks for jobs, besides being told
AGAIN = 2.0  # seconds until the queue is tried again after a trouble of the database
STICK = 3  # batches of one sweep that a worker does before it looks for another
LOOKING = 8341_4  # names the lock of who looks
SILENT = 30.0  # seconds after which a job's worker is taken for dead
SOON = "soon"  # the queue of what is short: the end of a sweep, and rechecks, for which a person waits
QUEUES = {Act.PREPARE: "sites", Act.AUDIT: "pages", Act.CONCLUDE: SOON}
URGENT = 1_000_000  # of a recheck

log = logging.getLogger(__name__)


async def take_jobs(database: Database, crew: Crew, roster: Roster, places: int) -> None:
    """Take jobs until the crew closes, then finish what is in hand. Raises UsageError on SQLite, which has no queue."""
    if database.is_sqlite:
        raise UsageError(
            ja="jisweep worker には PostgreSQL が要ります。SQLite では jisweep run を使ってください。",
            en="jisweep worker needs PostgreSQL: with SQLite use jisweep run.",
        )
    while not crew.closing.is_set():
        try:
            await _Jobs(database, crew, roster, places).take()
        except (psycopg.Error, ConnectorException, StorageError, OSError) as error:
            log.error("the queue: %s", " ".join(str(error).split()))
            with suppress(TimeoutError):
                await asyncio.wait_for(crew.closing.wait(), AGAIN)


class _Jobs:
    """The queue as one worker sees it, for as long as its connections hold."""

    def __init__(self, database: Database, crew: Crew, roster: Roster, places: int) -> None:
        url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._database = database
        self._crew = crew
        self._roster = roster
        self._room = {QUEUES[act]: rooms * places for act, rooms in ROOMS.items()}
        # one connection of each queue listens
        self._app = App(
            connector=PsycopgConnector(conninfo=url, min_size=1, max_size=len(QUEUES) + 2, timeout=20.0)
        )
        self._tasks = {act: self._app.task(name=act.value)(self._see_to) for act in Act}

    async def take(self) -> None:
        """Until the crew closes, or the database is lost."""
        async with self._app.open_async():
            workers = [
                asyncio.create_task(
                    self._app.run_worker_async(
                        queues=[queue], concurrency=room, name=self._roster.name, delete_jobs="always",
                        install_signal_handlers=False, fetch_job_polling_interval=POLL,
                    )
                )
                for queue, room in self._room.items()
            ]  # fmt: skip
            closing = asyncio.create_task(self._crew.closing.wait())
            looking = asyncio.create_task(self._look_again_and_again())
            try:
                done, _ = await asyncio.wait([*workers, closing, looking], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (closing, looking, *workers):
                    task.cancel()
                ended = await asyncio.gather(closing, looking, *workers, return_exceptions=True)
            for each in ended:
                if isinstance(each, Exception) and done:
                    raise each

    async def _see_to(self, sweep: int) -> None:
        """What a job does: whatever its sweep needs now."""
        for _ in range(STICK):
            need = await self._need(sweep)
            if need is None or self._crew.closing.is_set():
                return
            if self._roster.leaves(sweep, need.asked_at):
                return  # whoever looks offers it anew
            spare = need.takes - self._crew.auditing[sweep]
            if need.act is Act.AUDIT and spare < 1:
                return  # those who open its browser here now are enough
            if need.act is Act.AUDIT and spare > 1:
                await self._defer(need)
            self._roster.has_in_hand([sweep])
            try:
                await self._crew.see_to(need)
            except StorageError as error:
                log.error("%s", error)
                return  # whoever looks finds it again
            if need.act is not Act.AUDIT:
                break
        need = await self._need(sweep)
        if need is not None and not self._crew.closing.is_set():
            await self._defer(need)

    async def _need(self, sweep: int) -> Need | None:
        async with self._database.reading() as connection:
            return next(iter(await needs(connection, only=sweep)), None)

    async def _defer(self, need: Need) -> None:
        """Have a job wait for the sweep, unless one does; at once, for later would be by this machine's clock."""
        queue = SOON if need.recheck else QUEUES[need.act]
        job = self._tasks[need.act].configure(
            queue=queue, queueing_lock=f"{queue} {need.act} {need.sweep}",
            priority=URGENT if need.recheck else 0,
        )  # fmt: skip
        with suppress(AlreadyEnqueued):
            await job.defer_async(sweep=need.sweep)

    async def _look_again_and_again(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK * random.uniform(0.5, 1.5))

    async def _look(self) -> None:
        """See that every sweep that needs something has its job, and forget jobs of the dead; one worker at a time."""
        async with self._database.writing() as connection:
            alone = await connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOOKING)))
            if not alone:
                return
            for need in await needs(connection):
                await self._defer(need)
        for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT):
            assert job.id is not None
            await self._app.job_manager.finish_job_by_id_async(job_id=job.id, status=Status.FAILED, delete_job=True)
