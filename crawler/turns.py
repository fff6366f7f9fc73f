"""Turns at a host that hold for all processes on one database: so many requests at once, so far apart, none while it rests.

A turn is a row with a lease. The host's row is locked while a turn is taken, so that two never count each other as absent; the
clock is the database's.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.clock import later, present, seconds_after, seconds_until
from db.database import Database, insert_new
from db.errors import StorageError
from db.leases import this_process
from db.tables import Host, Turn

TURN = timedelta(minutes=2)  # a process that says nothing for so long has lost its turns
RENEW = 30.0  # seconds
SOON = 0.1  # seconds until a host that is full is asked about again
SWEPT = timedelta(minutes=-10)  # turns that ended so long ago are forgotten: nobody renews one that has ended

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A turn that is ours."""

    turn: int
    gap: float  # seconds between starts that the host's trouble has taught any of us


class _Full(Exception):
    """The host has no place for us: the start that was noted is undone."""


class Turns:
    """The turns of this process: `async with Turns(database) as turns: …`, which renews them while it is open."""

    def __init__(self, database: Database, owner: str | None = None) -> None:
        self._database = database
        self._owner = owner or this_process()
        self._known: set[str] = set()  # hosts that have a row
        self._held: set[int] = set()  # turns that are to be renewed
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._renewing is not None
        self._renewing.cancel()
        with suppress(asyncio.CancelledError):
            await self._renewing

    async def take(self, host: str, places: int, gap: float) -> Taken | float:
        """Take one of the host's places, or the seconds after which to ask again. The next start is a gap later."""
        try:
            async with self._database.writing() as connection:
                await self._ensure(connection, host)
                taken = await self._take(connection, host, places, gap)
        except _Full:
            return SOON
        if isinstance(taken, Taken):
            self._held.add(taken.turn)
        return taken

    async def give(self, taken: Taken) -> None:
        """Give a turn back. One that cannot be given back ends with its lease."""
        self._held.discard(taken.turn)
        with suppress(StorageError):
            async with self._database.writing() as connection:
                await connection.execute(sa.delete(Turn).where(Turn.id == taken.turn))

    async def hold(self, host: str, seconds: float) -> None:
        """Let nobody begin with a request to the host for so long; a longer pause in force stays."""
        until = later(timedelta(seconds=seconds))
        await self._tell(host, sa.update(Host).where(Host.held_until < until).values(held_until=until))

    async def pace(self, host: str, gap: float) -> None:
        """Keep everybody's starts this far apart, 0: as far as their own limits say."""
        await self._tell(host, sa.update(Host).values(gap=gap))

    async def _tell(self, host: str, told: sa.Update) -> None:
        async with self._database.writing() as connection:
            await self._ensure(connection, host)
            await connection.execute(told.where(Host.name == host))

    async def _ensure(self, connection: AsyncConnection, host: str) -> None:
        if host not in self._known:
            new = {"name": host, "next_at": present(), "held_until": present(), "gap": 0.0}
            await connection.execute(insert_new(connection, Host).values(new))
            self._known.add(host)

    async def _take(self, connection: AsyncConnection, host: str, places: int, gap: float) -> Taken | float:
        wider = sa.case((Host.gap > gap, Host.gap), else_=gap)
        paced = await connection.scalar(
            sa.update(Host)
            .where(Host.name == host, Host.next_at <= present(), Host.held_until <= present())
            .values(next_at=seconds_after(wider))
            .returning(Host.gap)
        )
        if paced is None:
            over = sa.case((Host.next_at > Host.held_until, Host.next_at), else_=Host.held_until)
            left = await connection.scalar(sa.select(seconds_until(over)).where(Host.name == host))
            if left is None:  # its row has been cleared away
                self._known.discard(host)
            return max(left or 0.0, 0.001)
        await connection.execute(sa.delete(Turn).where(Turn.host == host, Turn.until < later(SWEPT)))
        under_way = sa.select(sa.func.count()).where(Turn.host == host, Turn.until >= present()).scalar_subquery()
        new = sa.select(sa.literal(host), sa.literal(self._owner), later(TURN)).where(under_way < places)
        turn = await connection.scalar(
            sa.insert(Turn).from_select(["host", "owner", "until"], new).returning(Turn.id)
        )
        if turn is None:
            raise _Full
        return Taken(turn=turn, gap=paced)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW)
            try:
                await self.renew()
            except StorageError as error:
                log.warning("%s", error)

    async def renew(self) -> None:
        """Hold the turns in use longer, those that have not ended."""
        mine = Turn.id.in_(self._held), Turn.owner == self._owner, Turn.until >= present()
        async with self._database.writing() as connection:
            await connection.execute(sa.update(Turn).where(*mine).values(until=later(TURN)))


class Telling:
    """What is told to others while nobody waits for it, in its order."""

    def __init__(self) -> None:
        self._last: asyncio.Task[None] | None = None

    def tell(self, told: Coroutine[Any, Any, None]) -> None:
        """Have it told after what was told before."""
        self._last = asyncio.create_task(self._after(self._last, told))

    async def done(self) -> None:
        """Wait until all is told."""
        if self._last is not None:
            await asyncio.wait([self._last])

    async def _after(self, before: asyncio.Task[None] | None, told: Coroutine[Any, Any, None]) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await told
        except StorageError as error:
            log.warning("%s", error)
