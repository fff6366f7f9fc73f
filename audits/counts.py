"""What the rows of a sweep say when they are counted, as one assertor tells them, and of which scope they are."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from db.tables import Assertion, Draw, Finding, ScopeRule, Sweep, Visit
from db.words import Assertor, Level, Outcome, Part, Reason, VisitState

# Addresses that are no pages of the site: they lead elsewhere, are something else, are left out of scope, or nothing leads to them.
NOT_PAGES = (
    Reason.OUT_OF_SCOPE,
    Reason.EXCLUDED,
    Reason.REDIRECT,
    Reason.REDIRECT_OUT,
    Reason.REDIRECT_LOOP,
    Reason.NOT_HTML,
    Reason.DUPLICATE,
    Reason.NOT_FOUND,
    Reason.SOFT_NOT_FOUND,
    Reason.UNSAFE,
    Reason.UNLINKED,
)

LAST = 2**31 - 1  # sorts what has no rank behind all that have one


def audited_in(sweep_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(Visit.sweep_id == sweep_id, Visit.state == VisitState.AUDITED)


def known_in(sweep_id: int) -> sa.ColumnElement[bool]:
    """The visits of pages of the site as far as a sweep knows: chosen ones also when they proved to be none."""
    chosen = sa.exists().where(Draw.visit_id == Visit.id)
    page = sa.or_(Visit.reason.is_(None), Visit.reason.not_in(NOT_PAGES), chosen)
    return sa.and_(Visit.sweep_id == sweep_id, page)


def failing(sweep_id: int, levels: tuple[Level, ...], assertor: Assertor = Assertor.AXE) -> sa.Select[int]:
    """Audited visits with a failed place of a criterion of the levels, as one assertor says."""
    return (
        sa.select(Visit.id)
        .join(Assertion, Assertion.result_id == Visit.result_id)
        .where(
            audited_in(sweep_id),
            Assertion.assertor == assertor,
            Assertion.level.in_(levels),
            Assertion.failed_places > 0,
        )
        .distinct()
    )


async def problem_pages(
    connection: AsyncConnection, sweep_id: int, assertor: Assertor = Assertor.AXE
) -> tuple[int, int]:
    """Audited pages with at least one failed criterion of level A or AA, and of level A alone."""
    of_a = sa.case((Assertion.level == Level.A, Visit.id))
    both = sa.func.count(sa.distinct(Visit.id)), sa.func.count(sa.distinct(of_a))
    found = await connection.execute(failing(sweep_id, Level.AA.included, assertor).with_only_columns(*both))
    with_any, with_a = found.one()
    return with_any, with_a


async def unanalysed_pages(connection: AsyncConnection, sweep_id: int) -> int:
    """Pages of the site without a result, for whatever reason; addresses that are no pages are none."""
    counted = sa.select(sa.func.count()).where(
        Visit.sweep_id == sweep_id, Visit.state == VisitState.UNAUDITED, Visit.reason.not_in(NOT_PAGES)
    )
    return await connection.scalar(counted) or 0


async def places(connection: AsyncConnection, sweep_id: int, rules: Iterable[str]) -> int:
    """Failed places of these rules on audited pages."""
    counted = (
        sa.select(sa.func.count())
        .select_from(Visit)
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(audited_in(sweep_id), Finding.outcome == Outcome.FAILED, Finding.rule.in_(list(rules)))
    )
    return await connection.scalar(counted) or 0


async def counts_by_criterion(
    connection: AsyncConnection, sweep_id: int, assertor: Assertor = Assertor.AXE
) -> dict[str, tuple[int, int, int]]:
    """Criterion → audited pages with a failed place, failed places, pages with a place that cannot be told."""
    failed, cant_tell = Assertion.failed_places, Assertion.cant_tell_places
    rows = await connection.execute(
        sa.select(
            Assertion.criterion,
            sa.func.sum(sa.case((failed > 0, 1), else_=0)),
            sa.func.sum(failed),
            sa.func.sum(sa.case((cant_tell > 0, 1), else_=0)),
        )
        .join(Visit, Visit.result_id == Assertion.result_id)
        .where(audited_in(sweep_id), Assertion.assertor == assertor)
        .group_by(Assertion.criterion)
    )
    return {number: (int(pages), int(spots), int(open_pages)) for number, pages, spots, open_pages in rows}


async def scope_of(connection: AsyncConnection, sweep_id: int) -> frozenset[tuple[Any, ...]]:
    """What decides which addresses belong to the site: patterns, and where pages are asked for signed in."""
    rows = await connection.execute(
        sa.select(ScopeRule.kind, ScopeRule.pattern).where(ScopeRule.sweep_id == sweep_id)
    )
    settings = await connection.scalar(sa.select(Sweep.settings).where(Sweep.id == sweep_id))
    signed_in = (settings or {}).get("signed_in", ())
    return frozenset([*map(tuple, rows), *(("signed in", origin) for origin in signed_in)])


async def report_order(connection: AsyncConnection, sweep_id: int) -> list[int]:
    """The visits with a result in the order of the report: representative, then as drawn, then as found."""
    chosen, drawn = aliased(Draw), aliased(Draw)
    query = (
        sa.select(Visit.id)
        .outerjoin(chosen, sa.and_(chosen.visit_id == Visit.id, chosen.part == Part.REPRESENTATIVE))
        .outerjoin(drawn, sa.and_(drawn.visit_id == Visit.id, drawn.part == Part.RANDOM))
        .where(Visit.sweep_id == sweep_id, Visit.state == VisitState.AUDITED, Visit.result_id.is_not(None))
        .order_by(sa.func.coalesce(chosen.rank, LAST), sa.func.coalesce(drawn.rank, LAST), Visit.id)
    )
    return list(await connection.scalars(query))
