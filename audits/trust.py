"""Trust: whether a sweep that has finished counts, judged by its health, and by people where that is in doubt.

It is held against the last sweep that counts and met the site under the same scope and limits, and against the one that
knew the most pages in a year, so that little by little is told from nothing. What a person has said stays said: an accepted
sweep is taken into defects and trends, a rejected one never is.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import no_pages, site_sweep, sweep_row
from audits.counts import scope_of
from audits.defects.reconcile import reconcile
from audits.health import Measured, Thresholds
from audits.reliance import reliance
from audits.speaking import SPEAKS
from audits.trends.kept import keep_points
from crawler.frame import is_gone
from db.errors import UsageError
from db.tables import Draw, Health, Site, Sweep, Visit
from db.types import now
from db.words import TRANSIENT, Doubt, SweepState, Trust, VisitState

HISTORY = 5  # earlier sweeps whose durations are looked at
YEAR = timedelta(days=366)  # back to which a site must not have shrunk by little each time
REACH = ("addresses", "depth", "pattern", "widen", "menus", "obey_meta_robots")  # limits that decide what is found


async def judge(connection: AsyncConnection, sweep_id: int) -> Trust:
    """Say whether a sweep that has just finished is suspect, and keep what that stands on; a person's word stays."""
    sweep = await site_sweep(connection, sweep_id)
    settings = await connection.scalar(sa.select(Site.settings).where(Site.id == sweep.site_id))
    limits = Thresholds.of(settings or {})
    before = await _comparable(connection, sweep)
    measured = await _measure(connection, sweep, before)
    against = before[0].id if before else None
    if Doubt.SHRUNKEN not in measured.doubts(limits) and (
        greatest := await _greatest(connection, sweep, measured, limits)
    ):
        against, known = greatest
        measured = replace(measured, known_before=known)
    doubts = measured.doubts(limits)
    row = {
        "against_id": against, "told": asdict(measured), "limits": asdict(limits),
        "doubts": [each.value for each in doubts], "judged_at": now(),
    }  # fmt: skip
    if not (await connection.execute(sa.update(Health).where(Health.sweep_id == sweep_id).values(row))).rowcount:
        await connection.execute(sa.insert(Health).values(sweep_id=sweep_id, **row))
    trust = (
        sweep.trust if sweep.trust in (Trust.ACCEPTED, Trust.REJECTED) else Trust.SUSPECT if doubts else Trust.SOUND
    )
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(trust=trust))
    return trust


async def accept(connection: AsyncConnection, sweep_id: int, who: str, why: str) -> None:
    """Let a suspect sweep count: its defects and points are taken in now. Raises UsageError for any other, and without a reason."""
    await _decide(connection, sweep_id, Trust.ACCEPTED, who, why)
    sweep = await sweep_row(connection, sweep_id)
    await reconcile(connection, sweep_id)
    await keep_points(connection, Sweep.site_id == sweep.site_id)


async def reject(connection: AsyncConnection, sweep_id: int, who: str, why: str) -> None:
    """Have a suspect sweep never count. Raises UsageError for any other, and without a reason."""
    await _decide(connection, sweep_id, Trust.REJECTED, who, why)


async def _decide(connection: AsyncConnection, sweep_id: int, trust: Trust, who: str, why: str) -> None:
    if not (who.strip() and why.strip()):
        raise UsageError(ja="名前と理由を書いてください。", en="Give a name and a reason.")
    await site_sweep(connection, sweep_id)
    waiting = Sweep.id == sweep_id, Sweep.trust == Trust.SUSPECT, Sweep.state == SweepState.FINISHED
    if not (await connection.execute(sa.update(Sweep).where(*waiting).values(trust=trust))).rowcount:
        raise UsageError(
            ja=f"スイープ {sweep_id} は、判断を待つ疑わしいスイープではありません。jisweep health {sweep_id} で確かめてください。",
            en=f"Sweep {sweep_id} is no suspect one that waits for a decision: see jisweep health {sweep_id}.",
        )
    said = {"decided_by": who.strip(), "why": why.strip(), "decided_at": now()}
    await connection.execute(sa.update(Health).where(Health.sweep_id == sweep_id).values(said))


async def _comparable(connection: AsyncConnection, sweep: Sweep) -> list[Sweep]:
    """Earlier sweeps of the site that count and met it under the same scope and limits, the last first.

    Edition, level and rules do not matter here: they decide what is found on pages, not which pages there are.
    """
    earlier = sa.select(Sweep.id, Sweep.settings).where(Sweep.site_id == sweep.site_id, Sweep.id < sweep.id, SPEAKS)
    found: list[Sweep] = []
    for row in await connection.execute(earlier.order_by(Sweep.id.desc())):
        if await _is_alike(connection, sweep, row):
            found.append(await sweep_row(connection, row.id))
        if len(found) == HISTORY:
            break
    return found


async def _greatest(
    connection: AsyncConnection, sweep: Sweep, measured: Measured, limits: Thresholds
) -> tuple[int, int] | None:
    """The comparable sweep of a year that knew the most pages, where this one is suspect against it, and its number of pages.

    What was before a sweep that a person has accepted is over.
    """
    earlier = (
        sa.select(Sweep.id, Sweep.settings, Sweep.trust, Health.told)
        .join(Health, Health.sweep_id == Sweep.id)
        .where(Sweep.site_id == sweep.site_id, Sweep.id < sweep.id, SPEAKS)
        .where(Sweep.finished_at >= (sweep.finished_at or now()) - YEAR)
    )
    found: tuple[int, int] | None = None
    for row in await connection.execute(earlier.order_by(Sweep.id.desc())):
        known = int(row.told["known"])
        doubts = replace(measured, known_before=known).doubts(limits)
        is_greater = Doubt.SHRUNKEN in doubts and (found is None or known > found[1])
        is_accepted = row.trust is Trust.ACCEPTED
        if (is_greater or is_accepted) and await _is_alike(connection, sweep, row):
            found = (row.id, known) if is_greater else found
            if is_accepted:
                break
    return found


async def _is_alike(connection: AsyncConnection, sweep: Sweep, row: Any) -> bool:
    """Whether an earlier sweep met the site under the same scope and limits; `row` has its `id` and `settings`."""
    if _reach(row.settings) != _reach(sweep.settings):
        return False
    return await scope_of(connection, row.id) == await scope_of(connection, sweep.id)


def _reach(settings: Mapping[str, Any]) -> list[Any]:
    return [settings.get(name) or None for name in REACH]


async def _measure(connection: AsyncConnection, sweep: Sweep, before: list[Sweep]) -> Measured:
    lean = await reliance(connection, sweep.id)
    mine, lost = Visit.sweep_id == sweep.id, Visit.state == VisitState.UNAUDITED
    chosen = mine, sa.exists().where(Draw.visit_id == Visit.id), ~is_gone()
    alike = [_seconds(each) for each in before if each.method is sweep.method]
    return Measured(
        known=await _known(connection, sweep.id),
        known_before=await _known_before(connection, before[0].id) if before else None,
        unanswered=await _count(connection, mine, lost, Visit.reason.in_(TRANSIENT)),
        chosen=await _count(connection, *chosen), lost=await _count(connection, *chosen, lost),
        audited=await _count(connection, mine, Visit.state == VisitState.AUDITED),
        carried=lean.carried, rechecked=lean.rechecked, disagreeing=lean.disagreeing,
        seconds=_seconds(sweep), seconds_usual=median(alike) if alike else None,
    )  # fmt: skip


async def _known(connection: AsyncConnection, sweep_id: int) -> int:
    return await _count(connection, Visit.sweep_id == sweep_id) - await no_pages(connection, sweep_id)


async def _known_before(connection: AsyncConnection, sweep_id: int) -> int:
    """As that sweep was judged by, whose addresses may not be kept any more."""
    told = await connection.scalar(sa.select(Health.told).where(Health.sweep_id == sweep_id))
    return int(told["known"]) if told else await _known(connection, sweep_id)


async def _count(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> int:
    return await connection.scalar(sa.select(sa.func.count()).select_from(Visit).where(*conditions)) or 0


def _seconds(sweep: Sweep) -> float:
    return ((sweep.finished_at or now()) - sweep.created_at).total_seconds()
