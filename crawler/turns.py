"""Turns at hosts that several processes share, as rows: together they ask a host no more than one of them would.

A turn is a row with a lease, so that one of a process that died comes free by itself. The time is the database's.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from db.database import Database, insert_new
from db.leases import moment, this_process
from db.tables import HostPace, Turn

LONGEST = timedelta(minutes=3)  # that a turn lasts when nobody gives it back: longer than any page is waited for
SOON = 0.2  # seconds until somebody looks again who found all places taken


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What came of asking for a turn."""

    turn: int | None  # its number; None: not yet
    wait: float  # seconds after which it is worth asking again
    gap: float  # seconds between starts, as all processes keep it now


class SharedTurns:
    """The turns of all hosts in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._telling: set[asyncio.Task[None]] = set()

    async def take(self, host: str, places: int, gap: float, told: float | None) -> Taken:
        """Ask for one of the `places` of a host whose starts are `gap` seconds apart.

        `told` is the gap that this process was told last: when its own is another by now, it is everybody's from now
        on; else it goes by what the others have come to.
        """
        async with self._database.writing() as connection:
            await connection.execute(insert_new(connection, HostPace).values(host=host, gap=gap))
            mine = sa.select(HostPace.gap, _seconds(connection.dialect.name, HostPace.next_at, moment(connection)))
            row = (await connection.execute(mine.where(HostPace.host == host).with_for_update())).one()
            kept: float = max(gap, row[0]) if told is None else row[0] if gap == told else gap
            wait = max(0.0, float(row[1] or 0.0))
            if wait > 0:
                return Taken(turn=None, wait=wait, gap=kept)
            await connection.execute(sa.delete(Turn).where(Turn.host == host, Turn.until < moment(connection)))
            begun = await connection.scalar(sa.select(sa.func.count()).where(Turn.host == host))
            if (begun or 0) >= places:
                return Taken(turn=None, wait=SOON, gap=kept)
            added = sa.insert(Turn).values(host=host, owner=this_process(), until=moment(connection, LONGEST))
            turn: int | None = await connection.scalar(added.returning(Turn.id))
            after = {"next_at": moment(connection, timedelta(seconds=kept)), "gap": kept}
            await connection.execute(sa.update(HostPace).where(HostPace.host == host).values(after))
        return Taken(turn=turn, wait=0.0, gap=kept)

    async def give_back(self, turn: int) -> None:
        """End a turn."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(Turn).where(Turn.id == turn))

    def hold(self, host: str, seconds: float) -> None:
        """Have nobody begin at a host for so long, from as soon as the database can be told."""
        task = asyncio.get_running_loop().create_task(self._hold(host, seconds))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def told(self) -> None:
        """Wait until the database knows of all that was held."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _hold(self, host: str, seconds: float) -> None:
        async with self._database.writing() as connection:
            until = moment(connection, timedelta(seconds=seconds))
            sooner = sa.or_(HostPace.next_at.is_(None), HostPace.next_at < until)
            await connection.execute(sa.update(HostPace).where(HostPace.host == host, sooner).values(next_at=until))


def _seconds(dialect: str, later: Any, earlier: Any) -> sa.ColumnElement[float]:
    """Seconds from one moment to a later one."""
    if dialect == "sqlite":
        days = sa.func.julianday(later) - sa.func.julianday(earlier)
        return sa.type_coerce(days * 86_400, sa.Float())
    return sa.cast(sa.extract("epoch", later - earlier), sa.Float())
