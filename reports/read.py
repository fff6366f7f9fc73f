"""What the rows say of one sweep, in the pieces that a report shows; nothing is loaded to be counted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.conclude import sweep_row
from crawler.frame import is_gone
from crawler.notes import notes_of
from db.tables import Draw, Finding, Page, ScopeRule, Site, Sweep, Visit
from db.words import (
    Edition,
    FoundBy,
    Level,
    Method,
    Outcome,
    Part,
    Reason,
    Redraw,
    ScopeKind,
    Stratify,
    SweepState,
    VisitState,
)


@dataclass(frozen=True, kw_only=True)
class Head:
    """What was swept and under which conditions."""

    id: int
    site: str
    state: SweepState
    method: Method | None
    edition: Edition
    also: Edition | None  # a further one that the sweep was judged by
    level: Level
    seed: int
    stratify: Stratify | None
    redraw: Redraw | None
    earlier_draw_id: int | None  # the sweep whose random part was drawn anew
    frozen_by: str | None
    engine: str | None  # this and the next three: None before auditing begins
    engine_version: str | None
    rule_set: str | None
    mic: str | None  # version of the ministry's conditions, of a survey
    browser: str | None
    rule_criteria: dict[str, list[str]]
    also_criteria: dict[str, list[str]]  # by the further edition
    notes: list[dict[str, str]]  # what exploring met that no address tells, see crawler.notes
    viewport_width: int
    viewport_height: int
    locale: str
    timezone: str
    created_at: datetime
    explored_at: datetime | None
    chosen_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """One rule over all audited pages."""

    rule: str
    outcome: Outcome
    pages: int
    places: int
    example: int  # visit of the first page that shows it


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One page of a sample, and why it is in it."""

    visit: int
    part: Part
    rank: int
    why: str | None
    added_by: str | None  # who put it in, or gave it another reason
    stratum: str | None
    replaces: int | None  # rank of the page that proved not to exist, whose place it took
    replaced_by: int | None
    gone: bool  # proved to be no page
    kept: bool  # was in the random part that this one was drawn anew from
    address: str
    title: str | None
    state: VisitState
    reason: Reason | None


@dataclass(frozen=True, kw_only=True)
class Address:
    """One address of the sweep that has no result."""

    address: str
    title: str | None
    state: VisitState
    reason: Reason | None
    detail: str | None
    http_status: int | None
    content_type: str | None
    found_by: FoundBy
    found_on: str | None
    in_sitemap: bool
    linked: bool  # another page that was read links to it
    shown: bool  # another page shows a link to it in the browser only
    leads_to: str | None
    depth: int


@dataclass(frozen=True, kw_only=True)
class ScopeLine:
    """A pattern of the scope, and how many addresses its reason has taken out."""

    kind: ScopeKind
    pattern: str
    reason: str | None
    addresses: int


async def head(connection: AsyncConnection, sweep_id: int) -> Head:
    """The sweep itself. Raises UsageError when there is no such sweep."""
    await sweep_row(connection, sweep_id)
    columns = [column for column in sa.inspect(Sweep).columns if column.key in Head.__dataclass_fields__]
    query = sa.select(*columns, Site.address.label("site")).join(Site, Site.id == Sweep.site_id)
    row = (await connection.execute(query.where(Sweep.id == sweep_id))).one()
    rules = {"rule_criteria": row.rule_criteria or {}, "also_criteria": row.also_criteria or {}}
    return Head(**{**row._mapping, **rules, "notes": await notes_of(connection, sweep_id)})


async def states(connection: AsyncConnection, sweep_id: int) -> dict[VisitState, int]:
    """How many addresses stand in each state."""
    visits = sa.func.count().label("visits")
    query = sa.select(Visit.state, visits).where(Visit.sweep_id == sweep_id).group_by(Visit.state)
    return {row.state: row.visits for row in await connection.execute(query)}


async def rule_counts(connection: AsyncConnection, sweep_id: int) -> list[RuleCount]:
    """How often each rule failed or could not tell, the widest spread first."""
    pages = sa.func.count(sa.distinct(Visit.id))
    places = sa.func.count()
    query = (
        sa.select(Finding.rule, Finding.outcome, pages, places, sa.func.min(Visit.id))
        .join(Visit, Visit.result_id == Finding.result_id)
        .where(Visit.sweep_id == sweep_id, Visit.state == VisitState.AUDITED)
        .group_by(Finding.rule, Finding.outcome)
        .order_by(pages.desc(), places.desc(), Finding.rule)
    )
    return [
        RuleCount(rule=rule, outcome=outcome, pages=pages, places=places, example=example)
        for rule, outcome, pages, places, example in await connection.execute(query)
    ]


async def drawn(connection: AsyncConnection, sweep_id: int, part: Part) -> AsyncIterator[Drawn]:
    """The pages of one part of the sample in the order of the draw."""
    before, after, old, old_visit = aliased(Draw), aliased(Draw), aliased(Draw), aliased(Visit)
    earlier = sa.select(Sweep.earlier_draw_id).where(Sweep.id == sweep_id).scalar_subquery()
    kept = (
        sa.exists()
        .where(old.sweep_id == earlier, old.part == Part.RANDOM, old.visit_id == old_visit.id)
        .where(old_visit.page_id == Visit.page_id)
    )
    query = (
        sa.select(
            Draw.visit_id.label("visit"), Draw.part, Draw.rank, Draw.why, Draw.added_by, Draw.stratum,
            before.rank.label("replaces"), after.rank.label("replaced_by"), is_gone().label("gone"),
            kept.label("kept"), Page.address, Visit.title, Visit.state, Visit.reason,
        )
        .join(Visit, Visit.id == Draw.visit_id)
        .join(Page, Page.id == Visit.page_id)
        .outerjoin(before, before.id == Draw.replaces_id)
        .outerjoin(after, after.replaces_id == Draw.id)
        .where(Draw.sweep_id == sweep_id, Draw.part == part)
        .order_by(Draw.rank)
    )  # fmt: skip
    async for row in await connection.stream(query):
        yield Drawn(**row._mapping)


async def scope(connection: AsyncConnection, sweep_id: int) -> list[ScopeLine]:
    """The patterns of the scope; an excluded address keeps the reason of the pattern that took it out."""
    taken = (
        sa.select(sa.func.count())
        .where(Visit.sweep_id == sweep_id, Visit.reason == Reason.EXCLUDED, Visit.detail == ScopeRule.reason)
        .scalar_subquery()
    )
    query = (
        sa.select(ScopeRule.kind, ScopeRule.pattern, ScopeRule.reason, taken.label("addresses"))
        .where(ScopeRule.sweep_id == sweep_id)
        .order_by(ScopeRule.id)
    )
    return [ScopeLine(**row._mapping) for row in await connection.execute(query)]


async def without_result(
    connection: AsyncConnection,
    sweep_id: int,
    reason: Reason | None = None,
    limit: int | None = None,
    *,
    by_address: bool = False,
) -> AsyncIterator[Address]:
    """The addresses that have no result, all or those of one reason, in the order they were found or in their own."""
    found_on, leads_to = aliased(Page), aliased(Page)
    own: list[Any] = [getattr(Visit, name) for name in Address.__dataclass_fields__ if hasattr(Visit, name)]
    query = (
        sa.select(*own, Page.address, found_on.address.label("found_on"), leads_to.address.label("leads_to"))
        .join(Page, Page.id == Visit.page_id)
        .outerjoin(found_on, found_on.id == Visit.found_on_id)
        .outerjoin(leads_to, leads_to.id == Visit.leads_to_id)
        .where(Visit.sweep_id == sweep_id, Visit.state != VisitState.AUDITED)
        .order_by(Page.address if by_address else Visit.id)
        .limit(limit)
    )
    if reason is not None:
        query = query.where(Visit.state == VisitState.UNAUDITED, Visit.reason == reason)
    async for row in await connection.stream(query):
        yield Address(**row._mapping)
