"""Documents that stand in place of a page: walls that no phrase gives away.

A sweep knows them since many pages become one and the same. A recheck, which may see one page alone, knows the page from before.
"""

import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.page import PageAudit
from crawler import document as html
from crawler import minhash
from crawler.browser import PageLost
from db.tables import Visit
from db.words import Reason, VisitState

LIKE = 0.3  # share of common shape below which a page with another title is another page
DIFFERENT = 3  # pages that exploring was given as different documents, and the browser as one
SAID = "the browser was given one and the same document for pages that exploring was given as different ones"
LOST = {
    "state": VisitState.UNAUDITED,
    "reason": Reason.BLOCKED,
    "detail": SAID,
    "result_id": None,
    "audited_at": None,
}


async def refuse_one_for_all(
    connection: AsyncConnection, sweep_id: int, visit: Any, audit: PageAudit
) -> PageLost | None:
    """What became of an audited page when it is one that other pages were shown as, too; None for any other.

    `visit` has its body_digest, wording and notice: what exploring was given. The other pages lose their results: they
    were not seen either. A document with scripts may be the frame in which a site shows all of its pages: only what
    they show is compared.
    """
    mine = (
        Visit.sweep_id == sweep_id,
        sa.or_(Visit.state == VisitState.AUDITED, Visit.detail == SAID),
        ~Visit.carried,
    )
    source = None if audit.source is None or b"<script" in audit.source.lower() else audit.source
    digest = None if source is None else hashlib.sha256(source).hexdigest()
    for given, shown, explored, told in (
        (digest, Visit.audited_digest, Visit.body_digest, Visit.body_digest),
        (audit.notice, Visit.audited_notice, Visit.notice, Visit.wording),
    ):
        if given is None or getattr(visit, explored.key) == given:
            continue
        alike = (*mine, shown == given, explored.is_distinct_from(given))
        different = {getattr(visit, told.key), *await connection.scalars(sa.select(told).where(*alike).distinct())}
        if len(different - {None}) >= DIFFERENT:
            await connection.execute(sa.update(Visit).where(*alike).values(LOST))
            return PageLost(Reason.BLOCKED, SAID)
    return None


def refuse_stranger(title: str | None, shape: bytes | None, source: bytes | None, content_type: str | None) -> None:
    """Raises PageLost for a document that has neither the title nor the shape (see crawler.shape) that the page had."""
    if title is None or shape is None or source is None:
        return
    found = html.read(source, content_type, "http://localhost/")
    if found.title[:500] == title or minhash.likeness(found.shape, minhash.unpack(shape)) >= LIKE:
        return
    raise PageLost(Reason.BLOCKED, "neither the title nor the shape is that of the page that the last sweep read")
