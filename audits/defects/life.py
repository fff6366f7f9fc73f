"""The life of a defect: which states follow on which, and who may say so.

Only a sweep sets confirmed and returned; only people except, and what they have excepted ends by itself.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.record import MACHINE
from crawler.frontier import ROWS
from db.errors import UsageError
from db.tables import Defect, DefectEvent
from db.types import now
from db.words import DefectState as State

BY_PEOPLE: dict[State, frozenset[State]] = {
    State.FOUND: frozenset({State.PLANNED, State.REPAIRED, State.EXCEPTED}),
    State.PLANNED: frozenset({State.PLANNED, State.FOUND, State.REPAIRED, State.EXCEPTED}),
    State.REPAIRED: frozenset({State.PLANNED, State.FOUND, State.EXCEPTED}),
    State.RETURNED: frozenset({State.PLANNED, State.REPAIRED, State.EXCEPTED}),
    State.UNVERIFIED: frozenset({State.PLANNED, State.REPAIRED, State.EXCEPTED}),
    State.EXCEPTED: frozenset({State.FOUND, State.PLANNED}),
    State.CONFIRMED: frozenset(),
}
BY_MACHINE: dict[State, frozenset[State]] = {
    State.FOUND: frozenset({State.CONFIRMED, State.UNVERIFIED}),
    State.PLANNED: frozenset({State.CONFIRMED, State.UNVERIFIED}),
    State.REPAIRED: frozenset({State.CONFIRMED, State.UNVERIFIED, State.PLANNED, State.FOUND}),
    State.RETURNED: frozenset({State.CONFIRMED, State.UNVERIFIED}),
    State.UNVERIFIED: frozenset({State.CONFIRMED, State.FOUND, State.PLANNED, State.REPAIRED, State.RETURNED}),
    State.EXCEPTED: frozenset({State.CONFIRMED, State.FOUND, State.PLANNED}),  # its exception has ended
    State.CONFIRMED: frozenset({State.RETURNED}),
}


async def move(
    connection: AsyncConnection, defects: Collection[int], old: State, new: State, *,
    why: str | None, sweep: int | None = None, who: str = MACHINE, at: datetime | None = None,
) -> None:  # fmt: skip
    """Take defects of one state to another, each with its event; one that somebody else has moved meanwhile stays.

    Raises UsageError for a step that a person may not take; ValueError for one that no machine takes.
    """
    if who == MACHINE and new not in BY_MACHINE[old]:
        raise ValueError(f"no machine takes a defect from {old} to {new}")
    if who != MACHINE and new not in BY_PEOPLE[old]:
        raise UsageError(
            ja=f"「{old.value}」の欠陥を「{new.value}」にすることはできません。",
            en=f"A defect that is {old.value} cannot be set to {new.value}.",
        )
    chosen = sorted(defects)
    moment = at or now()
    for begin in range(0, len(chosen), ROWS):
        some = chosen[begin : begin + ROWS]
        moved = await connection.scalars(
            sa.update(Defect).where(Defect.id.in_(some), Defect.state == old).values(state=new).returning(Defect.id)
        )
        told: dict[str, Any] = {"sweep_id": sweep, "old": old, "new": new, "who": who, "why": why, "at": moment}
        if events := [{"defect_id": each, **told} for each in sorted(moved)]:
            await connection.execute(sa.insert(DefectEvent), events)


async def before_unverified(connection: AsyncConnection, defects: Collection[int]) -> dict[int, State]:
    """The state that each unverified defect had when it was last known."""
    chosen = sorted(defects)
    found: dict[int, State] = {}
    for begin in range(0, len(chosen), ROWS):
        rows = await connection.execute(
            sa.select(DefectEvent.defect_id, DefectEvent.old)
            .where(DefectEvent.defect_id.in_(chosen[begin : begin + ROWS]), DefectEvent.new == State.UNVERIFIED)
            .order_by(DefectEvent.id)
        )
        found |= {defect: old for defect, old in rows if old is not None}  # the last one stands
    return found
