"""Tests by people put straight into the tables: some pages, and what was said of each criterion of each."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from audits.criteria import aimed_at
from db.database import Database
from db.tables import Draw, Judgement, ScopeRule, Sweep, Visit
from db.words import Edition, JudgementOutcome, Level, Outcome, Part, Reason, ScopeKind, VisitState
from tests.reports.rows import START, Writer

MET, NOT_MET, ABSENT = JudgementOutcome.MET, JudgementOutcome.NOT_MET, JudgementOutcome.NOT_APPLICABLE
DETAILS: dict[str, Any] = {
    "organisation": "東京都みどり局",
    "contact": "総務課 03-0000-0000",
    "policy": "https://www.example.metro.tokyo.lg.jp/accessibility/",
    "published": "https://www.example.metro.tokyo.lg.jp/accessibility/result.html",
    "scope": "https://www.example.metro.tokyo.lg.jp/ の下位のすべてのページ",
    "technologies": ["HTML", "CSS"],
    "declared": "2026-07-31",
}
PAGES = 4


async def judged(database: Database, said: dict[str, JudgementOutcome | None] | None = None, **values: Any) -> int:
    """A sweep of a few pages on which a person has judged every criterion as met, but for `said`; its number.

    None in `said` leaves the criterion of the last page unjudged. The machine found pictures without text on page 1.
    """
    said = said or {}
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(pages_asked=PAGES, random_asked=2, **values)
        await writer.insert(
            ScopeRule, sweep_id=writer.sweep, kind=ScopeKind.EXCLUDE, pattern="/kako/", reason="元データがないため"
        )
        for number in range(1, PAGES + 1):
            visit = await _page(writer, number)
            for criterion in aimed_at(values.get("edition", Edition.JIS2016), values.get("level", Level.AA)):
                outcome = said.get(criterion, MET)
                if outcome is None and number < PAGES:
                    outcome = MET
                if outcome is not None:
                    await say(writer, visit, criterion, outcome)
    return writer.sweep


async def _page(writer: Writer, number: int) -> int:
    visit = await writer.visit(
        f"https://www.example.metro.tokyo.lg.jp/p/{number}.html",
        title=f"=お知らせ {number}" if number == 2 else f"お知らせ {number}",
    )
    part = Part.REPRESENTATIVE if number <= 2 else Part.RANDOM
    await writer.insert(
        Draw, sweep_id=writer.sweep, visit_id=visit, part=part, rank=number, why="top" if number == 1 else None
    )
    result = await writer.result(visit)
    if number == 1:
        await writer.finding(result, "image-alt")
        await writer.finding(result, "color-contrast", Outcome.CANT_TELL)
        await writer.finding(result, "region")
    await writer.assertions(result)
    return visit


async def say(
    writer: Writer,
    visit: int,
    criterion: str,
    outcome: JudgementOutcome,
    person: str = "環境局 山田",
    reason: str | None = None,
) -> None:
    """A person's word."""
    await writer.insert(
        Judgement, visit_id=visit, criterion=criterion, outcome=outcome, person=person,
        reason=reason or ("=1+1 代替テキストがない" if outcome is NOT_MET else None), at=START + timedelta(days=2),
    )  # fmt: skip


async def dispute(database: Database, sweep: int, criterion: str, outcome: JudgementOutcome = NOT_MET) -> None:
    """Another person says something else of a criterion of the first page."""
    async with database.writing() as connection:
        visit = await connection.scalar(sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == sweep))
        await say(Writer(connection), visit or 0, criterion, outcome, person="鈴木")


async def lose(database: Database, sweep: int, reason: Reason = Reason.CRASHED) -> None:
    """A further page was chosen and has no result."""
    async with database.writing() as connection:
        writer = Writer(connection)
        writer.sweep = sweep
        writer.site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep)) or 0
        visit = await writer.visit(
            "https://www.example.metro.tokyo.lg.jp/lost.html", state=VisitState.UNAUDITED, reason=reason
        )
        await writer.insert(Draw, sweep_id=sweep, visit_id=visit, part=Part.RANDOM, rank=9)
