"""Drawing anew from one cycle to the next: the same numbers, from a place further on."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.frame import is_gone
from crawler.numbers import later_begin
from db.errors import UsageError
from db.tables import Draw, Page, Sweep, Visit
from db.words import Part, Redraw, Stratify, SweepState


async def redrawn(
    connection: AsyncConnection,
    site_id: int | None,
    earlier_id: int | None,
    redraw: Redraw | None,
    stratify: Stratify | None = None,
) -> dict[str, Any]:
    """The columns of a sweep that draws anew what an earlier sweep of its site has drawn; none when it does not.

    The frame is divided as it was then: otherwise other pages would come next. Raises UsageError when there is no random
    part of that sweep to begin from, and when `stratify` asks for another division.
    """
    if earlier_id is None or redraw is None:
        return {}
    earlier = (await connection.execute(sa.select(Sweep).where(Sweep.id == earlier_id))).mappings().one_or_none()
    if earlier is None or earlier["site_id"] != site_id:
        raise UsageError(
            ja=f"スイープ {earlier_id} は、このサイトの調査ではありません。jisweep sweeps で番号を確かめてください。",
            en=f"Sweep {earlier_id} is none of this site: jisweep sweeps lists them.",
        )
    if earlier["state"] is not SweepState.FINISHED:
        raise UsageError(
            ja=f"スイープ {earlier_id} は終わっていません。終わった調査だけを引き継いで選び直せます。",
            en=f"Sweep {earlier_id} is not finished: only a finished one can be drawn anew from.",
        )
    drawn = await random_addresses(connection, earlier_id)
    if earlier["draw_from"] is None or not drawn:
        raise UsageError(
            ja=f"スイープ {earlier_id} には、選び直しの元になる無作為の部分がありません。",
            en=f"Sweep {earlier_id} has no random part that could be drawn anew.",
        )
    if stratify not in (None, earlier["stratify"]):
        raise UsageError(
            ja=f"スイープ {earlier_id} とは層の分け方が違います。選び直すときは前と同じ分け方になるので、--stratify は付けないでください。",
            en=f"Sweep {earlier_id} was divided otherwise: what is drawn anew is divided as before, so leave --stratify out.",
        )
    begin = later_begin(earlier["seed"], earlier["draw_from"], drawn, redraw)
    return {"seed": earlier["seed"], "draw_from": begin, "redraw": redraw, "earlier_draw_id": earlier_id,
            "stratify": earlier["stratify"]}  # fmt: skip


async def random_addresses(connection: AsyncConnection, sweep_id: int) -> list[str]:
    """The random part of a sweep in the order of its draw, without what proved not to exist."""
    rows = await connection.scalars(
        sa.select(Page.address)
        .join(Visit, Visit.page_id == Page.id)
        .join(Draw, Draw.visit_id == Visit.id)
        .where(Draw.sweep_id == sweep_id, Draw.part == Part.RANDOM, ~is_gone())
        .order_by(Draw.rank)
    )
    return list(rows)
