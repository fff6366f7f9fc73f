"""Links that only the browser shows: which pages are rendered to find them, by evidence."""

import sqlalchemy as sa

from crawler.browser import PageLost
from crawler.exploration import Exploration, counts, note
from crawler.frontier import Waiting, add_addresses, end_visit, render_evidence, scripted
from db.tables import Visit
from db.words import FoundBy

TRIED = 2  # pages with the same scripts that are rendered before the evidence counts


async def render_level(exploration: Exploration, depth: int, ends: float) -> bool:
    """Read links in the browser where the evidence asks for it; returns False when stopped before the last.

    Pages with the same scripts are tried twice; where no try found a new address, the others are passed over.
    One after the other in the order of addresses: what is tried does not depend on timing or breaks.
    """
    async with exploration.database.reading() as connection:
        candidates = await scripted(connection, exploration.sweep.id, depth)
    for each, key in candidates:
        if exploration.stopping.is_set():
            return False
        async with exploration.database.reading() as connection:
            tried, gained = await render_evidence(connection, exploration.sweep.id, key)
        if not gained and tried >= TRIED:
            continue
        if exploration.is_over(ends):
            await note(exploration, "rendering", each.address, "the time for exploring was over")
            return True
        await _render(exploration, each)
    return True


async def _render(exploration: Exploration, each: Waiting) -> None:
    """Add the links that only the browser shows. A page that cannot be shown gets no result: we know why."""
    try:
        shown = await _shown(exploration, each)
    except PageLost as lost:
        async with exploration.database.writing() as connection:
            await end_visit(connection, each.visit, lost.reason, lost.detail, rendered=True)
        return
    async with exploration.database.writing() as connection:
        await add_addresses(
            connection, exploration.sweep, [link for link in shown if counts(exploration.scope, link)],
            found_by=FoundBy.RENDERED, depth=each.depth + 1, found_on=each.page,
        )  # fmt: skip
        await connection.execute(sa.update(Visit).where(Visit.id == each.visit).values(rendered=True))


async def _shown(exploration: Exploration, each: Waiting) -> tuple[str, ...]:
    """The links of a page in the browser, at the second try when the first failed in passing."""
    try:
        return await exploration.render(each.address)
    except PageLost as lost:
        if not lost.reason.transient:
            raise
    return await exploration.render(each.address)
