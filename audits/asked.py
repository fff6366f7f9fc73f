"""What people ask the application for: to run a sweep or a recheck, to go on with one, to stop one. They are rows alone.

A sweep is the application's from when somebody asks until it is done or stopped; one of a terminal, never unless somebody asks.
"""

import random
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import recheck as rechecking
from audits.recheck import Aim
from audits.sweep import Plan, write_rows
from db.errors import UsageError
from db.leases import held_sweeps
from db.tables import Site, Sweep
from db.types import now
from db.words import SweepState

WANTED = sa.and_(
    Sweep.asked_at.is_not(None), sa.or_(Sweep.stop_asked_at.is_(None), Sweep.stop_asked_at < Sweep.asked_at)
)  # the application is to run it
WANTED_ORDER = (Sweep.priority.desc(), Sweep.asked_at, Sweep.id)  # which of those that wait is run first


async def in_the_way(connection: AsyncConnection, site_id: int) -> int | None:
    """A sweep of a site that waits or is being run, by whomever; None when another may begin.

    Who asks at the same time waits until the caller's transaction has ended.
    """
    await connection.execute(sa.select(Site.id).where(Site.id == site_id).with_for_update())
    waiting = sa.select(sa.func.max(Sweep.id)).where(Sweep.site_id == site_id, ~Sweep.recheck, WANTED)
    if (found := await connection.scalar(waiting)) is not None:
        return int(found)
    return max((row.id for row in await held_sweeps(connection, Sweep.site_id == site_id)), default=None)


async def ask_sweep(connection: AsyncConnection, plan: Plan, who: str, priority: int = 0) -> int:
    """Have a new sweep run; returns its number."""
    sweep_id = await write_rows(connection, plan)
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(priority=priority))
    await _want(connection, sweep_id, who)
    return sweep_id


async def ask_recheck(connection: AsyncConnection, aim: Aim, who: str) -> int:
    """Have the pages of defects seen again; returns the recheck's number, that of one which waits or runs for the same.

    `aim` comes from audits.recheck: aim_at([defect, …]), aim_at_page(page). Raises UsageError when no sweep of the site has finished.
    """
    waiting = sa.select(Sweep.id, Sweep.aim).where(
        Sweep.site_id == aim.site, Sweep.recheck, Sweep.state != SweepState.FINISHED, WANTED
    )
    for row in await connection.execute(waiting.order_by(Sweep.id)):
        if row.aim and row.aim["pages"] == aim.as_row({})["pages"]:
            return int(row.id)
    seed = random.SystemRandom().randrange(2**32)
    sweep_id = await rechecking.begin_recheck(connection, aim, seed)
    await rechecking.choose_pages(connection, sweep_id, await rechecking.first_look(connection, aim, seed))
    await _want(connection, sweep_id, who)
    return sweep_id


async def ask_again(connection: AsyncConnection, sweep_id: int, who: str) -> None:
    """Have the application go on with a sweep; of a finished one, try the pages again that were lost.

    Raises UsageError for a recheck that does not say what it was begun for: older ones do not.
    """
    row = (await connection.execute(sa.select(Sweep.recheck, Sweep.aim).where(Sweep.id == sweep_id))).one()
    if row.recheck and not row.aim:
        raise UsageError(
            ja=f"再検査 {sweep_id} は、どの欠陥のためか記録がないので続けられません。欠陥の画面から新しく始めてください。",
            en=f"Recheck {sweep_id} does not say for which defects it was begun: begin a new one from the defect.",
        )
    await _want(connection, sweep_id, who)


async def ask_stop(connection: AsyncConnection, sweep_id: int) -> None:
    """Have whoever runs a sweep stop after the pages in hand, and the application not begin with it."""
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(stop_asked_at=now()))


async def settled(connection: AsyncConnection, sweep_id: int, halted: Mapping[str, str] | None = None) -> None:
    """Have the application leave a sweep: it is done, or `halted` says in each language why it cannot go on."""
    values: dict[str, Any] = {
        "asked_at": None, "halted": sa.null() if halted is None else dict(halted),
        "halted_at": None if halted is None else now(),
    }  # fmt: skip
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(values))


async def _want(connection: AsyncConnection, sweep_id: int, who: str) -> None:
    asked = {"asked_by": who, "asked_at": now(), "halted": sa.null()}
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(asked))
