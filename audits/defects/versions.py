"""Defects that an earlier version of the identity named: each goes on as it was, under its new name too."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from audits.fault import Fault
from db.database import insert_new
from db.tables import Defect, Occurrence, Site
from db.words import DefectState


async def known_earlier(connection: AsyncConnection, site_id: int, faults: Iterable[Fault]) -> dict[str, int]:
    """The defects that faults are known as, today or in the version before, by their digests of today.

    Where one fault of today was several, these are one defect from now on: the oldest that is not confirmed, one with an owner
    before one without.
    """
    earlier: dict[str, set[str]] = defaultdict(set)
    for fault in faults:
        earlier[fault.digest] |= {fault.digest, fault.earlier}
    roots = await _roots(connection, site_id, earlier)
    if any(_to_do(digest, names, roots) for digest, names in earlier.items()):
        await connection.execute(sa.select(Site.id).where(Site.id == site_id).with_for_update())
        roots = await _roots(connection, site_id, earlier)  # another worker may have done it meanwhile
    known: dict[str, int] = {}
    folded: dict[int, int] = {}  # what became of defects that are one with another now
    for digest, names in sorted(earlier.items()):
        found = sorted({roots[name] for name in names if name in roots})
        if not found:
            continue
        kept = _now(folded, found[0][2])
        for *_, other in found[1:]:
            if (each := _now(folded, other)) != kept:
                await _fold(connection, each, kept)
                folded[each] = kept
        known[digest] = kept
    return {digest: _now(folded, defect) for digest, defect in known.items()}


Root = tuple[bool, bool, int]  # is confirmed, has no owner, id: in the order of what is kept


async def _roots(connection: AsyncConnection, site_id: int, earlier: Mapping[str, set[str]]) -> dict[str, Root]:
    """The defects that digests are known as."""
    found: dict[str, Root] = {}
    for some in parts(sorted(set[str]().union(*earlier.values()))):
        root = sa.orm.aliased(Defect)
        rows = await connection.execute(
            sa.select(Defect.digest, root.id, root.state, root.owner)
            .join(root, root.id == sa.func.coalesce(Defect.merged_into_id, Defect.id))
            .where(Defect.site_id == site_id, Defect.digest.in_(some))
        )
        found |= {
            digest: (state is DefectState.CONFIRMED, owner is None, defect) for digest, defect, state, owner in rows
        }
    return found


def _to_do(digest: str, names: set[str], roots: Mapping[str, Root]) -> bool:
    """Whether a fault is to be renamed, or is several defects that are one now."""
    found = {roots[name] for name in names if name in roots}
    return len(found) > 1 or bool(found and digest not in roots)


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
