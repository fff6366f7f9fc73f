"""What the numbers of a site in a cycle stand on: as long as that is the same, so are they."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from audits.speaking import SPEAKS
from db.tables import Defect, DefectEvent, Exempted, Exemption, Regrouping, Sweep


@dataclass(frozen=True, kw_only=True)
class State:
    """How a site stands, counted."""

    seen: tuple[Any, ...]  # that what its sweeps say stands on: they, exceptions and what names are one
    done: tuple[Any, ...]  # what people and sweeps have done to its defects


async def states_of(connection: AsyncConnection, sites: Collection[int]) -> dict[int, State]:
    """Site → how it stands; in some statements, however many sites there are."""
    found: dict[int, tuple[list[Any], list[Any]]] = {site: ([], []) for site in sites}
    for some in parts(sites):
        of_defects = _of_defects(some, on_sqlite=connection.dialect.name == "sqlite")
        for kind, queries in enumerate((_of_sweeps(some), of_defects)):
            for number, query in enumerate(queries):
                for site, *state in (await connection.execute(query)).all():
                    found[site][kind].append((number, *state))
    return {site: State(seen=tuple(seen), done=tuple(done)) for site, (seen, done) in found.items()}


def _of_sweeps(sites: Sequence[int]) -> list[sa.Select[*tuple[Any, ...]]]:
    """Each gives a site, and what is another when something has changed."""
    count, most = sa.func.count, sa.func.max
    finished = sa.func.sum(sa.case((SPEAKS, 1), else_=0))
    mine = Exemption.site_id.in_(sites)
    return [
        sa.select(Sweep.site_id, count(), most(Sweep.id), finished, most(Sweep.finished_at), most(Sweep.reconciled_at))
        .where(Sweep.site_id.in_(sites))
        .group_by(Sweep.site_id),
        sa.select(Exemption.site_id, count(), most(Exemption.id), count(Exemption.ended_at), count(Exemption.reviewed_at))
        .where(mine)
        .group_by(Exemption.site_id),
        sa.select(Exemption.site_id, count(), most(Exempted.id))
        .join(Exempted, Exempted.exemption_id == Exemption.id)
        .where(mine)
        .group_by(Exemption.site_id),
        sa.select(Defect.site_id, count(), most(Regrouping.id))
        .join(Regrouping, Regrouping.defect_id == Defect.id)
        .where(Defect.site_id.in_(sites))
        .group_by(Defect.site_id),
    ]  # fmt: skip


def _of_defects(sites: Sequence[int], *, on_sqlite: bool) -> list[sa.Select[*tuple[Any, ...]]]:
    count, most = sa.func.count, sa.func.max
    plan = Defect.id, Defect.owner, Defect.due_on, Defect.way
    planned = sa.or_(Defect.owner.is_not(None), Defect.due_on.is_not(None), Defect.way.is_not(None))
    mine = Defect.site_id.in_(sites)
    counted = sa.select(Defect.site_id, count(), sa.func.sum(Defect.merged_into_id), sa.func.sum(Defect.whole_id))
    # a state never changes without an event; a plan may
    events = sa.select(Defect.site_id, count(), most(DefectEvent.id)).join(
        Defect, Defect.id == DefectEvent.defect_id
    )
    found: list[sa.Select[*tuple[Any, ...]]] = [events.where(mine).group_by(Defect.site_id)]
    if on_sqlite:  # puts the plans of a site into one text faster than their rows are fetched; PostgreSQL does not
        plans = sa.func.group_concat(sa.case((planned, sa.func.json_array(*plan))))
        return [*found, counted.add_columns(plans).where(mine).group_by(Defect.site_id)]
    rows = sa.select(Defect.site_id, *plan).where(mine, planned).order_by(Defect.id)
    return [*found, counted.where(mine).group_by(Defect.site_id), rows]
