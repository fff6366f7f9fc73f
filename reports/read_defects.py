"""What the rows say of defects: of many for a list, of a few for the page that shows them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.defects.naming import ROOT
from audits.trends.points import spoken_by
from db.tables import Defect, Occurrence, Sweep
from db.words import DefectState, Region

PAGES: sa.ScalarSelect[int] = (
    sa.select(sa.func.count())
    .where(Occurrence.defect_id == Defect.id, Occurrence.places > sa.literal_column("0"))
    .correlate(Defect)
    .scalar_subquery()
)  # that show it; 0 is written out, as the index has it


def with_pages(connection: AsyncConnection, conditions: Sequence[sa.ColumnElement[bool]], *, few: bool) -> sa.CTE:
    """The `id` of each defect that fits and that some page has shown, and how many `pages` show it now.

    SQLite looks up the pages of each; PostgreSQL counts those of all in one pass, unless only a `few` fit.
    """
    if few or connection.dialect.name == "sqlite":
        counted = sa.select(Defect.id, PAGES.label("pages")).where(*conditions)
    else:
        shown = Occurrence.places > sa.literal_column("0")
        whole = sa.select(Occurrence.defect_id, sa.func.count().label("pages")).where(shown)
        of = whole.group_by(Occurrence.defect_id).cte("shown")
        pages = sa.func.coalesce(of.c.pages, 0).label("pages")
        counted = sa.select(Defect.id, pages).outerjoin(of, of.c.defect_id == Defect.id).where(*conditions)
    seen = counted.where(Defect.merged_into_id.is_(None)).cte("seen").prefix_with("MATERIALIZED")
    ever = sa.exists().where(Occurrence.defect_id == seen.c.id)  # asked only of those that no page shows now
    known = sa.select(seen.c.id, seen.c.pages).where(sa.or_(seen.c.pages > 0, ever))
    return known.cte("known").prefix_with("MATERIALIZED")


@dataclass(frozen=True, kw_only=True)
class Known:
    """A defect as a page or a list names it."""

    id: int
    rule: str
    state: DefectState
    region: Region | None
    owner: str | None
    due_on: date | None
    pages: int  # that show it as they were last seen


async def known(connection: AsyncConnection, numbers: Collection[int]) -> dict[int, Known]:
    """Some defects by the numbers given, also such as they were known by once."""
    asked = dict((await connection.execute(sa.select(Defect.id, ROOT).where(Defect.id.in_(numbers)))).all())
    query = sa.select(
        Defect.id, Defect.rule, Defect.state, Defect.region, Defect.owner, Defect.due_on, PAGES.label("pages")
    ).where(Defect.id.in_(set(asked.values())))
    found = {row.id: Known(**row._mapping) for row in await connection.execute(query)}
    return {number: found[root] for number, root in asked.items()}


async def shown_on(connection: AsyncConnection, page: int) -> frozenset[int]:
    """The defects that a page shows as it was last seen."""
    shows = Occurrence.page_id == page, Occurrence.places > 0
    return frozenset(await connection.scalars(sa.select(Occurrence.defect_id).where(*shows)))


async def rules_of_criterion(
    connection: AsyncConnection, number: str, sites: sa.ColumnElement[bool]
) -> frozenset[str]:
    """The rules that speak about a criterion in any sweep of some sites, and those of the ministry's that do."""
    criteria = await spoken_by(connection, sa.select(Sweep.id).where(sites, Sweep.rule_criteria.is_not(None)))
    spoken: list[tuple[str, Any]] = [*mic.rule_criteria().items()]
    spoken += [each for of in criteria.values() for each in of.items()]
    return frozenset(rule for rule, numbers in spoken if number in numbers)
