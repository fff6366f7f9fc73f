"""The pages of a sweep that numbers for the whole site may come from: drawn at random, or all of them, by strata."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.statistics.strata import Sample, Stratum
from db.tables import Draw, Finding, Sweep, Visit
from db.words import Method, Outcome, Part, VisitState

WHOLE = 0  # the one stratum of a draw without strata


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """One part of a sample page by page: arrays of one length, in the order of page numbers."""

    part: Part
    sizes: Mapping[int, int]  # stratum → pages that could have been drawn
    pages: NDArray[np.int64]
    strata: NDArray[np.int64]
    audited: NDArray[np.bool_]
    failing: Mapping[str, NDArray[np.bool_]]  # rule → pages with a failed place

    def fails(self, rules: Iterable[str]) -> NDArray[np.bool_]:
        """Which pages fail one of the rules; a page without a result fails none."""
        found = np.zeros(len(self.pages), dtype=bool)
        for rule in rules:
            if rule in self.failing:
                found |= self.failing[rule]
        return found

    def sample(self, rules: Iterable[str]) -> Sample:
        """What the part says of pages that fail one of the rules, for every stratum of the population."""
        fails = self.fails(rules)
        return Sample(
            strata=tuple(
                Stratum(
                    population=size,
                    drawn=int(np.sum(self.strata == stratum)),
                    audited=int(np.sum(self.audited & (self.strata == stratum))),
                    found=int(np.sum(fails & (self.strata == stratum))),
                )
                for stratum, size in sorted(self.sizes.items())
            )
        )


def part_of(method: Method | None) -> Part | None:
    """The part that speaks for the whole site; purposive pages never do."""
    parts = {Method.ALL: Part.CENSUS, Method.RANDOM: Part.RANDOM, Method.MIXED: Part.RANDOM}
    return parts.get(method) if method else None


async def sampled(connection: AsyncConnection, sweep: Sweep, part: Part) -> Sampled | None:
    """Read one part of a sample; None when no page belongs to it."""
    rows = (
        await connection.execute(
            sa.select(Visit.page_id, Visit.state, _stratum())
            .join(Draw, Draw.visit_id == Visit.id)
            .where(Draw.sweep_id == sweep.id, Draw.part == part)
            .order_by(Visit.page_id)
        )
    ).all()
    if not rows:
        return None
    pages = np.array([row[0] for row in rows], dtype=np.int64)
    return Sampled(
        part=part,
        sizes=await _sizes(connection, sweep, part, len(rows)),
        pages=pages,
        strata=np.array([row[2] for row in rows], dtype=np.int64),
        audited=np.array([row[1] is VisitState.AUDITED for row in rows], dtype=bool),
        failing=await _failing(connection, sweep, part, pages),
    )


def _stratum() -> sa.ColumnElement[int]:
    """The stratum that a drawn page belongs to: here and in `_sizes` strata come in."""
    return sa.literal(WHOLE, sa.Integer)


async def _sizes(connection: AsyncConnection, sweep: Sweep, part: Part, drawn: int) -> dict[int, int]:
    """Pages that could have been drawn, by stratum: the chosen and the not chosen; of a census, all that are in it."""
    if part is Part.CENSUS:
        return {WHOLE: drawn}
    not_chosen = sa.select(sa.func.count()).where(Visit.sweep_id == sweep.id, Visit.state == VisitState.NOT_CHOSEN)
    chosen = sa.select(sa.func.count(sa.distinct(Draw.visit_id))).where(Draw.sweep_id == sweep.id)
    return {WHOLE: (await connection.scalar(not_chosen) or 0) + (await connection.scalar(chosen) or 0)}


async def _failing(
    connection: AsyncConnection, sweep: Sweep, part: Part, pages: NDArray[np.int64]
) -> dict[str, NDArray[np.bool_]]:
    rows = await connection.stream(
        sa.select(Finding.rule, Visit.page_id)
        .join(Visit, Visit.result_id == Finding.result_id)
        .join(Draw, Draw.visit_id == Visit.id)
        .where(
            Draw.sweep_id == sweep.id,
            Draw.part == part,
            Visit.state == VisitState.AUDITED,
            Finding.outcome == Outcome.FAILED,
            Finding.rule.in_(list(sweep.rule_criteria or {})),
        )
        .distinct()
    )
    failing: dict[str, NDArray[np.bool_]] = {}
    async for rule, page in rows:
        found = failing.setdefault(rule, np.zeros(len(pages), dtype=bool))
        found[np.searchsorted(pages, page)] = True
    return failing
