"""Links that only the browser shows: which pages are rendered to find them, by evidence."""

from typing import Any

import sqlalchemy as sa

from crawler import document as html
from crawler.browser import PageLost
from crawler.earlier import is_unchanged
from crawler.exploration import Exploration, Shown, counts, note, too_long
from crawler.frontier import (
    Waiting,
    add_addresses,
    add_pages,
    end_visit,
    leave_unsafe,
    render_evidence,
    scripted,
    scripted_order,
    slices,
    visited,
)
from crawler.identity import answered, undecided
from crawler.links import pack, unpack
from db.tables import Visit
from db.words import About, FoundBy

TRIED = 2  # pages with the same scripts that are rendered before the evidence counts


async def render_level(exploration: Exploration, depth: int, ends: float) -> bool:
    """Read links in the browser where the evidence asks for it; returns False when stopped before the last.

    Pages with the same scripts are tried twice; where no try found a new address, the others are passed over.
    One after the other in the order of addresses: what is tried does not depend on timing or breaks.
    """
    async with exploration.database.reading() as connection:
        order = await scripted_order(connection, exploration.sweep.id, depth)
    settled: set[str] = set()  # keys passed over: with no further try their evidence stays as it is
    gaining: set[str] = set()  # keys of which all are rendered
    for some in slices(order):
        async with exploration.database.reading() as connection:
            candidates = await scripted(connection, some)
        for each, key in candidates:
            if exploration.stopping.is_set():
                return False
            if key in settled:
                continue
            if key not in gaining:
                async with exploration.database.reading() as connection:
                    tried, gained = await render_evidence(connection, exploration.sweep.id, key)
                if not gained and tried >= TRIED:
                    settled.add(key)
                    continue
                if gained:
                    gaining.add(key)
            if exploration.is_over(ends):
                await note(exploration, About.RENDERING, each.address, "the time for exploring was over")
                return True
            await _render(exploration, each)
    return True


async def render_undecided(exploration: Exploration, ends: float) -> bool:
    """Show the pages that share their source with others, where scripts may make them differ; False when stopped.

    Those that are not shown before the time is over stay pages of their own, and the first of them is noted.
    """
    async with exploration.database.reading() as connection:
        pages = undecided(*await answered(connection, exploration.sweep.id))
        waiting = [await visited(connection, each.visit) for each in pages if not each.rendered]
    for each in waiting:
        if exploration.stopping.is_set():
            return False
        if exploration.is_over(ends):
            await note(
                exploration, About.RENDERING, each.address, "not compared with pages that have the same source"
            )
            break
        await _render(exploration, each)
    return True


async def _render(exploration: Exploration, each: Waiting) -> None:
    """Add the links that only the browser shows. A page that cannot be shown gets no result: we know why.

    One that is what it was, down to its scripts, shows what it showed in the earlier sweep.
    """
    if await _shows_as_before(exploration, each):
        return
    try:
        shown = await _shown(exploration, each)
    except PageLost as lost:
        async with exploration.database.writing() as connection:
            await end_visit(connection, each.visit, lost.reason, lost.detail, rendered=True)
        return
    if not shown.settled:
        await note(
            exploration, About.RENDERING, each.address, "it had not come to rest: more links may have come later"
        )
    resources = None if shown.resources is None else await exploration.resources.keep(shown.resources)
    document, opened = _document_of(shown.html, each.address), _document_of(shown.opened, each.address)
    read = [one for one in (document, opened) if one]
    for cut in filter(None, (shown.cut, *(one.cut for one in read))):
        await note(exploration, About.DOCUMENT, each.address, cut)
    built = document.written if document else ()
    digest = document.content.digest if document else None
    facts: dict[str, Any] = {"rendered_digest": digest, "resources": resources}
    async with exploration.database.writing() as connection:
        pages: dict[str, int] = {}
        for found, found_by in (((*shown.links, *built), FoundBy.RENDERED), (shown.behind_menus, FoundBy.CLICKED)):
            pages |= await add_addresses(
                connection, exploration.sweep,
                [link for link in found if link != each.address and counts(exploration.scope, link)],
                found_by=found_by, depth=each.depth + 1, found_on=each.page,
            )  # fmt: skip
        acts = frozenset[str]().union(*(one.unsafe for one in read))
        unsafe = [page for link, page in pages.items() if link in acts]
        if unsafe:
            await leave_unsafe(connection, exploration.sweep.id, unsafe, f"as a link on {each.address} says")
        long = too_long(exploration.scope, (*shown.links, *built, *shown.behind_menus))
        known = sa.select(Visit.links, Visit.unread_links).where(Visit.id == each.visit)
        linked, unread = (await connection.execute(known)).one()
        facts["shown_links"] = pack(set(pages.values()) - set(unpack(linked)))
        unread = max(unread or 0, long + (document.unread if document else 0))
        facts["unread_links"] = unread + (opened.unread if opened else 0)
        await connection.execute(sa.update(Visit).where(Visit.id == each.visit).values(rendered=True, **facts))


async def _shows_as_before(exploration: Exploration, each: Waiting) -> bool:
    """Take what the page showed from the earlier sweep; False when that is not known to be what it would show now."""
    earlier = (await exploration.earlier.visits({each.page: each.address})).get(each.page)
    if earlier is None or earlier["shown_links"] is None or earlier["resources"] is None:
        return False
    async with exploration.database.reading() as connection:
        read = sa.select(Visit.body_digest, Visit.stable_digest, Visit.volatile_id).where(Visit.id == each.visit)
        now = (await connection.execute(read)).mappings().one()
    if not is_unchanged(dict(now), earlier):
        return False
    resources = await exploration.resources.unchanged(earlier["resources"])
    if resources is None:
        return False
    pages = unpack(earlier["shown_links"])
    clicked = set(await exploration.earlier.those(pages, Visit.found_by == FoundBy.CLICKED))
    unsafe = await exploration.earlier.unsafe() & set(pages)
    facts = {
        "rendered_digest": earlier["rendered_digest"],
        "resources": resources,
        "shown_links": earlier["shown_links"],
        "unread_links": earlier["unread_links"],
    }
    async with exploration.database.writing() as connection:
        for found, found_by in ((set(pages) - clicked, FoundBy.RENDERED), (clicked, FoundBy.CLICKED)):
            await add_pages(
                connection, exploration.sweep, found,
                found_by=found_by, depth=each.depth + 1, found_on=each.page,
            )  # fmt: skip
        if unsafe:
            await leave_unsafe(connection, exploration.sweep.id, unsafe, "as a link said in the earlier sweep")
        await connection.execute(sa.update(Visit).where(Visit.id == each.visit).values(rendered=True, **facts))
    return True


def _document_of(shown: str | None, address: str) -> html.Document | None:
    """What the browser shows of a page, read in the same terms as its source."""
    return html.read(shown.encode("utf-8", "replace"), "text/html; charset=utf-8", address) if shown else None


async def _shown(exploration: Exploration, each: Waiting) -> Shown:
    """The page in the browser, at the second try when the first failed in passing."""
    try:
        return await exploration.render(each.address)
    except PageLost as lost:
        if not lost.reason.transient:
            raise
    return await exploration.render(each.address)
