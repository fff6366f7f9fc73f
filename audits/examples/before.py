"""The before of a repair: a stored finding of a confirmed defect, and what is known of its page."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import last_finished
from audits.defects.book import Listed
from audits.defects.naming import KNOWN_AS, names_of, parted
from audits.keeping.lost import WHOLE
from db.errors import UsageError
from db.tables import Defect, Finding, Page, PartPage, Result, Visit
from db.words import DefectState, Outcome


@dataclass(frozen=True, kw_only=True)
class Before:
    """One place where a defect was found, on a page that shows it no more."""

    defect: int
    digests: frozenset[str]  # the names that the defect is known by
    rule: str
    finding: int
    snippet: str
    frame: list[Any]
    target: list[Any]
    address: str
    sweep: int  # the site's last finished one, by whose manners the page is asked for
    content_type: str | None  # this and the next two: as the last sweep that read the page knows it
    title: str | None
    shape: bytes | None


async def before_of(connection: AsyncConnection, defect: Listed, address: str | None = None) -> Before:
    """The finding to show of a confirmed defect: one with a picture before others, the youngest first; or one on a page.

    Raises UsageError for a defect that is not confirmed, and for a page that never showed it.
    """
    if defect.state is not DefectState.CONFIRMED:
        raise UsageError(
            ja=f"欠陥 {defect.id} は、直ったことがまだ確認されていません。実例にできるのは、確認された欠陥だけです（jisweep recheck）。",
            en=f"Defect {defect.id} is not confirmed: only a repair that a sweep has confirmed makes an example (jisweep recheck).",
        )
    whole = await connection.scalar(sa.select(Defect.whole_id).where(Defect.id == defect.id))
    names = names_of([whole or defect.id])
    digests = frozenset(await connection.scalars(sa.select(Defect.digest).where(names)))
    query = (
        sa.select(
            Finding.id, Finding.rule, Finding.snippet, Finding.frame, Finding.target, Page.address,
            Page.id.label("page"), Page.site_id,
        )
        .join(Result, Result.id == Finding.result_id)
        .join(Page, Page.id == Result.page_id)
        .join(Defect, Defect.id == Finding.defect_id)
        .outerjoin(PartPage, parted(Result.page_id))
        .where(names, KNOWN_AS.in_([defect.id]), Finding.outcome == Outcome.FAILED, WHOLE)
        .order_by(sa.case((Finding.picture_id.is_(None), 1), else_=0), Result.taken_at.desc(), Finding.id)
        .limit(1)
    )  # fmt: skip
    if address is not None:
        query = query.where(Page.address == address)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UsageError(
            ja=f"{address or ''} に欠陥 {defect.id} が出ていた記録はありません。jisweep defects show {defect.id} でページを見られます。",
            en=f"No finding of defect {defect.id} on {address or 'any page'} is kept: jisweep defects show {defect.id} lists its pages.",
        )
    sweep = await last_finished(connection, row.site_id)
    if sweep is None:
        raise UsageError(
            ja="このサイトには終わったスイープがまだありません。jisweep resume で終えてください。",
            en="No sweep of this site has finished yet: finish one with jisweep resume first.",
        )
    visit = (
        await connection.execute(
            sa.select(Visit.content_type, Visit.title, Visit.shape)
            .where(Visit.page_id == row.page, Visit.content_type.is_not(None))
            .order_by(Visit.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return Before(
        defect=defect.id, digests=digests, rule=row.rule, finding=row.id, snippet=row.snippet,
        frame=row.frame, target=row.target, address=row.address, sweep=sweep.id,
        content_type=visit.content_type if visit else None,
        title=visit.title if visit else None, shape=visit.shape if visit else None,
    )  # fmt: skip
