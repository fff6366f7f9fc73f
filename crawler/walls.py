"""A wall that no phrase gives away: from some moment on a site answers whatever is asked for with one and the same page, or
sends it to one and the same place.

Pages that read alike are no proof: days of a calendar do. It is one when a page that had answered as itself gives that
page, or leads to that place, too when it is asked for again. A notice that has a reference number of letters and digits
reads otherwise each time; it is known by its title and its markup, and by two answers that differ in such numbers only.
"""

import re
from collections import Counter

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import document as html
from crawler.blocking import FEW_LINKS, LITTLE_TEXT
from crawler.document import Document
from crawler.exploration import Exploration
from crawler.frontier import end_visit
from crawler.minhash import pack
from db.tables import Page, Visit
from db.words import Reason, VisitState

SHARED = 3  # pages with the same words from which the site is asked again

_REFERENCE = re.compile(r"(?=[A-Za-z._:/#-]*\d)[\dA-Za-z._:/#-]+")  # any digit within makes it one


async def mark_walled(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    """End the pages that are a wall, where enough of those that `where` selects read alike or lead to one place."""
    await _mark_alike(exploration, *where)
    await _mark_notices(exploration, *where)
    await _mark_sent_away(exploration, *where)


async def _mark_alike(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    mine = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED, Visit.wording.is_not(None))
    shared = sa.select(Visit.wording).where(*mine, *where).group_by(Visit.wording).having(sa.func.count() >= SHARED)
    async with exploration.database.reading() as connection:
        suspects = {each for each in await connection.scalars(shared) if each} - exploration.no_walls
        asked = await _seen_before(connection, exploration, Visit.wording.not_in(shared)) if suspects else None
    if not asked:
        return
    answer = await _answer(exploration, asked)
    if answer is None:
        return
    wall = answer.content.wording
    if wall not in suspects:
        exploration.no_walls |= suspects
        return
    async with exploration.database.writing() as connection:
        for visit in list(await connection.scalars(sa.select(Visit.id).where(*mine, Visit.wording == wall))):
            await end_visit(
                connection, visit, Reason.BLOCKED, f"the page that {asked} gave when it was asked again"
            )


async def _mark_notices(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    """The same where each answer has a reference number of its own."""
    look = (Visit.title, Visit.shape)
    known = (each.is_not(None) for each in look)
    mine = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED, *known)
    shared = sa.select(*look).where(*mine, *where).group_by(*look).having(sa.func.count() >= SHARED)
    async with exploration.database.reading() as connection:
        suspects = {_look(*each) for each in (await connection.execute(shared)).all()} - exploration.no_walls
        asked = await _seen_before(connection, exploration, sa.tuple_(*look).not_in(shared)) if suspects else None
    if not asked:
        return
    one = await _answer(exploration, asked)
    if one is None:
        return
    is_suspect = _is_bare(one) and _look(one.title, pack(one.shape)) in suspects
    other = await _answer(exploration, asked) if is_suspect else None
    if other is None or _notice(one) != _notice(other):
        exploration.no_walls |= suspects
        return
    async with exploration.database.writing() as connection:
        walled = (Visit.title == one.title, Visit.shape == pack(one.shape))
        for visit in list(await connection.scalars(sa.select(Visit.id).where(*mine, *walled))):
            await end_visit(
                connection, visit, Reason.BLOCKED, f"the notice that {asked} gave when it was asked again"
            )


def _look(title: str | None, shape: bytes | None) -> str:
    """What a page looks like, apart from its words."""
    return f"{title} {(shape or b'').hex()}"


def _notice(document: Document) -> str:
    """The words of a page without what may be a reference number."""
    return _REFERENCE.sub("", document.content.words)


def _is_bare(document: Document) -> bool:
    return len(document.links) <= FEW_LINKS and len(document.content.words) <= LITTLE_TEXT


async def _answer(exploration: Exploration, asked: str) -> Document | None:
    """The page that an address gives now; None where it gives none."""
    answer = await exploration.fetcher.get(asked)
    if answer.failure is not None or answer.status != 200 or not answer.is_html:
        return None
    return html.read(answer.body, answer.content_type, answer.address)


async def _mark_sent_away(exploration: Exploration, *where: sa.ColumnElement[bool]) -> None:
    """The same where the wall is somewhere else, and whatever is asked for leads there."""
    redirects = (
        Visit.sweep_id == exploration.sweep.id,
        Visit.reason.in_((Reason.REDIRECT, Reason.REDIRECT_OUT)),
        Visit.detail.is_not(None),
    )
    async with exploration.database.reading() as connection:
        places = [
            _place(each) for each in await connection.scalars(sa.select(Visit.detail).where(*redirects, *where))
        ]
        often = {place for place, times in Counter(places).items() if times >= SHARED} - exploration.no_walls
        asked = await _seen_before(connection, exploration, Page.address.not_in(often)) if often else None
    if not asked:
        return
    answer = await exploration.fetcher.get(asked)
    wall = _place(answer.location) if answer.location else None
    if wall not in often:
        exploration.no_walls |= often
        return
    async with exploration.database.writing() as connection:
        rows = await connection.execute(sa.select(Visit.id, Visit.detail).where(*redirects))
        for visit in [visit for visit, detail in rows if _place(detail) == wall]:
            await end_visit(
                connection, visit, Reason.BLOCKED, f"sent to {wall}, as {asked} was when it was asked again"
            )


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


def _place(address: str | None) -> str:
    """Where an address leads, without what it says of where one came from."""
    return (address or "").partition("?")[0]
