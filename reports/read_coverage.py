"""How the pages of a sweep were found, and which documents lie beside them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.frame import FRAME
from crawler.links import all_links
from db.tables import Page, Visit
from db.words import Reason


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """By what the pages of the site are known; each counts once."""

    pages: int
    by_sitemap: int  # no page that was read links to it: an orphan
    by_links: int  # links alone
    by_rendering: int  # links that only the browser shows, alone
    otherwise: int  # by more than one of these, or given
    scripted: int  # pages with scripts
    rendered: int  # of those, the ones whose links were read in the browser
    documents: int  # addresses that answered with something else than HTML


@dataclass(frozen=True, kw_only=True)
class DocumentLink:
    """A document of the site, and one page that links to it; None when none that was read does."""

    address: str
    content_type: str | None
    size: int | None  # bytes
    last_modified: str | None  # as the server says it
    linked_from: str | None


def known_by() -> dict[str, sa.ColumnElement[bool]]:
    """What each number of a `Coverage` by the way a page is known counts, for rows of visits."""
    ways = {"by_sitemap": Visit.in_sitemap, "by_links": Visit.linked, "by_rendering": Visit.shown}
    alone = {
        name: sa.and_(way, *(~other for other in ways.values() if other is not way)) for name, way in ways.items()
    }
    return {**alone, "otherwise": sa.not_(sa.or_(*alone.values()))}


async def coverage(connection: AsyncConnection, sweep_id: int) -> Coverage:
    """Count the pages of a sweep by how they were found."""

    def count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    alone = [condition for way, condition in known_by().items() if way != "otherwise"]
    page = Visit.state.in_(FRAME)
    row = (
        await connection.execute(
            sa.select(
                count(page),
                *(count(sa.and_(page, each)) for each in alone),
                count(sa.and_(page, Visit.script_key.is_not(None))),
                count(sa.and_(page, Visit.script_key.is_not(None), Visit.rendered)),
                count(Visit.reason == Reason.NOT_HTML),
            ).where(Visit.sweep_id == sweep_id)
        )
    ).one()
    pages, by_sitemap, by_links, by_rendering, scripted, rendered, documents = map(int, row)
    return Coverage(
        pages=pages, by_sitemap=by_sitemap, by_links=by_links, by_rendering=by_rendering,
        otherwise=pages - by_sitemap - by_links - by_rendering,
        scripted=scripted, rendered=rendered, documents=documents,
    )  # fmt: skip


async def document_links(connection: AsyncConnection, sweep_id: int) -> AsyncIterator[DocumentLink]:
    """Every document with every page that links to it, page by page; then those to which none does."""
    rows = await connection.execute(
        sa.select(Visit.page_id, Page.address, Visit.content_type, Visit.size, Visit.last_modified)
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.sweep_id == sweep_id, Visit.reason == Reason.NOT_HTML)
        .order_by(Page.address)
    )
    documents = {row.page_id: row for row in rows}
    linked: set[int] = set()
    if documents:
        pairs = [
            (page, document)
            async for page, links, shown in all_links(connection, sweep_id)
            for document in (*links, *shown)
            if document in documents
        ]
        addresses = await _addresses(connection, {page for page, _ in pairs})
        for page, document in pairs:
            linked.add(document)
            yield _document(documents[document], addresses[page])
    for document, row in documents.items():
        if document not in linked:
            yield _document(row, None)


def _document(row: sa.Row[int, str, str | None, int | None, str | None], linked_from: str | None) -> DocumentLink:
    return DocumentLink(
        address=row.address, content_type=row.content_type, size=row.size or None,
        last_modified=row.last_modified, linked_from=linked_from,
    )  # fmt: skip


async def _addresses(connection: AsyncConnection, pages: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    wanted = sorted(pages)
    for begin in range(0, len(wanted), 500):
        some = sa.select(Page.id, Page.address).where(Page.id.in_(wanted[begin : begin + 500]))
        found |= {row.id: row.address for row in await connection.execute(some)}
    return found
