"""What the overview and its like are of: an organisation, or all that the reader may see; its portrait, and how time is cut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.cover import today
from audits.organisations import Node, Tree, tree
from audits.trends.periods import Every, Period, fiscal_year, periods
from audits.trends.portrait import Portrait
from db.tables import Cycle, CycleSite, Sweep
from db.types import now
from reports.access.rights import May, Reach
from reports.language import Language
from reports.trend_words import period_label
from reports.web.asking import Asked, Crumb, Refused
from reports.web.portraits import Portraits

YEARS = 2  # fiscal years before this one that are looked at
CYCLE = "cycle"
CUTS = ("quarter", "month", "year", CYCLE)  # what the chart's periods may be, the usual one first
NO_ORGANISATION = "none"  # for addresses: the sites that belong to none of the reader's


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

    def rates_href(self, **more: str) -> str:
        """Where the sites of its rate are listed; `more` names a period."""
        return rates_href(self.organisation, **more)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One period of a chart: what it is called, and what names it in addresses."""

    label: str
    key: str
    period: Period


def rates_href(organisation: int | str | None, **more: str) -> str:
    """Where the sites of a rate are listed: of an organisation, or of all that the reader may see."""
    asked = {**({} if organisation is None else {"organisation": str(organisation)}), **more}
    return f"/rates?{urlencode(asked)}" if asked else "/rates"


async def everything(asked: Asked) -> Asking:
    """All that the reader may see."""
    async with asked.reading() as connection:
        return _within(await tree(connection), asked.who.reach(May.READ))


def _within(known: Tree, reach: Reach) -> Asking:
    nodes = [
        each
        for root in _roots(known, reach)
        for each in ((root, 0), *((below, 1) for below in known.children(root.id)))
    ]
    sites = sorted(site for some in known.sites.values() for site, _ in some if reach.holds(site))
    return Asking(tree=known, sites=sites, nodes=nodes, organisation=None)


async def organisation_of(asked: Asked, organisation: int) -> Asking:
    """One organisation with all below it. Raises Refused."""
    reach = asked.who.reach(May.READ)
    async with asked.reading() as connection:
        known = await tree(connection)
    if organisation not in known.nodes or not reach.covers(organisation):
        raise Refused(404)
    nodes = [(known.nodes[organisation], 0)]
    for child in known.children(organisation):
        nodes += [(child, 1), *((below, 2) for below in known.children(child.id))]
    return Asking(tree=known, sites=known.sites_below(organisation), nodes=nodes, organisation=organisation)


def way_to(asked: Asked, asking: Asking) -> list[Crumb]:
    """The organisations down to the one that is looked at, as far up as the reader sees; nothing where it is none."""
    reach, at, found = asked.who.reach(May.READ), asking.organisation, list[Crumb]()
    while at is not None and reach.covers(at):
        node = asking.tree.nodes[at]
        found.insert(0, Crumb(name=node.path[-1], href=f"/organisations/{at}"))
        at = node.parent
    return found


def others(asking: Asking) -> list[int]:
    """The sites that are in none of the organisations that the reader sees."""
    roots = {site for node, depth in asking.nodes if not depth for site in asking.tree.sites_below(node.id)}
    return [site for site in asking.sites if site not in roots]


def others_name(asking: Asking, language: Language) -> str:
    """What these sites are called: they are of no organisation, or a role reaches them one by one."""
    alone = {site for site, _ in asking.tree.sites.get(None, ())}
    return language.say("web.overview.others" if alone.issuperset(others(asking)) else "web.overview.one_by_one")


async def asking_of(asked: Asked, organisation: str) -> Asking:
    """What an address asks for: an organisation, the sites of none of the reader's, or everything. Raises Refused."""
    if organisation.isascii() and organisation.isdigit() and len(organisation) < 10:
        return await organisation_of(asked, int(organisation))
    if organisation not in ("", NO_ORGANISATION):
        raise Refused(404)
    asking = await everything(asked)
    return replace(asking, sites=others(asking), nodes=()) if organisation else asking


def _roots(known: Tree, reach: Reach) -> list[Node]:
    """The highest organisations that the reader's reach covers."""
    covered = [each for each in known.nodes.values() if reach.covers(each.id)]
    return sorted(
        (each for each in covered if each.parent is None or not reach.covers(each.parent)),
        key=lambda each: each.path,
    )


def cut_by(word: str | None) -> str:
    """How time is cut; the usual way where the word means none."""
    return word if word in CUTS else CUTS[0]


async def cuts(asked: Asked, connection: AsyncConnection, asking: Asking, by: str) -> list[Cut]:
    """The periods that are looked at, in their order."""
    span = _span()
    if by != CYCLE:
        every = Every(by)
        return [
            Cut(label=period_label(each, every, asked.language), key=each.first.isoformat(), period=each)
            for each in periods(span, every)
        ]
    within = asking.condition(CycleSite.site_id, asked.who.reach(May.READ))
    mine = sa.exists().where(CycleSite.cycle_id == Cycle.id, within)
    rows = await connection.execute(
        sa.select(Cycle.id, Cycle.name, Cycle.begins_on, Cycle.ends_on)
        .where(Cycle.begins_on <= span.last, Cycle.ends_on >= span.first, mine)
        .order_by(Cycle.begins_on, Cycle.id)
    )
    return [
        Cut(label=name, key=str(number), period=Period(first=max(first, span.first), last=min(last, span.last)))
        for number, name, first, last in rows
    ]


async def painted(asked: Asked, connection: AsyncConnection, asking: Asking, cut: Sequence[Cut]) -> Portrait:
    """The portrait of the sites, with what is about to be shown of the periods worked out."""
    kept: Portraits = asked.request.app.state.portraits
    within = asking.condition(Sweep.site_id, asked.who.reach(May.READ))
    return await kept.of(
        connection, asking.sites, within, _span(), partial(_study, asking, [each.period for each in cut])
    )


async def paint_all(connection: AsyncConnection, kept: Portraits) -> None:
    """Have the portraits of all sites and of each highest organisation at hand, with the usual periods: nobody waits for what is below."""
    reach, known = Reach(everywhere=True), await tree(connection)
    asking, span = _within(known, reach), _span()
    cut = periods(span, Every(CUTS[0]))
    every = replace(asking, nodes=[(each, 0) for each in known.nodes.values()])
    await kept.of(
        connection, asking.sites, asking.condition(Sweep.site_id, reach), span, partial(_study, every, cut)
    )
    for root in (each for each in known.nodes.values() if each.parent is None):
        below = [(each, 0) for each in known.nodes.values() if each.path[: len(root.path)] == root.path]
        whole = Asking(tree=known, sites=known.sites_below(root.id), nodes=below, organisation=root.id)
        within = whole.condition(Sweep.site_id, reach)
        await kept.of(connection, whole.sites, within, span, partial(_study, whole, cut))


def _span() -> Period:
    return Period(first=date(fiscal_year(now()) - YEARS, 4, 1), last=today())


def _study(asking: Asking, cut: Sequence[Period], portrait: Portrait) -> None:
    """Work out what takes its time, of all that is about to be shown."""
    for face in portrait.faces.values():
        _ = face.estimate, face.shift
    for sites in (asking.sites, *(asking.tree.sites_below(node.id) for node, _ in asking.nodes)):
        _ = portrait.unit(sites).rolled.rates()
    for each in portrait.over(cut):
        _ = each.rates()
