"""The element that a defect is about, as its example page last showed it: two faults of one rule are told apart by it alone."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.book import Listed
from audits.defects.naming import KNOWN_AS, names_of, parted
from audits.defects.sight import parts
from db.tables import Defect, Finding, Look, Page, PartPage
from db.words import Outcome


async def elements(connection: AsyncConnection, defects: Collection[Listed]) -> dict[int, str]:
    """The HTML, as findings keep it, of the first place of each defect on its example page; of some sites' defects."""
    found: dict[int, str] = {}
    for some in parts(each for each in defects if each.example):
        numbers = [each.id for each in some]
        site = sa.select(Defect.site_id).where(Defect.id.in_(numbers))
        of_wholes = sa.select(sa.func.coalesce(Defect.whole_id, Defect.id)).where(Defect.id.in_(numbers))
        wholes = list(await connection.scalars(of_wholes))
        rows = await connection.execute(
            sa.select(KNOWN_AS, Page.address, Finding.snippet)
            .select_from(Page)
            .join(Look, Look.page_id == Page.id)
            .join(Finding, Finding.result_id == Look.result_id)
            .join(Defect, Defect.id == Finding.defect_id)
            .outerjoin(PartPage, parted(Look.page_id))
            .where(
                Page.site_id.in_(site), Page.address.in_({each.example for each in some}), names_of(wholes),
                Finding.outcome == Outcome.FAILED,
            )
            .order_by(Finding.position)
        )  # fmt: skip
        example = {each.id: each.example for each in some}
        for defect, address, snippet in rows:
            if example.get(defect) == address:
                found.setdefault(defect, snippet)
    return found
