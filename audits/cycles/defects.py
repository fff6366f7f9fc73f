"""The defects of a site within a cycle: those that were open at the baseline, and those that came since."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book
from audits.defects.naming import ROOT
from audits.defects.reconcile import NEWLY_CHECKED
from audits.defects.standing import OPEN
from db.tables import Defect, DefectEvent, Sweep
from db.words import DefectState as State
from db.words import Impact, Origin, Region

MAY_BE_THERE = (*OPEN, State.UNVERIFIED)  # `OPEN` ones are there, as far as anybody has seen
OLDEST_FIRST = (Origin.BASELINE, Origin.BACK, Origin.NEWLY_CHECKED, Origin.NEW)
WAITING = (State.FOUND, State.PLANNED, State.RETURNED, State.UNVERIFIED)  # nobody has said that it is repaired


@dataclass(frozen=True, kw_only=True)
class Line:
    """One defect of a cycle."""

    id: int
    rule: str
    state: State
    origin: Origin
    region: Region | None
    owner: str | None
    due_on: date | None
    overdue: bool
    way: str | None
    pages: int  # that showed it when they were last seen
    places: int
    pages_ever: int
    example: str | None
    impact: Impact | None  # this and the next three: of what is to be repaired; None: nothing is
    use: float | None
    effect: float | None
    repairs: int | None


def tally(lines: Collection[Line]) -> dict[Origin, Counter[State]]:
    """How many defects of each origin are in each state."""
    return {origin: Counter(each.state for each in lines if each.origin is origin) for origin in Origin}


def open_of(lines: Collection[Line]) -> tuple[int, int]:
    """How many defects are there for all that is known, and how many may be."""
    return sum(each.state in OPEN for each in lines), sum(each.state in MAY_BE_THERE for each in lines)


async def lines_of(
    connection: AsyncConnection, site: int, baseline: Sweep, rules: Collection[str], day: date
) -> list[Line]:
    """The defects of a site in a cycle that is measured from a baseline, as they stand on a day.

    Of rules that make problem pages alone. What had been confirmed before the baseline, and is still, is none of the cycle's.
    """
    origins = await _origins(connection, site, baseline)
    _, ranked = await book.ranked(connection, site, day, order=book.Order.EFFECT)
    effects = {each.defect.id: each.effect for each in ranked}
    found = []
    for each in await book.listed(connection, site):
        origin = origins.get(each.id, Origin.NEW)
        if each.rule not in rules or (origin is Origin.BACK and each.state is State.CONFIRMED):
            continue
        effect = effects.get(each.id)
        found.append(
            Line(
                id=each.id, rule=each.rule, state=each.state, origin=origin, region=each.region, owner=each.owner,
                due_on=each.due_on, overdue=bool(each.due_on and each.due_on < day and each.state in WAITING),
                way=each.way, pages=each.pages, places=each.places, pages_ever=each.pages_ever, example=each.example,
                impact=effect.impact if effect else None, use=effect.use if effect else None, effect=effect.total if effect else None,
                repairs=effect.repairs if effect else None,
            )
        )  # fmt: skip
    return found


async def _origins(connection: AsyncConnection, site: int, baseline: Sweep) -> Mapping[int, Origin]:
    """Since when each defect is known, by any name that it has; those that no event tells of are new."""
    rows = await connection.execute(
        sa.select(
            DefectEvent.defect_id, ROOT, DefectEvent.old, DefectEvent.new, DefectEvent.why, DefectEvent.sweep_id,
            DefectEvent.at,
        )
        .join(Defect, Defect.id == DefectEvent.defect_id)
        .where(Defect.site_id == site)
        .order_by(DefectEvent.id)
    )  # fmt: skip
    found: dict[int, Origin] = {}
    known_as: dict[int, int] = {}
    for defect, root, old, new, why, sweep, at in rows:
        known_as[defect] = root
        before = sweep == baseline.id or (baseline.finished_at is not None and at <= baseline.finished_at)
        if before:
            found[defect] = Origin.BACK if new is State.CONFIRMED else Origin.BASELINE
        elif old is None:
            found[defect] = Origin.NEWLY_CHECKED if why == NEWLY_CHECKED else Origin.NEW
    oldest: dict[int, Origin] = {}
    for defect, origin in found.items():
        root = known_as[defect]
        oldest[root] = min(origin, oldest.get(root, origin), key=OLDEST_FIRST.index)
    return oldest
