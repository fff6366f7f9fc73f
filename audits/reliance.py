"""How far a sweep leans on an earlier one: carried results, and what auditing some of them anyway has shown."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Finding, Visit
from db.words import VisitState


@dataclass(frozen=True, kw_only=True)
class Reliance:
    """How far a sweep leans on an earlier one."""

    carried: int  # audited pages whose result is an earlier sweep's
    drawn: int  # pages that could have been carried, drawn to be audited all the same
    rechecked: int  # of these, pages that have a result
    disagreeing: int  # of these, pages whose new findings are others
    oldest: datetime | None  # when the oldest and the newest evidence of carried results were taken
    newest: datetime | None

    def is_unreliable(self, tolerance: float) -> bool:
        """Whether more of the rechecked pages disagree than is tolerated (share from 0 to 1)."""
        return self.disagreeing > tolerance * self.rechecked


async def reliance(connection: AsyncConnection, sweep_id: int) -> Reliance:
    """Count what a sweep carried, and how the pages fared that were audited all the same."""
    mine = Visit.sweep_id == sweep_id, Visit.state == VisitState.AUDITED
    dated = sa.select(sa.func.count(), sa.func.min(Visit.audited_at), sa.func.max(Visit.audited_at))
    carried, oldest, newest = (await connection.execute(dated.where(*mine, Visit.carried))).one()
    expected = Visit.sweep_id == sweep_id, Visit.expected_id.is_not(None)
    drawn = await connection.scalar(sa.select(sa.func.count()).where(*expected))
    pairs = (
        await connection.execute(
            sa.select(Visit.expected_id, Visit.result_id).where(*expected, Visit.state == VisitState.AUDITED)
        )
    ).all()
    disagreeing = [
        found
        for old, found in pairs
        if old != found and await _findings(connection, old) != await _findings(connection, found)
    ]
    return Reliance(
        carried=carried, drawn=drawn or 0, rechecked=len(pairs), disagreeing=len(disagreeing),
        oldest=oldest, newest=newest,
    )  # fmt: skip


async def _findings(connection: AsyncConnection, result: int | None) -> Counter[tuple[str, ...]]:
    """What a result says, whatever its pictures and measures are."""
    rows = await connection.execute(
        sa.select(Finding.rule, Finding.outcome, Finding.frame, Finding.target).where(Finding.result_id == result)
    )
    return Counter(tuple(map(str, row)) for row in rows)
