"""Replacing drawn pages that prove not to exist: the next one in the order of its stratum takes their place.

Such an address never was one of the pages that are drawn from, so that those that are left remain drawn by chance.
Pages that are lost for any other reason are not replaced: they exist, and what is lost is not lost by chance.
"""

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.draw import drawing_of, drawn_strata, orders
from crawler.frame import chosen_frame, is_gone
from crawler.strata import WHOLE
from db.tables import Draw, Site, Sweep, Visit
from db.words import Part, VisitState


async def replace_gone(connection: AsyncConnection, sweep: Sweep) -> int:
    """Draw the next page for each of the random part that has proved not to exist; returns how many were drawn.

    What was replaced already is not replaced again, so this may be called as often as one likes.
    """
    if sweep.draw_from is None or sweep.method is None:  # drawn by an earlier release, in another order
        return 0
    locked = sa.select(Sweep.id).where(Sweep.id == sweep.id).with_for_update()
    await connection.execute(locked)  # workers that lose pages at the same time wait for each other
    added = 0
    while gone := await _not_replaced(connection, sweep.id):
        start = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id))
        drawing = replace(
            drawing_of(sweep, start or "", sweep.method), strata=await drawn_strata(connection, sweep.id)
        )
        strata = orders(await chosen_frame(connection, sweep.id), drawing)
        drawn = set(await connection.scalars(_random(sweep.id).with_only_columns(Draw.visit_id)))
        rank = await connection.scalar(_random(sweep.id).with_only_columns(sa.func.max(Draw.rank))) or 0
        before = added
        for draw_id, stratum in gone:
            page = next((page for page in strata[stratum or WHOLE] if page.visit not in drawn), None)
            if page is None:
                continue  # the stratum is used up
            drawn.add(page.visit)
            added += 1
            await connection.execute(
                sa.insert(Draw).values(
                    sweep_id=sweep.id, visit_id=page.visit, part=Part.RANDOM, rank=rank + added - before,
                    stratum=stratum, replaces_id=draw_id,
                )
            )  # fmt: skip
            await connection.execute(
                sa.update(Visit)
                .where(Visit.id == page.visit, Visit.state == VisitState.NOT_CHOSEN)
                .values(state=VisitState.SELECTED)
            )
        if added == before:
            break
    return added


async def _not_replaced(connection: AsyncConnection, sweep_id: int) -> list[tuple[int, str | None]]:
    """Draws of the random part that have proved to be no pages, and have no page in their place: draw and stratum."""
    replaced = sa.select(Draw.replaces_id).where(Draw.sweep_id == sweep_id, Draw.replaces_id.is_not(None))
    rows = await connection.execute(
        _random(sweep_id)
        .with_only_columns(Draw.id, Draw.stratum)
        .join(Visit, Visit.id == Draw.visit_id)
        .where(is_gone(), Draw.id.not_in(replaced))
        .order_by(Draw.rank)
    )
    return [(row.id, row.stratum) for row in rows]


def _random(sweep_id: int) -> sa.Select[Draw]:
    return sa.select(Draw).where(Draw.sweep_id == sweep_id, Draw.part == Part.RANDOM)
