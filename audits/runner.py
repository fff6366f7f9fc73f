"""Runs what people have asked the application for, one sweep and one recheck at a time.

A sweep that another process holds is left to it. What was in hand when the application ended is gone on with when it is
back, for its rows still say that it is wanted.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import sqlalchemy as sa

from audits import recheck as rechecking
from audits import sweep as sweeping
from audits.asked import WANTED, settled
from audits.conclude import sweep_row
from audits.recheck import aim_of
from audits.sweep import Held
from audits.work import Tools
from crawler.windows import Windows
from db.database import Database
from db.errors import JisweepError, StorageError
from db.leases import is_alive, this_process
from db.tables import Sweep
from db.types import now
from db.words import SweepState

LOOK = 1.0  # seconds between looks for something to run
TROUBLE = 30.0  # seconds until the database is tried again
PATIENCE = 30.0  # seconds that pages in hand have when the application ends
BROKEN = {
    "ja": "想定外のエラーで止まりました。記録（ログ）に詳細があります。続けるには「再開」を押してください。",
    "en": "It ended in an unexpected error; the log has the details. Press Resume to go on.",
}

log = logging.getLogger(__name__)


@asynccontextmanager
async def standing_by(database: Database, tools: Callable[[], Tools]) -> AsyncIterator[None]:
    """Run what is asked for while the block lasts; at its end the pages in hand are finished, if they do not take too long.

    `tools` gives the means of each run, and may raise JisweepError for what is missing.
    """
    closing = asyncio.Event()
    lanes = [asyncio.create_task(_lane(database, tools, closing, recheck=each)) for each in (False, True)]
    try:
        yield
    finally:
        closing.set()
        _, late = await asyncio.wait(lanes, timeout=PATIENCE)
        for lane in late:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def _lane(database: Database, tools: Callable[[], Tools], closing: asyncio.Event, *, recheck: bool) -> None:
    """Rechecks have a lane of their own: who waits for one sees a few pages, not all of a site, before theirs."""
    while not closing.is_set():
        pause = LOOK
        try:
            sweep_id = await _next(database, recheck)
            if sweep_id is not None:
                await _run(database, sweep_id, tools, closing)
        except StorageError as error:
            log.error("%s", error)
            pause = TROUBLE
        except Exception:  # the lane goes on, whatever it was
            log.exception("running what was asked for")
            pause = TROUBLE
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), pause)


async def _next(database: Database, recheck: bool) -> int | None:
    """The wanted sweep that was asked for first, which nobody holds and whose window is open."""
    columns = Sweep.id, Sweep.settings, Sweep.lease_owner, Sweep.lease_until
    wanted = sa.select(*columns).where(WANTED, Sweep.recheck == recheck).order_by(Sweep.asked_at, Sweep.id)
    async with database.reading() as connection:
        rows = (await connection.execute(wanted)).all()
    for row in rows:
        owner = row.lease_owner
        is_free = owner in (None, this_process()) or row.lease_until < now() or is_alive(owner) is False
        if is_free and Windows.parse(row.settings.get("window", "")).are_open(datetime.now(UTC)):
            return int(row.id)
    return None


async def _run(database: Database, sweep_id: int, tools: Callable[[], Tools], closing: asyncio.Event) -> None:
    """Take a sweep as far as it goes; what keeps it from going on is kept in its row."""
    try:
        if not await _taken_on(database, sweep_id, tools(), closing):
            return  # stopped, closed or outside its window: its rows say which
        halted = None
    except Held:
        return
    except StorageError:
        raise
    except JisweepError as error:
        halted = {"ja": error.ja, "en": error.en}
    except Exception:
        log.exception("sweep %d", sweep_id)
        halted = BROKEN
    async with database.writing() as connection:
        await settled(connection, sweep_id, halted)


async def _taken_on(database: Database, sweep_id: int, tools: Tools, closing: asyncio.Event) -> bool:
    async with database.reading() as connection:
        sweep = await sweep_row(connection, sweep_id)
    stopping = asyncio.Event()

    windows = Windows.parse(sweep.settings.get("window", ""))

    async def close() -> None:
        """Outside its window a sweep makes room for others; it goes on when the window opens again."""
        while not closing.is_set() and windows.are_open(datetime.now(UTC)):
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), LOOK)
        stopping.set()

    closer = asyncio.create_task(close())
    try:
        if sweep.recheck:
            aim, _ = aim_of(sweep)
            return await rechecking.run(database, sweep_id, aim, tools, stopping, since=sweep.asked_at)
        asked, finished = sweep.asked_at, sweep.finished_at
        again = sweep.state is SweepState.FINISHED and bool(asked and finished and asked > finished)
        return await sweeping.run(database, sweep_id, tools, stopping, again=again, since=sweep.asked_at)
    finally:
        closer.cancel()
