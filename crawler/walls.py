"""A wall that no phrase gives away: from some moment on a site answers whatever is asked for with one and the same page.

Pages that read alike are no proof: days of a calendar do. It is one when a page that had answered as itself gives that
page too when it is asked for again.
"""

import sqlalchemy as sa

from crawler import document as html
from crawler.exploration import Exploration
from crawler.frontier import end_visit
from db.tables import Page, Visit
from db.words import Reason, VisitState

SHARED = 3  # pages with the same words from which the site is asked again


async def mark_walled(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    """End the pages that are a wall, where enough of those that `where` selects read alike."""
    mine = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED, Visit.wording.is_not(None))
    shared = sa.select(Visit.wording).where(*mine, *where).group_by(Visit.wording).having(sa.func.count() >= SHARED)
    async with exploration.database.reading() as connection:
        suspects = {each for each in await connection.scalars(shared) if each} - exploration.no_walls
        asked = suspects and await connection.scalar(
            sa.select(Page.address)
            .join(Visit, Visit.page_id == Page.id)
            .where(*mine, Visit.wording.not_in(shared))
            .order_by(Visit.depth, Page.address)
            .limit(1)
        )
    if not asked:
        return
    answer = await exploration.fetcher.get(asked)
    if answer.failure is not None or answer.status != 200 or not answer.is_html:
        return
    wall = html.read(answer.body, answer.content_type, answer.address).content.wording
    if wall not in suspects:
        exploration.no_walls |= suspects
        return
    async with exploration.database.writing() as connection:
        for visit in list(await connection.scalars(sa.select(Visit.id).where(*mine, Visit.wording == wall))):
            await end_visit(
                connection, visit, Reason.BLOCKED, f"the page that {asked} gave when it was asked again"
            )
