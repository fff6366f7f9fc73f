"""What the order of repair stands on: how much of a site was ever seen, and what the last sweep did not see again."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.counts import known_in
from audits.defects.book import counting, last_sweep
from db.tables import Defect, Look, Occurrence, Visit
from db.words import VisitState


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Pages of a site, or of several."""

    unseen: int = 0  # known to have a fault that counts, which the last sweep, and any recheck since, did not see
    looked_at: int = 0  # of those known, that some sweep has seen
    known: int = 0  # to the last sweep

    def __add__(self, other: "Ground") -> "Ground":
        return Ground(
            unseen=self.unseen + other.unseen,
            looked_at=self.looked_at + other.looked_at,
            known=self.known + other.known,
        )


async def ground_of(connection: AsyncConnection, site_id: int) -> Ground:
    """The pages that the defects of a site are known from."""
    last = await last_sweep(connection, site_id) or 0
    seen = sa.exists().where(
        Visit.page_id == Occurrence.page_id, Visit.sweep_id >= last, Visit.state == VisitState.AUDITED
    )
    unseen = (
        sa.select(sa.func.count(Occurrence.page_id.distinct()))
        .join(Defect, Defect.id == Occurrence.defect_id)
        .where(Defect.site_id == site_id, Defect.rule.in_(await counting(connection, site_id)))
        .where(Occurrence.places > 0, ~seen)
    )
    known = (
        sa.select(sa.func.count(), sa.func.count(Look.page_id))
        .select_from(Visit)
        .outerjoin(Look, Look.page_id == Visit.page_id)
        .where(known_in(last))
    )
    pages, looked_at = (await connection.execute(known)).one()
    return Ground(unseen=await connection.scalar(unseen) or 0, looked_at=looked_at, known=pages)
