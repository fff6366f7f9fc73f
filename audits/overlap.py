"""What of a random part an earlier one had as well: pages that people knew of, and may have repaired before all others.

An interval speaks of pages that nobody has singled out since they were drawn. With half a sample kept, or one seed used
again, it may look better than the site is, and no interval shows by how much: the two kinds of page are counted apart.
"""

from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.sampled import Sampled
from db.tables import Draw, Sweep, Visit
from db.words import Part, Redraw, SweepState


@dataclass(frozen=True, kw_only=True)
class Share:
    """Some pages of a random part."""

    drawn: int
    audited: int  # of these, pages with a result
    problem_pages: int

    @classmethod
    def of(cls, which: NDArray[np.bool_], part: Sampled, fails: NDArray[np.bool_]) -> "Share":
        """The pages of a part that are marked."""
        return cls(
            drawn=int(np.sum(which)),
            audited=int(np.sum(which & part.audited)),
            problem_pages=int(np.sum(which & fails)),
        )


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A random part by whether an earlier one had its pages."""

    sweep: int  # the earlier
    shared: Share
    new: Share


async def overlap(connection: AsyncConnection, sweep: Sweep, part: Sampled, rules: list[str]) -> Overlap | None:
    """What a random part shares with the one that it kept half of, or that has its very place; None when it is a draw of its own."""
    earlier = await _earlier(connection, sweep)
    if earlier is None:
        return None
    theirs = sa.select(Visit.page_id).join(Draw, Draw.visit_id == Visit.id)
    theirs = theirs.where(Draw.sweep_id == earlier, Draw.part == Part.RANDOM)
    shared = np.isin(part.pages, list(await connection.scalars(theirs)))
    fails = part.fails(rules)
    if not shared.any():
        return None
    return Overlap(sweep=earlier, shared=Share.of(shared, part, fails), new=Share.of(~shared, part, fails))


async def _earlier(connection: AsyncConnection, sweep: Sweep) -> int | None:
    """The last finished sweep whose draw begins at the same place of the same order; else the one that half was kept of."""
    if sweep.draw_from is None:
        return None
    same = await connection.scalar(
        sa.select(sa.func.max(Sweep.id)).where(
            Sweep.site_id == sweep.site_id,
            Sweep.id < sweep.id,
            Sweep.state == SweepState.FINISHED,
            Sweep.seed == sweep.seed,
            Sweep.draw_from == sweep.draw_from,
        )
    )
    return same or (sweep.earlier_draw_id if sweep.redraw is Redraw.HALF else None)
