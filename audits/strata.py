"""The strata of a sweep's random part: how large each is, and what was drawn, audited and found in it."""

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import failing
from crawler.draw import drawing_of
from crawler.frame import chosen_frame, is_gone
from crawler.strata import WHOLE, strata_of
from db.tables import Draw, Site, Sweep, Visit
from db.words import Level, Part, VisitState


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """One division of the frame."""

    name: str  # "" when the frame is not divided
    population: int  # pages, without those drawn that proved not to exist
    drawn: int  # without these as well, but with the pages that took their place
    audited: int
    found: int  # with a failed criterion of level A or AA


async def strata(connection: AsyncConnection, sweep: Sweep) -> list[Stratum]:
    """The strata in the order of their names; one of the whole frame when it is not divided."""
    sizes = await frame_by_stratum(connection, sweep)
    drawn = await _counted(connection, sweep, ~is_gone())
    audited = await _counted(connection, sweep, Visit.state == VisitState.AUDITED)
    found = await _counted(connection, sweep, Visit.id.in_(failing(sweep.id, Level.AA.included)))
    return [
        Stratum(name=name, population=size, drawn=drawn[name], audited=audited[name], found=found[name])
        for name, size in sorted(sizes.items())
    ]


async def frame_by_stratum(connection: AsyncConnection, sweep: Sweep) -> dict[str, int]:
    """How many pages of the frame each stratum has, without chosen ones that proved not to exist."""
    if sweep.method is None:
        return {}
    start = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id)) or ""
    frame = await chosen_frame(connection, sweep.id)
    drawing = drawing_of(sweep, start, sweep.method)
    stratum = strata_of(frame, start, drawing.stratify, drawing.share)
    chosen = sa.exists().where(Draw.visit_id == Visit.id)
    gone = set(await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep.id, chosen, is_gone())))
    sizes = dict.fromkeys(stratum.values(), 0)
    return sizes | Counter(stratum[page.address] for page in frame if page.visit not in gone)


async def _counted(
    connection: AsyncConnection, sweep: Sweep, condition: sa.ColumnElement[bool]
) -> Counter[str]:  # fmt: skip
    rows = await connection.execute(
        sa.select(Draw.stratum, sa.func.count())
        .join(Visit, Visit.id == Draw.visit_id)
        .where(Draw.sweep_id == sweep.id, Draw.part == Part.RANDOM, condition)
        .group_by(Draw.stratum)
    )
    return Counter({stratum or WHOLE: count for stratum, count in rows})
