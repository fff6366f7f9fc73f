"""Carrying results: a page that is what it was in the earlier sweep, down to its scripts, keeps its result.

Carried results bear the date when their evidence was taken. A random share of them is audited all the same; when too
many of those say something else, nothing is carried on this site any more.
"""

import math
import random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from audits.keeping.lost import WHOLE
from audits.reliance import reliance
from audits.work import Work
from crawler.limits import Limits
from crawler.notes import add_note
from db.database import Database
from db.tables import Result, Site, Sweep, Visit
from db.types import now
from db.words import About, VisitState

_visit, _earlier = aliased(Visit), aliased(Visit)
_mine = sa.update(Visit).where(
    Visit.id == sa.bindparam("of"),
    Visit.state == VisitState.SELECTED,
    _earlier.id == sa.bindparam("before"),
    _earlier.page_id == Visit.page_id,
)
# A page that is audited anyway, and one that keeps what the earlier visit had: made of what is there `now`
_EXPECTED = _mine.values(expected_id=_earlier.result_id)
_CARRIED = _mine.values(
    state=VisitState.AUDITED, carried=True, resources=sa.bindparam("now"),
    audited_digest=_earlier.audited_digest, stable_digest=_earlier.stable_digest, volatile_id=_earlier.volatile_id,
    result_id=_earlier.result_id, audited_at=_earlier.audited_at,
)  # fmt: skip


async def carry_unchanged(work: Work) -> None:
    """Decide once for a sweep which chosen pages keep an earlier result, and which of these are audited anyway.

    Raises Stopped before anything is decided.
    """
    sweep = work.sweep
    if sweep.earlier_id is None or sweep.carried_at is not None:
        return
    async with work.database.reading() as connection:
        earlier = (
            await connection.execute(
                sa.select(Sweep.rule_set, Sweep.mic, Sweep.browser).where(Sweep.id == sweep.earlier_id)
            )
        ).one()
    why = _incomparable(sweep, earlier.rule_set, earlier.mic, earlier.browser)
    pages = [] if why else await _unchanged(work)
    drawn = random.Random(f"{sweep.seed} carry").sample(pages, math.ceil(work.limits.recheck * len(pages)))
    rechecked = {page["of"] for page in drawn}
    async with work.database.writing() as connection:
        kept = [page for page in pages if page["of"] not in rechecked]
        for change, some in ((_EXPECTED, drawn), (_CARRIED, kept)):
            if some:
                await connection.execute(change, some)
        if why:
            await add_note(
                connection, sweep.id, About.CARRY, work.scope.start, f"all pages are audited anew: {why}"
            )
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep.id).values(carried_at=now()))


def _incomparable(sweep: Sweep, rule_set: str | None, mic: str | None, browser: str | None) -> str:
    """Why results of another sweep say nothing of this one's; empty when they do."""
    if rule_set != sweep.rule_set:
        return f"{rule_set} has become {sweep.rule_set}"
    if sweep.mic != mic:
        return f"MIC {mic} has become MIC {sweep.mic}"
    before, after = (
        {each.partition(".")[0] for each in (named or "").split(", ")} for named in (browser, sweep.browser)
    )
    return "" if before == after else f"{browser} has become {sweep.browser}"


async def _unchanged(work: Work) -> list[dict[str, Any]]:
    """The chosen pages that are what they were when an earlier result was taken, as the changes above name their parts."""
    sets = _alike(work.sweep).with_only_columns(_earlier.resources).distinct()  # most pages are made of the same
    async with work.database.reading() as connection:
        made_of = list(await connection.scalars(sets))
    now_made_of = {each: await work.resources.unchanged(each) for each in made_of if each is not None}
    found: list[dict[str, Any]] = []
    async with work.database.reading() as connection:
        async for visit, earlier, resources in await connection.stream(_alike(work.sweep).order_by(_visit.id)):
            if (same := now_made_of.get(resources or b"")) is not None:
                found.append({"of": visit, "before": earlier, "now": same})
    return found


def _alike(sweep: Sweep) -> sa.Select[int, int, bytes | None]:
    """The chosen pages with the source that an earlier result was taken of: visit, earlier visit, its resources.

    It was taken under the same rules in the same window, of a page that had come to rest, with no part left out, and has
    all of its evidence still.
    """
    stable = sa.and_(_visit.stable_digest == _earlier.stable_digest, _visit.volatile_id == _earlier.volatile_id)
    return (
        sa.select(_visit.id, _earlier.id, _earlier.resources)
        .join(_earlier, _earlier.page_id == _visit.page_id)
        .join(Result, Result.id == _earlier.result_id)
        .where(
            _visit.sweep_id == sweep.id,
            _visit.state == VisitState.SELECTED,
            _earlier.sweep_id == sweep.earlier_id,
            _earlier.state == VisitState.AUDITED,
            _earlier.audited_digest.is_not(None),
            _earlier.resources.is_not(None),
            sa.or_(_visit.body_digest == _earlier.audited_digest, stable),
            Result.rule_set == sweep.rule_set,
            Result.viewport_width == sweep.viewport_width,
            Result.viewport_height == sweep.viewport_height,
            Result.settled,
            sa.func.json_array_length(Result.untested) == 0,
            WHOLE,
        )
    )


async def stop_carrying(database: Database, sweep: Sweep) -> bool:
    """Have all carried pages audited, and carry nothing on this site from now on, when the recheck asks for it.

    Returns whether pages wait to be audited now.
    """
    async with database.writing() as connection:
        found = await reliance(connection, sweep.id)
        if not found.is_unreliable(Limits.from_row(sweep.settings).tolerance):
            return False
        undone = {"state": VisitState.SELECTED, "carried": False, "result_id": None, "audited_at": None}
        mine = Visit.sweep_id == sweep.id, Visit.carried
        await connection.execute(sa.update(Visit).where(*mine).values(undone))
        site = sa.select(Site.settings, Site.address).where(Site.id == sweep.site_id).with_for_update()
        settings, address = (await connection.execute(site)).one()
        kept = sa.update(Site).where(Site.id == sweep.site_id).values(settings=settings | {"fresh": True})
        await connection.execute(kept)
        said = f"{found.disagreeing} of {found.rechecked} pages audited again said something else than was carried: nothing is carried on this site any more"
        await add_note(connection, sweep.id, About.CARRY, address, said)
    return bool(found.carried)
