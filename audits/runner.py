"""Runs what people and schedules have asked for, in this process: several sweeps side by side, by turns, page by page.

A sweep that another process holds is left to it; pages of one that is open for all are audited beside the other's. What was in
hand when the process ended is gone on with when it is back, for its rows still say that it is wanted.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from audits.fleet.crew import Crew
from audits.fleet.needs import ROOMS, Act, Need, needs
from audits.fleet.roster import Roster
from audits.work import Tools
from db.database import Database
from db.errors import StorageError

LOOK = 1.0  # seconds between looks for something to run
TROUBLE = 30.0  # seconds until the database is tried again
PATIENCE = 30.0  # seconds that pages in hand have when the application ends

log = logging.getLogger(__name__)


def usual_places() -> int:
    """Pages at one time on this machine: one loads while every core runs rules."""
    return (os.cpu_count() or 1) + 1


@asynccontextmanager
async def standing_by(
    database: Database, tools: Callable[[], Tools], *, places: int | None = None, roster: Roster | None = None,
    patience: float | None = PATIENCE,
) -> AsyncIterator[Crew]:  # fmt: skip
    """Run what is asked for while the block lasts; at its end pages in hand are finished, if they take no longer than `patience`.

    `tools` gives the means of each run, and may raise JisweepError for what is missing.
    """
    places = places or usual_places()
    async with Crew(database, tools, places=places, roster=roster) as crew:
        rounds = asyncio.create_task(Rounds(database, crew, places, roster).go())
        try:
            yield crew
        finally:
            crew.closing.set()
            await asyncio.wait([rounds], timeout=patience)
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)


class Rounds:
    """Sees to what the wanted sweeps need, again and again, each in its turn."""

    def __init__(self, database: Database, crew: Crew, places: int, roster: Roster | None = None) -> None:
        self._database = database
        self._crew = crew
        self._roster = roster
        # Rechecks have room of their own, for who waits for one sees a few pages, not all of a site, before theirs.
        self._most = {act: rooms * places for act, rooms in ROOMS.items()}
        self._tasks: dict[asyncio.Task[None], Need] = {}
        self._served: dict[int, int] = {}  # sweep → when it last had a turn
        self._turn = 0

    async def go(self) -> None:
        """Until the crew closes; then the pages in hand are finished."""
        try:
            while not self._crew.closing.is_set():
                pause = LOOK
                try:
                    async with self._database.reading() as connection:
                        found = await needs(connection)
                    self._begin(found)
                except StorageError as error:
                    log.error("%s", error)
                    pause = TROUBLE
                except Exception:  # the rounds go on, whatever it was
                    log.exception("looking for what is asked for")
                    pause = TROUBLE
                await self._wait(pause)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()
            raise
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _begin(self, found: list[Need]) -> None:
        """Begin what there is room for: of sweeps that are open for all, whose turn is longest ago first."""
        if self._roster is not None:
            found = [each for each in found if not self._roster.leaves(each.sweep, each.asked_at)]
        whole = [each for each in found if each.act is not Act.AUDIT and not self._crew.is_at(each)]
        at_work = {each.sweep for each in self._tasks.values() if each.act is not Act.AUDIT}
        for need in whole:
            if need.sweep not in at_work and (need.recheck or self._room(need.act)):
                self._see_to(need)
        audits = [each for each in found if each.act is Act.AUDIT]
        given: Counter[int] = Counter()
        while audits and self._room(Act.AUDIT):
            busy = Counter(each.sweep for each in self._tasks.values() if each.act is Act.AUDIT)
            audits = [each for each in audits if given[each.sweep] < each.takes]
            if not audits:
                break
            need = min(audits, key=lambda each: (busy[each.sweep], self._served.get(each.sweep, 0)))
            given[need.sweep] += 1
            self._see_to(need)
        if self._roster is not None:
            self._roster.has_in_hand(sorted({each.sweep for each in self._tasks.values()}))

    def _room(self, act: Act) -> bool:
        running = sum(each.act is act and not each.recheck for each in self._tasks.values())
        return running < self._most[act]

    def _see_to(self, need: Need) -> None:
        self._turn += 1
        self._served[need.sweep] = self._turn
        task = asyncio.create_task(self._done(need))
        self._tasks[task] = need
        task.add_done_callback(self._tasks.pop)

    async def _done(self, need: Need) -> None:
        try:
            await self._crew.see_to(need)
        except StorageError as error:
            log.error("%s", error)
            await asyncio.sleep(LOOK)

    async def _wait(self, seconds: float) -> None:
        """Until something is done, the crew closes, or it is time to look again."""
        closing = asyncio.create_task(self._crew.closing.wait())
        try:
            await asyncio.wait([closing, *self._tasks], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
            with suppress(asyncio.CancelledError):
                await closing
