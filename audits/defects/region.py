"""Where a defect is repaired, learned from what repeats over pages: in a template once, or in contents page by page."""

from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.naming import KNOWN_AS, names_of, parted
from audits.defects.sight import parts
from db.tables import Defect, Finding, Look, Occurrence, PartPage
from db.words import Outcome, Region

REPEATS = 3  # pages from which it is known whether a template or contents show a defect
VARIED = 0.1  # different elements for each page, up to which they are a template's


async def learn_regions(connection: AsyncConnection, site_id: int) -> None:
    """Tell a template's defects from those of contents, once they show on enough pages: by what repeats there."""
    unknown = sa.select(Defect.id).join(Occurrence, Occurrence.defect_id == Defect.id).where(
        Defect.site_id == site_id, Defect.region.is_(None), Occurrence.places > 0
    ).group_by(Defect.id).having(sa.func.count() >= REPEATS)  # fmt: skip
    defects = list(await connection.scalars(unknown))
    for some in parts(defects):
        snippets: dict[int, set[str]] = defaultdict(set)
        pages: dict[int, set[int]] = defaultdict(set)
        rows = await connection.stream(
            sa.select(KNOWN_AS, Look.page_id, Finding.snippet)
            .select_from(Defect)
            .join(Finding, Finding.defect_id == Defect.id)
            .join(Look, Look.result_id == Finding.result_id)
            .outerjoin(PartPage, parted(Look.page_id))
            .where(names_of(some), KNOWN_AS.in_(some), Finding.outcome == Outcome.FAILED)
            .where(Finding.snippet != "")  # what was disposed of says nothing
            .distinct()
        )
        async for defect, page, snippet in rows:
            pages[defect].add(page)
            snippets[defect].add(snippet.replace("../", ""))  # one file, seen from deeper folders
        for region in Region:
            mine = [
                each for each in some if each in pages and _region(len(snippets[each]), len(pages[each])) is region
            ]
            await connection.execute(sa.update(Defect).where(Defect.id.in_(mine)).values(region=region))


def _region(snippets: int, pages: int) -> Region:
    """One and the same element on many pages is its template's; elements that differ from page to page are contents."""
    return Region.TEMPLATE if snippets <= max(1, pages * VARIED) else Region.CONTENT
