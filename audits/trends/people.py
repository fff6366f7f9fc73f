"""Conformance over time: the results of JIS tests, which only people's judgements make; the machine has no word in it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.criteria import aimed_at
from audits.defects.sight import parts
from audits.jis_test import Verdict, verdict_of
from audits.persons import known_as
from audits.trends.periods import Period
from audits.trends.points import Point, counted
from db.tables import Judgement, Sweep, Visit
from db.words import Edition, JudgementOutcome, Level, VisitState


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A sweep that people have judged, as far as they have come."""

    sweep: int
    site: int
    at: datetime  # when the sweep finished
    edition: Edition
    level: Level
    pages: int  # audited
    lost: int  # chosen pages without a result: the test is not complete
    verdicts: Mapping[str, Verdict]  # of the criteria aimed at

    @property
    def judged(self) -> bool:
        """Whether nothing is open: every criterion of every page is decided and no page was lost."""
        return bool(self.pages) and not self.lost and Verdict.UNJUDGED not in self.verdicts.values()


Words = dict[tuple[int, str], dict[str, JudgementOutcome]]  # visit and criterion → person → last word


async def read_tests(
    connection: AsyncConnection, sites: Collection[int], span: Period, points: Mapping[int, Collection[Point]]
) -> dict[int, list[Tested]]:
    """The judged sweeps of each site within a span of days, in the order in which they finished."""
    words: dict[int, Words] = defaultdict(lambda: defaultdict(dict))
    for some in parts(sorted(sites)):
        rows = await connection.execute(
            sa.select(
                Visit.sweep_id, Judgement.visit_id, Judgement.criterion, known_as(Judgement.person), Judgement.outcome
            )
            .join(Visit, Visit.id == Judgement.visit_id)
            .where(
                Visit.sweep_id.in_(sa.select(Sweep.id).where(*counted(some, span))),
                Visit.state == VisitState.AUDITED, Visit.result_id.is_not(None),
            )
            .order_by(Judgement.at, Judgement.id)
        )  # fmt: skip
        for sweep, visit, number, person, outcome in rows:
            said = words[sweep][visit, number]
            if outcome is JudgementOutcome.WITHDRAWN:
                said.pop(person, None)
            else:
                said[person] = outcome
    told = {
        site: [_tested(point, words[point.sweep]) for point in of if any(words.get(point.sweep, {}).values())]
        for site, of in points.items()
    }
    return {site: tests for site, tests in told.items() if tests}


def _tested(point: Point, words: Words) -> Tested:
    sweep: Any = point.terms.sweep
    agreed: dict[str, Counter[JudgementOutcome]] = defaultdict(Counter)
    for (_, number), said in words.items():
        if len({*said.values()}) == 1:
            agreed[number][next(iter(said.values()))] += 1
    return Tested(
        sweep=point.sweep, site=point.site, at=point.at, edition=sweep.edition, level=sweep.level,
        pages=point.audited, lost=point.lost,
        verdicts={number: _verdict(agreed[number], point.audited) for number in aimed_at(sweep.edition, sweep.level)},
    )  # fmt: skip


def _verdict(agreed: Counter[JudgementOutcome], pages: int) -> Verdict:
    return verdict_of(agreed[JudgementOutcome.MET], agreed[JudgementOutcome.NOT_MET], pages - agreed.total(), pages)
