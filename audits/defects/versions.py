"""Defects that an earlier version of the identity named: each goes on as it was, under its new name too."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.cover import restate_merged
from audits.defects.naming import ROOT, hold_names, put_together
from audits.defects.sight import parts
from audits.fault import Fault
from db.tables import Defect
from db.words import DefectState


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a fault is known as."""

    name: int  # the row that has its name, of today or of the version before
    defect: int  # that this name is known as
    today: bool  # by its name of today; else the fault goes on by the one of the version before


@dataclass(frozen=True, kw_only=True)
class _Name:
    """A row that has a name, and the defect that it is known as."""

    id: int
    defect: int
    order: tuple[bool, bool, int]  # is confirmed, has no owner, id: what is kept comes first
    fixed: bool  # a person has split the defect, from another or by pages: no machine makes it one with another


async def known_earlier(connection: AsyncConnection, site_id: int, faults: Collection[Fault]) -> dict[Fault, Known]:
    """What faults are known as, today or in the version before; without those that nobody knows.

    Where one fault of today was several, these are one defect from now on: the oldest that is not confirmed, one with an owner
    before one without. Where a person has split one of them off, they stay what they were: each goes by its earlier name.
    """
    earlier: dict[str, set[str]] = defaultdict(set)
    for fault in faults:
        earlier[fault.digest] |= {fault.digest, fault.earlier}
    names = await _names(connection, site_id, earlier)
    if any(_to_do(digest, mine, names) for digest, mine in earlier.items()):
        await hold_names(connection, site_id)
        names = await _names(connection, site_id, earlier)  # another worker may have done it meanwhile
    folded: dict[int, int] = {}  # what became of defects that are one with another now
    for _, mine in sorted(earlier.items()):
        free = sorted({(names[name].order, names[name].defect) for name in mine if _is_free(name, names)})
        for _, other in free[1:]:
            kept, each = followed_up(folded, free[0][1]), followed_up(folded, other)
            if each != kept:
                await restate_merged(connection, kept, each)
                await put_together(connection, each, kept)
                folded[each] = kept
    lead = {digest: found for digest, mine in earlier.items() if (found := _lead(digest, mine, names))}
    known: dict[Fault, Known] = {}
    for fault in faults:
        if (first := lead.get(fault.digest)) is None:
            continue
        own = names.get(fault.earlier, first)
        defect = followed_up(folded, own.defect)
        other = defect != followed_up(folded, first.defect)
        name = own if other else first
        known[fault] = Known(name=name.id, defect=defect, today=not other)
    return known


_ROOT, _PART = sa.orm.aliased(Defect), sa.orm.aliased(Defect)
_SPLIT = sa.exists().where(_PART.whole_id == _ROOT.id, _PART.merged_into_id.is_(None))
_NAMES = (  # made once: it is asked for each page
    sa.select(Defect.digest, Defect.id, _ROOT.id, _ROOT.state, _ROOT.owner, sa.or_(_ROOT.apart, _SPLIT))
    .join(_ROOT, _ROOT.id == ROOT)
    .where(
        Defect.site_id == sa.bindparam("site"), Defect.digest.in_(sa.bindparam("digests", expanding=True))
    )
)  # fmt: skip


async def _names(connection: AsyncConnection, site_id: int, earlier: Mapping[str, set[str]]) -> dict[str, _Name]:
    """The rows that have these digests."""
    found: dict[str, _Name] = {}
    for some in parts(sorted(set[str]().union(*earlier.values()))):
        rows = await connection.execute(_NAMES, {"site": site_id, "digests": some})
        for digest, number, defect, state, owner, fixed in rows:
            order = goes_on_first(state, owner, defect)
            found[digest] = _Name(id=number, defect=defect, order=order, fixed=bool(fixed))
    return found


def goes_on_first(state: DefectState, owner: str | None, defect: int) -> tuple[bool, bool, int]:
    """The order of defects that are one from now on: the first goes on."""
    return state is DefectState.CONFIRMED, owner is None, defect


def _is_free(name: str, names: Mapping[str, _Name]) -> bool:
    return name in names and not names[name].fixed


def _lead(digest: str, mine: Iterable[str], names: Mapping[str, _Name]) -> _Name | None:
    """The row by which a fault is known today: its own, else one of the version before, a free one first."""
    if digest in names:
        return names[digest]
    found = [names[name] for name in mine if name in names]
    return min(found, key=lambda each: (each.fixed, each.order, each.id), default=None)


def _to_do(digest: str, mine: Iterable[str], names: Mapping[str, _Name]) -> bool:
    """Whether a fault is to be renamed, or is several defects that are one now."""
    found = {names[name].defect for name in mine if _is_free(name, names)}
    return len(found) > 1 or bool(digest not in names and any(name in names for name in mine))


def followed_up(folded: Mapping[int, int], defect: int) -> int:
    """What a defect is known as, after some were folded into others."""
    while defect in folded:
        defect = folded[defect]
    return defect
