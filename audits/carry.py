"""Carrying results: a page that is what it was in the earlier sweep, down to its scripts, keeps its result.

Carried results bear the date when their evidence was taken. A random share of them is audited all the same; when too
many of those say something else, nothing is carried on this site any more.
"""

import math
import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from audits.reliance import reliance
from audits.work import Work
from crawler.exploration import add_note
from db.tables import Result, Site, Sweep, Visit
from db.types import now
from db.words import VisitState

_EVIDENCE = (Visit.audited_digest, Visit.stable_digest, Visit.volatile_id, Visit.result_id, Visit.audited_at)


async def carry_unchanged(work: Work) -> None:
    """Decide once for a sweep which chosen pages keep an earlier result, and which of these are audited anyway.

    Raises Stopped before anything is decided.
    """
    sweep = work.sweep
    if sweep.earlier_id is None or sweep.carried_at is not None:
        return
    async with work.database.reading() as connection:
        earlier = (
            await connection.execute(sa.select(Sweep.rule_set, Sweep.browser).where(Sweep.id == sweep.earlier_id))
        ).one()
    why = _incomparable(sweep, earlier.rule_set, earlier.browser)
    rows = [] if why else await _unchanged(work)
    drawn = random.Random(f"{sweep.seed} carry").sample(rows, math.ceil(work.limits.recheck * len(rows)))
    rechecked = {row["visit"] for row in drawn}
    async with work.database.writing() as connection:
        for row in rows:
            visit = row.pop("visit")
            facts: dict[str, Any] = (
                {"expected_id": row["result_id"]}
                if visit in rechecked
                else {"state": VisitState.AUDITED, "carried": True, **row}
            )
            mine = sa.update(Visit).where(Visit.id == visit, Visit.state == VisitState.SELECTED)
            await connection.execute(mine.values(facts))
        if why:
            await add_note(
                connection, sweep.id, "carry", f"sweep {sweep.earlier_id}", f"all pages are audited anew: {why}"
            )
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(carried_at=now()))


def _incomparable(sweep: Sweep, rule_set: str | None, browser: str | None) -> str:
    """Why results of another sweep say nothing of this one's; empty when they do."""
    if rule_set != sweep.rule_set:
        return f"{rule_set} has become {sweep.rule_set}"
    before, after = (
        {each.partition(".")[0] for each in (named or "").split(", ")} for named in (browser, sweep.browser)
    )
    return "" if before == after else f"{browser} has become {sweep.browser}"


async def _unchanged(work: Work) -> list[dict[str, Any]]:
    """The chosen pages that are what they were when an earlier result was taken, with what they keep of it.

    The result must have been taken under the same rules in the same window, from a page that had come to rest, with no
    part left out.
    """
    sweep, visit, earlier = work.sweep, aliased(Visit), aliased(Visit)
    stable = sa.and_(visit.stable_digest == earlier.stable_digest, visit.volatile_id == earlier.volatile_id)
    async with work.database.reading() as connection:
        rows = await connection.execute(
            sa.select(
                visit.id.label("visit"), earlier.resources, *(getattr(earlier, each.key) for each in _EVIDENCE)
            )
            .join(earlier, earlier.page_id == visit.page_id)
            .join(Result, Result.id == earlier.result_id)
            .where(
                visit.sweep_id == sweep.id,
                visit.state == VisitState.SELECTED,
                earlier.sweep_id == sweep.earlier_id,
                earlier.state == VisitState.AUDITED,
                earlier.resources.is_not(None),
                sa.or_(visit.body_digest == earlier.audited_digest, stable),
                Result.rule_set == sweep.rule_set,
                Result.viewport_width == sweep.viewport_width,
                Result.viewport_height == sweep.viewport_height,
                Result.settled,
                sa.func.json_array_length(Result.untested) == 0,
            )
            .order_by(visit.id)
        )
        candidates = [dict(row) for row in rows.mappings()]
    sets = {row["resources"] for row in candidates}
    now_known = {each: await work.resources.unchanged(each) for each in sorted(sets)}
    kept = [row | {"resources": now_known[row["resources"]]} for row in candidates]
    return [row for row in kept if row["resources"] is not None]


async def stop_carrying(work: Work) -> bool:
    """Have all carried pages audited, and carry nothing on this site from now on, when the recheck asks for it.

    Returns whether it did, and so pages wait to be audited.
    """
    sweep = work.sweep
    async with work.database.writing() as connection:
        found = await reliance(connection, sweep.id)
        if not found.carried or not found.is_unreliable(work.limits.tolerance):
            return False
        undone = {"state": VisitState.SELECTED, "carried": False, "result_id": None, "audited_at": None}
        mine = Visit.sweep_id == sweep.id, Visit.carried
        await connection.execute(sa.update(Visit).where(*mine).values(undone))
        site = sa.select(Site.settings, Site.address).where(Site.id == sweep.site_id).with_for_update()
        settings, address = (await connection.execute(site)).one()
        kept = sa.update(Site).where(Site.id == sweep.site_id).values(settings=settings | {"fresh": True})
        await connection.execute(kept)
        said = f"{found.disagreeing} of {found.rechecked} pages audited again said something else than was carried: nothing is carried on this site any more"
        await add_note(connection, sweep.id, "carry", address, said)
    return True
