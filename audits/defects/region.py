"""Where a defect is repaired, learned from what repeats over pages: in a template once, or in contents page by page."""

import re
from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.naming import KNOWN_AS, names_of, parted
from audits.defects.sight import parts
from db.database import streamed
from db.tables import Defect, Finding, Look, Occurrence, Page, PartPage
from db.words import Outcome, Region

REPEATS = 3  # pages from which it is known whether a template or contents show a defect
VARIED = 0.1  # different elements for each page, up to which they are a template's
NEARLY_ALL = 0.9  # of the pages looked at: what so many have no editor has put on each
OF_PAGES = 5  # from which on that says anything

_TAG = re.compile(r"<[^>]*>?")
_LEADS = re.compile(
    r"""\s(?:href|title|action|aria-label)=(?:"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s>"']+)""", re.IGNORECASE
)


async def learn_regions(connection: AsyncConnection, site_id: int) -> None:
    """Tell a template's defects from those of contents, once they show on enough pages: by what repeats there."""
    unknown = sa.select(Defect.id).join(Occurrence, Occurrence.defect_id == Defect.id).where(
        Defect.site_id == site_id, Defect.region.is_(None), Occurrence.places > 0
    ).group_by(Defect.id).having(sa.func.count() >= REPEATS)  # fmt: skip
    defects = list(await connection.scalars(unknown))
    looked_at = sa.select(sa.func.count()).select_from(Look).join(Page, Page.id == Look.page_id)
    site = await connection.scalar(looked_at.where(Page.site_id == site_id)) or 0 if defects else 0
    for some in parts(defects):
        snippets: dict[int, set[str]] = defaultdict(set)
        pages: dict[int, set[int]] = defaultdict(set)
        rows = streamed(
            connection,
            sa.select(KNOWN_AS, Look.page_id, Finding.snippet)
            .select_from(Defect)
            .join(Finding, Finding.defect_id == Defect.id)
            .join(Look, Look.result_id == Finding.result_id)
            .outerjoin(PartPage, parted(Look.page_id))
            .where(names_of(some), KNOWN_AS.in_(some), Finding.outcome == Outcome.FAILED)
            .where(Finding.snippet != "")  # what was disposed of says nothing
            .distinct(),
        )
        async for defect, page, snippet in rows:
            pages[defect].add(page)
            snippets[defect].add(snippet.replace("../", ""))  # one file, seen from deeper folders
        for region in Region:
            mine = [
                each for each in some if each in pages and _region(snippets[each], len(pages[each]), site) is region
            ]
            await connection.execute(sa.update(Defect).where(Defect.id.in_(mine)).values(region=region))


def _region(snippets: Collection[str], pages: int, looked_at: int) -> Region:
    """One and the same element on many pages is its template's; elements that differ from page to page are contents.

    What nearly every page has is the template's wherever it leads and whatever it says (“next page”), not whatever it shows.
    """
    most = max(1, pages * VARIED)
    if pages >= OF_PAGES and pages >= looked_at * NEARLY_ALL:
        snippets = {_made_of(each) for each in snippets}
    return Region.TEMPLATE if len(snippets) <= most else Region.CONTENT


def _made_of(snippet: str) -> str:
    """The tags of an element without where they lead."""
    return "".join(_LEADS.sub("", tag) for tag in _TAG.findall(snippet.rstrip("…")))
