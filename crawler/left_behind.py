"""What is left behind: addresses with open defects that an earlier sweep knows, and to which nothing leads any more.

They are asked for last, for their defects alone: gone, or moved? No page of them counts, and whatever of them could not be
asked for, or gave no answer, says nothing of the site and leaves the sweep complete.
"""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.exploration import Exploration
from crawler.frontier import add_pages
from db.tables import Visit
from db.words import GONE, FoundBy, Reason, VisitState


async def add_left_behind(exploration: Exploration, depth: int) -> None:
    """Put what is left behind on the frontier at a depth, once all else has been asked for; doing it again adds nothing twice.

    Nothing where no page was seen: the site may be out.
    """
    if exploration.left_behind is None:
        return
    sweep = exploration.sweep
    async with exploration.database.writing() as connection:
        waits, saw = (
            sa.exists().where(Visit.sweep_id == sweep.id, Visit.state == state)
            for state in (VisitState.FOUND, VisitState.EXPLORED)
        )
        if await connection.scalar(sa.select(sa.or_(waits, ~saw))):
            return
        known = await exploration.left_behind(connection)
        pages = [page for page, address in known.items() if exploration.scope.judge(address).reason is None]
        await add_pages(connection, sweep, pages, found_by=FoundBy.EARLIER, depth=depth, found_on=None)


async def end_left_behind(connection: AsyncConnection, sweep_id: int) -> None:
    """Say of what is left behind, and has not proved to be no page, that nothing leads to it; the detail tells what came of it."""
    reason = sa.cast(Visit.reason, sa.String)
    why = sa.func.coalesce(reason + ": " + Visit.detail, reason)
    await connection.execute(
        sa.update(Visit)
        .where(Visit.sweep_id == sweep_id, Visit.found_by == FoundBy.EARLIER, Visit.state == VisitState.UNAUDITED)
        .where(Visit.reason.not_in(GONE | {Reason.UNLINKED}))
        .values(reason=Reason.UNLINKED, detail=sa.func.substr(why, 1, 500))
    )
