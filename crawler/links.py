"""What links where: the pages that a page links to, as a few bytes in its row; and what they say of all pages."""

import zlib
from array import array
from collections.abc import AsyncIterator, Iterable

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.frontier import slices
from crawler.marks import Marks
from db.tables import Visit


def pack(pages: Iterable[int]) -> bytes:
    """The ids, each once, in the form that `Visit.links` keeps: about two bytes for a link."""
    ids = np.array(sorted(set(pages)), dtype="<i8")
    return zlib.compress(np.diff(ids, prepend=0).astype("<i8").tobytes(), level=6)


def unpack(row: bytes | None) -> list[int]:
    """The ids that `pack` put into a row, in order; none for a page that was not read."""
    if row is None:
        return []
    return [int(each) for each in np.cumsum(np.frombuffer(zlib.decompress(row), dtype="<i8"))]


async def all_links(connection: AsyncConnection, sweep_id: int) -> AsyncIterator[tuple[int, list[int], list[int]]]:
    """Each page of a sweep that links to others: page, pages linked to, further ones that only the browser shows."""
    rows = await connection.stream(
        sa.select(Visit.page_id, Visit.links, Visit.shown_links)
        .where(Visit.sweep_id == sweep_id, Visit.links.is_not(None))
        .order_by(Visit.id)
    )
    async for page, links, shown in rows:
        yield page, unpack(links), unpack(shown)


async def mark_linked(connection: AsyncConnection, sweep_id: int) -> None:
    """Mark the pages that others link to, or show a link to in the browser, among those that were found otherwise."""
    linked, shown = Marks(), Marks()
    async for page, links, further in all_links(connection, sweep_id):
        for each in links:
            if each != page:
                linked[each] = 1
        for each in further:
            shown[each] = 1
    for column, marks in ((Visit.linked, linked), (Visit.shown, shown)):
        unmarked = await connection.stream_scalars(
            sa.select(Visit.page_id).where(Visit.sweep_id == sweep_id, ~column)
        )
        missed = array("q", [page async for page in unmarked if marks[page]])
        for some in slices(missed):
            mine = sa.update(Visit).where(Visit.sweep_id == sweep_id, Visit.page_id.in_(some))
            await connection.execute(mine.values({column: True}))
