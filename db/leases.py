"""Leases: a row is held by one owner for a while, taken by one conditional UPDATE; the time is the database's."""

import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.clock import later, present
from db.database import Database
from db.tables import Sweep, Visit
from db.types import now
from db.words import VisitState

LEASE = timedelta(minutes=5)


def this_process() -> str:
    """The owner's name of this process: host, process id, and when the process started.

    The start time tells a process from a later one with the same id.
    """
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def is_alive(owner: str) -> bool | None:
    """Whether the owner still runs; None when it is on another host and cannot be asked."""
    host, pid, started = owner.rsplit("/", 2)
    if host != socket.gethostname():
        return None
    return _started(int(pid)) == started != ""


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot (Linux /proc); elsewhere only that it lives."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
            return "" if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        pass
    if os.path.isdir("/proc/self"):
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"


def is_held(row: Any) -> bool:
    """Whether somebody holds a row of a sweep, with its owner and the end of its lease."""
    return bool(row.lease_owner) and row.lease_until >= now() and is_alive(row.lease_owner) is not False


async def held_sweeps(connection: AsyncConnection, *of: sa.ColumnElement[bool]) -> list[Any]:
    """The sweeps, not rechecks, that somebody holds and of which conditions hold: id, site_id, lease_owner, lease_until."""
    columns = Sweep.id, Sweep.site_id, Sweep.lease_owner, Sweep.lease_until
    query = sa.select(*columns).where(Sweep.lease_owner.is_not(None), ~Sweep.recheck, *of)
    return [row for row in await connection.execute(query) if is_held(row)]


async def hold_sweep(connection: AsyncConnection, sweep_id: int, owner: str) -> str | None:
    """Take or renew the lease of a sweep and those of our visits; returns None when held by us, else who holds it.

    A holder on this host that no longer runs loses its lease at once; one elsewhere when the lease ends.
    """
    asked = sa.select(Sweep.lease_owner).where(Sweep.id == sweep_id)
    holder = await connection.scalar(asked)
    dead = holder if holder is not None and holder != owner and is_alive(holder) is False else None
    taken = await connection.execute(
        sa.update(Sweep)
        .where(
            Sweep.id == sweep_id,
            sa.or_(
                Sweep.lease_owner.is_(None),
                Sweep.lease_owner == owner,
                Sweep.lease_until < present(),
                Sweep.lease_owner == dead,
            ),
        )
        .values(lease_owner=owner, lease_until=later(LEASE))
    )
    if not taken.rowcount:
        return await connection.scalar(asked) or "?"  # another may have come first
    await connection.execute(
        sa.update(Visit)
        .where(Visit.sweep_id == sweep_id, Visit.lease_owner == owner)
        .values(lease_until=later(LEASE))
    )
    return None


async def release_sweep(connection: AsyncConnection, sweep_id: int, owner: str) -> None:
    """Give the sweep's lease back, and those of its visits."""
    for table, key in ((Sweep, Sweep.id), (Visit, Visit.sweep_id)):
        await connection.execute(
            sa.update(table)
            .where(key == sweep_id, table.lease_owner == owner)
            .values(lease_owner=None, lease_until=None)
        )


async def dead_owners(database: Database, sweep_id: int) -> frozenset[str]:
    """Owners of the sweep's visits that are known to run no more."""
    async with database.reading() as connection:
        owners = await connection.scalars(
            sa.select(Visit.lease_owner)
            .where(Visit.sweep_id == sweep_id, Visit.lease_owner.is_not(None))
            .distinct()
        )
        return frozenset(owner for owner in owners if owner and is_alive(owner) is False)


async def renew_visits(connection: AsyncConnection, visits: Sequence[int], owner: str) -> None:
    """Hold visits longer, those that the owner still holds."""
    mine = Visit.id.in_(visits), Visit.lease_owner == owner
    await connection.execute(sa.update(Visit).where(*mine).values(lease_until=later(LEASE)))


async def release_visits(connection: AsyncConnection, visits: Sequence[int], owner: str) -> None:
    """Give visits back, those that the owner still holds."""
    mine = Visit.id.in_(visits), Visit.lease_owner == owner
    await connection.execute(sa.update(Visit).where(*mine).values(lease_owner=None, lease_until=None))


async def claim_visits(
    connection: AsyncConnection, sweep_id: int, owner: str, count: int, dead: frozenset[str] = frozenset()
) -> list[int]:
    """Take up to `count` selected visits that nobody holds; returns their ids. Those nearest to the start come first.

    `dead` names owners known to run no more; their leases count as ended.
    """
    free = (
        sa.select(Visit.id)
        .where(
            Visit.sweep_id == sweep_id,
            Visit.state == VisitState.SELECTED,
            sa.or_(Visit.lease_owner.is_(None), Visit.lease_until < present(), Visit.lease_owner.in_(dead)),
        )
        .order_by(Visit.depth)  # as the index has them: by id, all that is done already would be read each time
        .limit(count)
        .with_for_update(skip_locked=True)
        .cte("free")  # run once; PostgreSQL may run a sub-select for each row, and pass its limit
    )
    claimed = await connection.scalars(
        sa.update(Visit)
        .where(Visit.id.in_(sa.select(free.c.id)))
        .values(lease_owner=owner, lease_until=later(LEASE))
        .returning(Visit.id)
    )
    return sorted(claimed)
