"""A wall that no phrase gives away: from some moment on a site answers whatever is asked for with one and the same page, or
sends it to one and the same place.

Pages that read alike are no proof: days of a calendar do. It is one when a page that had answered as itself gives that
page, or leads to that place, too when it is asked for again. A notice that has a reference number of letters and digits
reads otherwise each time; it is known by all of its words but such numbers. Where no answer comes, nothing is shown; of
the last question that is noted.
"""

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import place_of
from crawler.answers import is_silent, page_of
from crawler.exploration import Exploration, note
from crawler.fetch import Answer
from crawler.frontier import end_visit
from db.tables import Page, Visit
from db.words import About, Reason, VisitState

SHARED = 3  # pages with the same words from which the site is asked again
UNTOLD = "it gave no answer when it was asked again: pages that read alike, or lead to one place, may be a wall"
SHOWN = "the browser shows one and the same page for pages that the server gives as different ones"

_SAYS = (Visit.wording, Visit.notice)  # what a wall may be known by


async def mark_walled(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    """End the pages that are a wall, where enough of those that `where` selects read alike or lead to one place."""
    await _mark_alike(exploration, *where)
    await _mark_sent_away(exploration, *where)


async def _mark_alike(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    mine = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED)
    shared = [
        sa.select(said).where(*mine, said.is_not(None), *where).group_by(said).having(sa.func.count() >= SHARED)
        for said in _SAYS
    ]
    alone = (sa.or_(said.is_(None), said.not_in(often)) for said, often in zip(_SAYS, shared, strict=True))
    async with exploration.database.reading() as connection:
        suspects = {each for often in shared for each in await connection.scalars(often) if each}
        suspects -= exploration.no_walls
        asked = await _seen_before(connection, exploration, *alone) if suspects else None
    if asked is None:
        return
    answer = await exploration.fetcher.get(asked)
    page = page_of(answer)
    if page is None:
        await _note_silence(exploration, answer, last=not where)
        return
    walls = suspects & {page.content.wording, page.content.notice}
    if not walls:
        exploration.no_walls |= suspects
        return
    walled = sa.select(Visit.id).where(*mine, sa.or_(*(said.in_(walls) for said in _SAYS)))
    async with exploration.database.writing() as connection:
        for visit in list(await connection.scalars(walled)):
            await end_visit(
                connection, visit, Reason.BLOCKED, f"the page that {asked} gave when it was asked again"
            )


async def _mark_sent_away(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    """The same where the wall is somewhere else, and whatever is asked for leads there."""
    redirects = (
        Visit.sweep_id == exploration.sweep.id,
        Visit.reason.in_((Reason.REDIRECT, Reason.REDIRECT_OUT)),
        Visit.detail.is_not(None),
    )
    async with exploration.database.reading() as connection:
        leading = await connection.scalars(sa.select(Visit.detail).where(*redirects, *where))
        places = Counter(place_of(each) for each in leading if each)
        often = {place for place, times in places.items() if times >= SHARED} - exploration.no_walls
        asked = await _seen_before(connection, exploration, Page.address.not_in(often)) if often else None
    if not asked:
        return
    answer = await exploration.fetcher.get(asked)
    wall = place_of(answer.location) if answer.location else None
    if wall not in often:
        if answer.location or page_of(answer):
            exploration.no_walls |= often
        await _note_silence(exploration, answer, last=not where)
        return
    async with exploration.database.writing() as connection:
        rows = await connection.execute(sa.select(Visit.id, Visit.detail).where(*redirects))
        for visit in [visit for visit, detail in rows if place_of(detail or "") == wall]:
            await end_visit(
                connection, visit, Reason.BLOCKED, f"sent to {wall}, as {asked} was when it was asked again"
            )


async def _note_silence(exploration: Exploration, answer: Answer, *, last: bool) -> None:
    if last and is_silent(answer):
        await note(exploration, About.UNANSWERED, answer.address, UNTOLD)


async def mark_behind_script(connection: AsyncConnection, sweep_id: int) -> None:
    """End the pages that say different things, and of which the browser shows one that none of them is: a consent, say."""
    mine = (Visit.sweep_id == sweep_id, Visit.state == VisitState.EXPLORED, Visit.rendered_digest.is_not(None))
    is_itself = sa.case((Visit.content_digest == Visit.rendered_digest, 1), else_=0)
    one_for_all = (
        sa.select(Visit.rendered_digest)
        .where(*mine)
        .group_by(Visit.rendered_digest)
        .having(sa.func.count(Visit.wording.distinct()) >= SHARED, sa.func.sum(is_itself) == 0)
    )
    for visit in list(
        await connection.scalars(sa.select(Visit.id).where(*mine, Visit.rendered_digest.in_(one_for_all)))
    ):
        await end_visit(connection, visit, Reason.BLOCKED, SHOWN)


async def _seen_before(
    connection: AsyncConnection, exploration: Exploration, *where: sa.ColumnElement[bool]
) -> str | None:
    """The address of a page that answered as itself, the nearest to the start."""
    mine = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED, Visit.wording.is_not(None))
    found: str | None = await connection.scalar(
        sa.select(Page.address)
        .join(Visit, Visit.page_id == Page.id)
        .where(*mine, *where)
        .order_by(Visit.depth, Page.address)
        .limit(1)
    )
    return found
