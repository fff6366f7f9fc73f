"""Runs what people and schedules have asked for in this process: some sweeps side by side, and rechecks beside them.

Their pages share one pool of places in browsers, which goes round among the sites page by page. A sweep that another process holds is left to it. What was in hand when the application ended is gone on with when it is
back, for its rows still say that it is wanted.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from audits import recheck as rechecking
from audits import sweep as sweeping
from audits.asked import WANTED, settled
from audits.conclude import sweep_row
from audits.recheck import aim_of
from audits.sweep import Held
from audits.work import Tools
from crawler.turns import SharedTurns
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


def usual_places() -> int:
    """Pages in browsers at one time: one loads while the processors run rules."""
    return (os.cpu_count() or 1) + 1


@asynccontextmanager
async def standing_by(
    database: Database, tools: Callable[[], Tools], *, sweeps: int | None = None
) -> AsyncIterator[None]:
    """Run what is asked for while the block lasts; at its end the pages in hand are finished, if they do not take too long.

    `tools` gives the means of each run, and may raise JisweepError for what is missing. `sweeps` are run side by side,
    by default as many as there are places for pages.
    """
    # in hand: sweep → its site, of which one sweep runs after the other
    closing, in_hand = asyncio.Event(), dict[int, int]()
    places, turns = asyncio.Semaphore(usual_places()), SharedTurns(database)

    def means() -> Tools:
        return replace(tools(), places=places, turns=turns)

    lanes = [asyncio.create_task(_lane(database, means, closing, {}, recheck=True))]
    for _ in range(sweeps or usual_places()):
        lanes.append(asyncio.create_task(_lane(database, means, closing, in_hand, recheck=False)))
    try:
        yield
    finally:
        closing.set()
        _, late = await asyncio.wait(lanes, timeout=PATIENCE)
        for lane in late:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def _lane(
    database: Database,
    tools: Callable[[], Tools],
    closing: asyncio.Event,
    in_hand: dict[int, int],
    *,
    recheck: bool,
) -> None:
    """Rechecks have a lane of their own: who waits for one sees a few pages, not all of a site, before theirs."""
    while not closing.is_set():
        pause = LOOK
        try:
            sweep_id = await _next(database, recheck, in_hand)
            if sweep_id is not None:
                try:
                    await run_wanted(database, sweep_id, tools, closing)
                finally:
                    in_hand.pop(sweep_id, None)
        except StorageError as error:
            log.error("%s", error)
            pause = TROUBLE
        except Exception:  # the lane goes on, whatever it was
            log.exception("running what was asked for")
            pause = TROUBLE
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), pause)


async def _next(database: Database, recheck: bool, in_hand: dict[int, int]) -> int | None:
    """The wanted sweep that was asked for first, which nobody holds and whose window is open; it is in hand from then on."""
    columns = Sweep.id, Sweep.site_id, Sweep.settings, Sweep.lease_owner, Sweep.lease_until
    wanted = sa.select(*columns).where(WANTED, Sweep.recheck == recheck).order_by(Sweep.asked_at, Sweep.id)
    async with database.reading() as connection:
        rows = (await connection.execute(wanted)).all()
    for row in rows:
        owner = row.lease_owner
        is_free = owner in (None, this_process()) or row.lease_until < now() or is_alive(owner) is False
        is_new = row.id not in in_hand and (recheck or row.site_id not in in_hand.values())
        if is_new and is_free and Windows.parse(row.settings.get("window", "")).are_open(datetime.now(UTC)):
            in_hand[row.id] = row.site_id
            return int(row.id)
    return None


async def run_wanted(
    database: Database, sweep_id: int, tools: Callable[[], Tools], closing: asyncio.Event, *, alone: bool = True
) -> None:
    """Take a sweep as far as it goes, or with `alone=False` as far as others are to audit its pages.

    What keeps it from going on is kept in its row.
    """
    try:
        if not await _taken_on(database, sweep_id, tools(), closing, alone):
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


async def _taken_on(database: Database, sweep_id: int, tools: Tools, closing: asyncio.Event, alone: bool) -> bool:
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
        return await sweeping.run(
            database, sweep_id, tools, stopping, again=again, since=sweep.asked_at, alone=alone
        )
    finally:
        closer.cancel()
