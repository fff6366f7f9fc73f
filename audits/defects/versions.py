"""Defects that an earlier version of the identity named: each goes on as it was, under its new name too."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from audits.fault import Fault
from db.database import insert_new
from db.tables import Defect, Occurrence
from db.words import DefectState


async def known_earlier(connection: AsyncConnection, site_id: int, faults: Iterable[Fault]) -> dict[str, int]:
    """The defects that faults are known as, today or in the version before, by their digests of today.

    Where one fault of today was several, these are one defect from now on: the oldest that is not confirmed.
    """
    earlier: dict[str, set[str]] = defaultdict(set)
    for fault in faults:
        earlier[fault.digest] |= {fault.digest, fault.earlier}
    roots: dict[str, tuple[bool, int]] = {}
    for some in parts(sorted(set[str]().union(*earlier.values()))):
        root = sa.orm.aliased(Defect)
        rows = await connection.execute(
            sa.select(Defect.digest, root.id, root.state)
            .join(root, root.id == sa.func.coalesce(Defect.merged_into_id, Defect.id))
            .where(Defect.site_id == site_id, Defect.digest.in_(some))
        )
        roots |= {digest: (state is DefectState.CONFIRMED, defect) for digest, defect, state in rows}
    known: dict[str, int] = {}
    folded: dict[int, int] = {}  # what became of defects that are one with another now
    for digest, names in sorted(earlier.items()):
        found = sorted({roots[name] for name in names if name in roots})
        if not found:
            continue
        kept = _now(folded, found[0][1])
        for _, other in found[1:]:
            if (each := _now(folded, other)) != kept:
                await _fold(connection, each, kept)
                folded[each] = kept
        known[digest] = kept
    return {digest: _now(folded, defect) for digest, defect in known.items()}


def _now(folded: Mapping[int, int], defect: int) -> int:
    while defect in folded:
        defect = folded[defect]
    return defect


async def _fold(connection: AsyncConnection, defect: int, into: int) -> None:
    """Let a defect, its pages and all that was known as it be known as another."""
    rows = await connection.execute(
        sa.select(Occurrence.page_id, Occurrence.places).where(Occurrence.defect_id == defect)
    )
    for page, places in rows.all():
        there = {"defect_id": into, "page_id": page, "places": 0}
        await connection.execute(insert_new(connection, Occurrence).values(there))
        mine = Occurrence.defect_id == into, Occurrence.page_id == page
        await connection.execute(sa.update(Occurrence).where(*mine).values(places=Occurrence.places + places))
    await connection.execute(sa.delete(Occurrence).where(Occurrence.defect_id == defect))
    known_as = sa.or_(Defect.id == defect, Defect.merged_into_id == defect)
    await connection.execute(sa.update(Defect).where(known_as).values(merged_into_id=into))
