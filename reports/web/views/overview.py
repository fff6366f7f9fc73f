"""How the reader's organisations and sites stand: the start page, and the page of one organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from audits.defects.cover import today
from audits.organisations import Node, Tree, shown, tree
from audits.trends.periods import Every, Period, periods
from audits.trends.portrait import Portrait
from audits.trends.trend import Target, forecast_of
from db.tables import Cycle, CycleSite, Defect, Sweep
from reports.access.rights import May, Reach
from reports.chart import line_swatch
from reports.language import Language
from reports.overview_view import (
    Aim,
    SiteRow,
    UnitRow,
    aims,
    extent_of,
    ministry,
    sentences,
    shift_words,
    summed,
    told,
    waiting_defects,
)
from reports.trend_report import rate_chart
from reports.trend_view import forecast_sentence, period_label, rolled_row, why_broken
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.overview_tables import Told, overview_tables
from reports.web.portraits import Portraits

YEARS = 2  # fiscal years before this one that are looked at
CYCLE = "cycle"
CUTS = ("quarter", "month", "year", CYCLE)  # what the chart's periods may be, the usual one first

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What is looked at: an organisation, or all that the reader may see."""

    tree: Tree
    sites: Sequence[int]
    nodes: Sequence[tuple[Node, int]]  # organisations to be listed with their depths
    organisation: int | None

    def condition(self, column: Any, reach: Reach) -> sa.ColumnElement[bool]:
        """That a column of site numbers is among the sites."""
        return reach.within(column) if self.organisation is None else column.in_(self.sites)


@router.get("/")
async def overview(asked: Reader) -> Response:
    """All that the reader may see."""
    reach = asked.who.reach(May.READ)
    async with asked.reading() as connection:
        known = await tree(connection)
    nodes = [
        each
        for root in _roots(known, reach)
        for each in ((root, 0), *((below, 1) for below in known.children(root.id)))
    ]
    sites = sorted(site for some in known.sites.values() for site, _ in some if reach.holds(site))
    asking = Asking(tree=known, sites=sites, nodes=nodes, organisation=None)
    return await _answer(asked, asking, asked.language.say("web.overview.title"), ())


@router.get("/organisations/{organisation}")
async def one(asked: Reader, organisation: int) -> Response:
    """One organisation with all below it."""
    reach = asked.who.reach(May.READ)
    async with asked.reading() as connection:
        known = await tree(connection)
    if organisation not in known.nodes or not reach.covers(organisation):
        raise Refused(404)
    node = known.nodes[organisation]
    nodes = [(node, 0)]
    for child in known.children(organisation):
        nodes += [(child, 1), *((below, 2) for below in known.children(child.id))]
    above = [each for each in _above(known, node) if reach.covers(each.id)]
    way = [Crumb(name=each.path[-1], href=f"/organisations/{each.id}") for each in above]
    crumbs = (Crumb(name=asked.language.say("web.overview.title"), href="/"), *way)
    asking = Asking(tree=known, sites=known.sites_below(organisation), nodes=nodes, organisation=organisation)
    return await _answer(asked, asking, node.path[-1], crumbs)


def _roots(known: Tree, reach: Reach) -> list[Node]:
    """The highest organisations that the reader's reach covers."""
    covered = [each for each in known.nodes.values() if reach.covers(each.id)]
    return sorted(
        (each for each in covered if each.parent is None or not reach.covers(each.parent)),
        key=lambda each: each.path,
    )


def _above(known: Tree, node: Node) -> list[Node]:
    found: list[Node] = []
    at = node.parent
    while at is not None:
        found.insert(0, known.nodes[at])
        at = known.nodes[at].parent
    return found


async def _answer(asked: Asked, asking: Asking, title: str, crumbs: tuple[Crumb, ...]) -> Response:
    reach, day = asked.who.reach(May.READ), today()
    by = asked.request.query_params.get("by", CUTS[0])
    by = by if by in CUTS else CUTS[0]
    fiscal = day.year if day.month >= 4 else day.year - 1
    span = Period(first=date(fiscal - YEARS, 4, 1), last=day)
    async with asked.reading() as connection:
        waiting = await waiting_defects(connection, day, asking.condition(Defect.site_id, reach))
        targets = await aims(connection, day, asking.condition(CycleSite.site_id, reach))
        cut = await _cut(connection, by, span, asking.condition(CycleSite.site_id, reach), asked.language)
        portrait = await _portraits(asked).of(
            connection, asking.sites, asking.condition(Sweep.site_id, reach), span, partial(_study, asking, cut)
        )
    units = _units(asked.language, asking, portrait, waiting)
    points = _points(portrait, cut, len(asking.sites))
    listings = overview_tables(asked, units, _sites(asking, portrait, waiting), points)
    for listing in listings.values():
        if file := listing.file():
            return file
    async with asked.reading() as connection:
        parts: dict[str, Any] = {name: await listing.part(connection) for name, listing in listings.items()}
    whole = portrait.unit(asking.sites)
    return asked.page(
        "overview.html", title, crumbs=crumbs, **parts, **_chart(asked.language, portrait, points, targets), unit=whole,
        lead=list(sentences(whole, asked.language)), head=units[0] if units else None, aims=targets, ministry=ministry(whole),
        cuts=CUTS, by=by, line_swatch=line_swatch, is_one=asking.organisation is not None, sites_of=len(asking.sites),
        extent_of=lambda row: extent_of(row, asked.language), told=lambda row: told(row, asked.language),
        row=rolled_row(whole.rolled, whole.sites, None), waiting=summed(waiting, asking.sites), here_id=asking.organisation,
        shift_words=lambda each: shift_words(each, asked.language),
    )  # fmt: skip


def _portraits(asked: Asked) -> Portraits:
    """Those of the application: the first who asks makes a place for them."""
    state = asked.request.app.state
    if not hasattr(state, "portraits"):
        state.portraits = Portraits()
    found: Portraits = state.portraits
    return found


def _study(asking: Asking, cut: Sequence[tuple[str, Period]], portrait: Portrait) -> None:
    """Work out what takes its time, of all that is about to be shown."""
    for face in portrait.faces.values():
        _ = face.estimate, face.shift
    for sites in (asking.sites, *(asking.tree.sites_below(node.id) for node, _ in asking.nodes)):
        _ = portrait.unit(sites).rolled.rates()
    for each in portrait.over([period for _, period in cut]):
        _ = each.rates()


async def _cut(
    connection: AsyncConnection, by: str, span: Period, within: sa.ColumnElement[bool], language: Language
) -> list[tuple[str, Period]]:
    """The periods of the chart with their names."""
    if by != CYCLE:
        every = Every(by)
        return [(period_label(each, every, language), each) for each in periods(span, every)]
    mine = sa.exists().where(CycleSite.cycle_id == Cycle.id, within)
    rows = await connection.execute(
        sa.select(Cycle.name, Cycle.begins_on, Cycle.ends_on)
        .where(Cycle.begins_on <= span.last, Cycle.ends_on >= span.first, mine)
        .order_by(Cycle.begins_on, Cycle.id)
    )
    return [(name, Period(first=max(first, span.first), last=min(last, span.last))) for name, first, last in rows]


def _points(portrait: Portrait, cut: Sequence[tuple[str, Period]], sites: int) -> list[Told]:
    rolled = portrait.over([period for _, period in cut])
    rows = [rolled_row(each, sites, None) for each in rolled]
    first = next((number for number, row in enumerate(rows) if row.sites), 0)  # before it nothing is known
    rows, cut = rows[first:], cut[first:]
    numbers = {
        id(row): number for number, row in enumerate((row for row in rows if row.breaks and row.estimate), start=1)
    }
    return [
        Told(label=label, row=row, number=numbers.get(id(row), 0))
        for (label, _), row in zip(cut, rows, strict=True)
    ]


def _chart(
    language: Language, portrait: Portrait, points: Sequence[Told], targets: Sequence[Aim]
) -> dict[str, Any]:
    """The chart, with the target of the cycle that most of the sites are in, and what it foretells."""
    rows = [each.row for each in points]
    if not any(row.estimate and row.estimate.rate is not None for row in rows):
        return {"rates_chart": None, "breaks": [], "foretold": ""}
    rolled = portrait.over([Period(first=row.first, last=row.last) for row in rows])
    forecast = forecast_of(Target(share=targets[0].rate, by=targets[0].on), {}, rolled) if targets else None
    breaks = [(each.number, each.row) for each in points if each.number]
    drawn: Markup = rate_chart(rows, breaks, language, alone=False, forecast=forecast)
    told_of = [(each.number, each.label, why_broken(each.row, language)) for each in points if each.number]
    return {
        "rates_chart": drawn, "breaks": told_of, "foretold": forecast_sentence(forecast, language) if forecast else "",
    }  # fmt: skip


def _units(
    language: Language, asking: Asking, portrait: Portrait, waiting: dict[int, tuple[int, int]]
) -> list[UnitRow]:
    """The organisations, and what belongs to none of them."""

    def row(number: int | None, name: str, depth: int, sites: Sequence[int]) -> UnitRow:
        left, late = summed(waiting, sites)
        return UnitRow(id=number, name=name, depth=depth, unit=portrait.unit(sites), open=left, overdue=late)

    found = [
        row(node.id, node.path[-1] if depth else shown(node.path), depth, asking.tree.sites_below(node.id))
        for node, depth in asking.nodes
        if not depth or asking.tree.sites_below(node.id)
    ]
    roots = {site for node, depth in asking.nodes if not depth for site in asking.tree.sites_below(node.id)}
    others = [site for site in asking.sites if site not in roots]
    if others:
        found.append(row(None, language.say("web.overview.others"), 0, others))
    return found


def _sites(asking: Asking, portrait: Portrait, waiting: dict[int, tuple[int, int]]) -> list[SiteRow]:
    wanted = set(asking.sites)
    found = []
    for organisation, some in asking.tree.sites.items():
        name = shown(asking.tree.nodes[organisation].path) if organisation is not None else ""
        for site, address in some:
            if site in wanted:
                left, late = waiting.get(site, (0, 0))
                found.append(
                    SiteRow(id=site, address=address, organisation=name, face=portrait.faces[site], open=left, overdue=late)
                )  # fmt: skip
    return sorted(found, key=lambda each: each.address)
