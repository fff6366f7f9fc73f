"""A site that gives the browser one document for many pages: a wall that no phrase gives away, and no page of the site."""

import hashlib

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.browser import PageLost
from db.tables import Visit
from db.words import Reason, VisitState

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
