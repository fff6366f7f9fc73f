"""What the machine found on one page, by criterion: faults, and what it could not decide. It never says more."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Finding, Visit
from db.words import Outcome


@dataclass(frozen=True, kw_only=True)
class Found:
    """The findings of one outcome on one criterion of one page."""

    criterion: str
    outcome: Outcome
    rules: tuple[str, ...]
    places: int


async def found_on(connection: AsyncConnection, visit: int, speaks_of: Mapping[str, Sequence[str]]) -> list[Found]:
    """The machine's findings on a page, in the order of criteria; only of rules that speak about one."""
    rows = await connection.execute(
        sa.select(Finding.rule, Finding.outcome, sa.func.count())
        .join(Visit, Visit.result_id == Finding.result_id)
        .where(Visit.id == visit)
        .group_by(Finding.rule, Finding.outcome)
    )
    found: dict[tuple[str, Outcome], dict[str, int]] = defaultdict(dict)
    for rule, outcome, places in rows:
        for number in speaks_of.get(rule, ()):
            found[number, outcome][rule] = places
    return [
        Found(criterion=number, outcome=outcome, rules=tuple(sorted(rules)), places=sum(rules.values()))
        for (number, outcome), rules in sorted(found.items())
    ]
