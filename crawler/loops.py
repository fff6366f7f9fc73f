"""Redirects that lead back to themselves."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Visit
from db.words import Reason


async def mark_loops(connection: AsyncConnection, sweep_id: int) -> None:
    """Redirects that lead back to themselves are loops, not redirects to a page."""
    rows = await connection.execute(
        sa.select(Visit.page_id, Visit.leads_to_id).where(
            Visit.sweep_id == sweep_id, Visit.reason == Reason.REDIRECT
        )
    )
    leads = dict(rows.all())
    endless = [page for page in leads if _never_ends(page, leads)]
    if endless:
        await connection.execute(
            sa.update(Visit)
            .where(Visit.sweep_id == sweep_id, Visit.page_id.in_(endless))
            .values(reason=Reason.REDIRECT_LOOP)
        )


def _never_ends(page: int, leads: dict[int, int | None]) -> bool:
    seen: set[int] = set()
    here: int | None = page
    while here is not None and here in leads:
        if here in seen:
            return True
        seen.add(here)
        here = leads[here]
    return False
