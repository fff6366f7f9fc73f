"""Which defect a name of a fault is known as, on a page: the one place where that is said.

Every row of `Defect` is a name. A name is known as itself, or as another (`merged_into_id`), by way of the names it came
through (`through_id`): machine and people merge so. A person may split a defect by pages: on these (`PartPage`) it is
known as a part, which is no name of any fault. Parts belong to the whole that they were split from, and have no parts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from crawler.scope import matches
from db.database import insert_new
from db.tables import Defect, DefectEvent, Occurrence, Page, PartPage, Site

ROOT: sa.ColumnElement[int] = sa.func.coalesce(Defect.merged_into_id, Defect.id)  # what a name is known as
KNOWN_AS: sa.ColumnElement[int] = sa.func.coalesce(
    PartPage.part_id, ROOT
)  # on a page; joins PartPage, see `parted`

# A name that went into another is known there; one that no page has shown is no defect (yet): what the machine could not
# decide has names, too. Whatever counts or lists defects holds to both.
KNOWN: tuple[sa.ColumnElement[bool], ...] = (
    Defect.merged_into_id.is_(None),
    sa.exists().where(Occurrence.defect_id == Defect.id),
)


def parted(page: sa.orm.InstrumentedAttribute[Any]) -> sa.ColumnElement[bool]:
    """What joins PartPage to a defect on a page: `.outerjoin(PartPage, parted(Result.page_id))`."""
    return sa.and_(PartPage.defect_id == ROOT, PartPage.page_id == page)


def names_of(defects: Collection[int]) -> sa.ColumnElement[bool]:
    """The names that are known as some defects, wherever that is not a part's page."""
    return sa.or_(Defect.id.in_(defects), Defect.merged_into_id.in_(defects))


async def hold_names(connection: AsyncConnection, site_id: int | sa.ScalarSelect[int]) -> None:
    """Until the transaction ends nobody else changes what the names of a site are known as, or where these show."""
    await connection.execute(sa.select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))


@dataclass(kw_only=True)
class Parts:
    """The parts that defects of a site are split into, the last split first.

    A part that was merged keeps its patterns: its pages are those of the other part, or of the whole again.
    """

    whole: dict[int, int] = field(default_factory=dict)  # part → what it was split from
    patterns: dict[int, list[tuple[str, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )  # whole → its parts

    @classmethod
    async def of(cls, connection: AsyncConnection, site_id: int) -> "Parts":
        """The parts of a site's defects; those of a whole that was merged since, all one with it again, are of that other one."""
        found = cls()
        other = sa.orm.aliased(Defect)
        rows = await connection.execute(
            sa.select(ROOT, sa.func.coalesce(other.merged_into_id, other.id), Defect.patterns)
            .join(other, other.id == Defect.whole_id)
            .where(Defect.site_id == site_id)
            .order_by(Defect.id.desc())
        )
        for part, whole, patterns in rows:
            if part != whole:
                found.whole[part] = whole
            found.patterns[whole] += [(pattern, part) for pattern in patterns]
        return found

    def of_whole(self, defect: int) -> set[int]:
        """A defect with all of its parts; a part's whole with all of its own."""
        whole = self.whole.get(defect, defect)
        return {whole, *(part for _, part in self.patterns.get(whole, ()))}

    async def on(self, connection: AsyncConnection, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """Of pairs of a defect and a page those that are a part's; a page that its pattern fits is the part's from now on."""
        asked = {(defect, page) for defect, page in pairs if defect in self.patterns}
        known: dict[tuple[int, int], int] = {}
        for pages in parts(sorted({page for _, page in asked})):
            mine = sa.select(PartPage.defect_id, PartPage.page_id, PartPage.part_id).where(
                PartPage.page_id.in_(pages)
            )
            known |= {(defect, page): part for defect, page, part in await connection.execute(mine)}
            rows = await connection.execute(sa.select(Page.id, Page.address).where(Page.id.in_(pages)))
            new = list(self._fitting(asked - known.keys(), dict(rows.all())))
            known |= {(row["defect_id"], row["page_id"]): row["part_id"] for row in new}
            if new:
                await connection.execute(insert_new(connection, PartPage), new)
        return {pair: known[pair] for pair in asked & known.keys()}

    async def share_out(self, connection: AsyncConnection, whole: int) -> None:
        """Give the parts of a defect the places that it has taken over on their pages."""
        if whole not in self.patterns:
            return
        pages = await connection.scalars(sa.select(Occurrence.page_id).where(Occurrence.defect_id == whole))
        of: dict[int, list[int]] = defaultdict(list)
        for (_, page), part in (await self.on(connection, {(whole, page) for page in pages})).items():
            if part != whole:  # of a part that is one with it again
                of[part].append(page)
        for part, mine in of.items():
            for some in parts(sorted(mine)):
                await move_places(connection, whole, part, Occurrence.page_id.in_(some))

    def _fitting(self, pairs: Collection[tuple[int, int]], addresses: dict[int, str]) -> Iterator[dict[str, int]]:
        for defect, page in pairs:
            if page not in addresses:
                continue
            fits = (part for pattern, part in self.patterns[defect] if matches(pattern, addresses[page]))
            if part := next(fits, None):
                yield {"defect_id": defect, "page_id": page, "part_id": part}


async def put_together(connection: AsyncConnection, defect: int, into: int) -> None:
    """From now on a defect is known as another, with its pages and every name of its own."""
    children = sa.update(Defect).where(Defect.merged_into_id == defect)
    await connection.execute(children.where(Defect.through_id.is_(None)).values(through_id=defect))
    await connection.execute(children.values(merged_into_id=into))
    last = sa.select(sa.func.max(DefectEvent.id)).where(DefectEvent.defect_id == into).scalar_subquery()
    mine = sa.update(Defect).where(Defect.id == defect)
    await connection.execute(mine.values(merged_into_id=into, through_id=into, joined_after=last))
    await move_places(connection, defect, into)


async def move_places(
    connection: AsyncConnection, defect: int, to: int, *conditions: sa.ColumnElement[bool]
) -> None:
    """Let the places of a defect be another's, on all pages or on some; where both are on a page they add up."""
    other = sa.orm.aliased(Occurrence)
    mine = Occurrence.defect_id == defect, *conditions
    shared = sa.select(other.page_id).where(other.defect_id == to)
    theirs = sa.select(Occurrence.page_id).where(*mine)
    added = sa.select(other.places).where(other.defect_id == defect, other.page_id == Occurrence.page_id)
    await connection.execute(
        sa.update(Occurrence)
        .where(Occurrence.defect_id == to, Occurrence.page_id.in_(theirs.correlate(None)))
        .values(places=Occurrence.places + added.scalar_subquery())
    )
    await connection.execute(sa.delete(Occurrence).where(*mine, Occurrence.page_id.in_(shared)))
    await connection.execute(sa.update(Occurrence).where(*mine).values(defect_id=to))


async def subtree(connection: AsyncConnection, name: int) -> set[int]:
    """A name that is known as a defect, with the names that are known so through it."""
    found = {name}
    while True:
        further = set(
            await connection.scalars(
                sa.select(Defect.id).where(Defect.through_id.in_(found), Defect.id.not_in(found))
            )
        )
        if not further:
            return found
        found |= further
