"""Documents that stand in place of a page: walls that no phrase gives away.

A sweep knows them since many pages become one and the same. A recheck, which may see one page alone, knows the page from before.
"""

import hashlib

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import document as html
from crawler import minhash
from crawler.browser import PageLost
from db.tables import Visit
from db.words import Reason, VisitState

LIKE = 0.3  # share of common shape below which a page with another title is another page
DIFFERENT = 3  # pages that exploring was given as different documents, and the browser as one
SAID = "the browser was given one and the same document for pages that exploring was given as different ones"


async def refuse_one_for_all(
    connection: AsyncConnection, sweep_id: int, body_digest: str | None, source: bytes | None
) -> PageLost | None:
    """What became of an audited page when the document is one that other pages were shown as, too; None for any other.

    The other pages lose their results: they were not seen either. A document with scripts may be the frame in which a
    site shows all of its pages, and is left alone.
    """
    if source is None or body_digest is None or b"<script" in source.lower():
        return None
    digest = hashlib.sha256(source).hexdigest()
    if digest == body_digest:
        return None
    alike = (
        Visit.sweep_id == sweep_id,
        sa.or_(Visit.state == VisitState.AUDITED, Visit.detail == SAID),
        Visit.audited_digest == digest,
        Visit.body_digest != digest,
        ~Visit.carried,
    )
    explored = set(await connection.scalars(sa.select(Visit.body_digest).where(*alike)))
    if len(explored | {body_digest}) < DIFFERENT:
        return None
    lost = {
        "state": VisitState.UNAUDITED,
        "reason": Reason.BLOCKED,
        "detail": SAID,
        "result_id": None,
        "audited_at": None,
    }
    await connection.execute(sa.update(Visit).where(*alike).values(lost))
    return PageLost(Reason.BLOCKED, SAID)


def refuse_stranger(title: str | None, shape: bytes | None, source: bytes | None, content_type: str | None) -> None:
    """Raises PageLost for a document that has neither the title nor the shape (see crawler.shape) that the page had."""
    if title is None or shape is None or source is None:
        return
    found = html.read(source, content_type, "http://localhost/")
    if found.title[:500] == title or minhash.likeness(found.shape, minhash.unpack(shape)) >= LIKE:
        return
    raise PageLost(Reason.BLOCKED, "neither the title nor the shape is that of the page that the last sweep read")
