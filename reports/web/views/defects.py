"""The defects of all sites that the reader may see, by what one looks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from audits.criteria import criteria
from audits.cycles.defects import WAITING
from audits.defects.cover import today
from audits.defects.standing import OPEN
from audits.organisations import Tree, shown, tree
from audits.trends.lives import flows_of, rules_that_count
from audits.trends.moves import MOVES, moved_by
from audits.trends.periods import Period
from db.tables import Defect, Site
from db.words import DefectState, Edition
from reports import tables
from reports.access.rights import May
from reports.page_view import text_of
from reports.read_defects import rules_of_criterion, with_pages
from reports.site_view import site_name
from reports.trend_flow import flow_cell
from reports.web.asking import Asked, Reader, Refused
from reports.web.listing import TOTAL, Cell, Column, Listing
from reports.web.units import NO_ORGANISATION, Asking, asking_of, everything, others, others_name, painted

router = APIRouter()

ANY, LEFT, NOBODY = "any", "open", "-"  # words of the form beside those of states and owners
FLOW = frozenset(tables.FLOW) - {"first_day", "last_day"}  # numbers of defects that have moved


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a reader looks for, as the form sends it; what means nothing is left out."""

    state: str
    site: int | None
    organisation: int | str | None  # NO_ORGANISATION: the sites of none of the reader's
    rule: str
    criterion: str
    owner: str
    overdue: bool
    counts: bool  # their rules make problem pages: not best practices, and nothing of level AAA
    moved: "Moved | None"  # how they have moved
    latest: str  # how the last sweep of their site has moved them

    @property
    def asked(self) -> bool:
        """Whether anything but the state is asked for."""
        return self.narrows or self.counts

    @property
    def narrows(self) -> bool:
        """Whether what is asked for leaves few of all defects."""
        return bool(
            self.site
            or self.organisation
            or self.rule
            or self.criterion
            or self.owner
            or self.overdue
            or self.moved
            or self.latest
        )


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A number of the flow of a site's defects: its name, and the days that it is of."""

    name: str
    first: date
    last: date

    @classmethod
    def asked(cls, given: Mapping[str, str]) -> "Moved | None":
        """What the address of the page says; None where it says nothing of it. Raises Refused for what there is none of."""
        if "moved" not in given:
            return None
        try:
            first, last = date.fromisoformat(given.get("first", "")), date.fromisoformat(given.get("last", ""))
        except ValueError:
            raise Refused(404) from None
        if given["moved"] not in FLOW or not date(2000, 1, 1) <= first <= last <= date(2200, 1, 1):
            raise Refused(404)
        return cls(name=given["moved"], first=first, last=last)

    async def counted(self, connection: AsyncConnection, site: int) -> dict[int, int]:
        """Defect → how many times it is in the number."""
        rules, period = await rules_that_count(connection, [site]), Period(first=self.first, last=self.last)
        found = {number: flow_cell(flow, self.name) async for number, flow in flows_of(connection, rules, period)}
        return {number: times for number, times in found.items() if times}


@router.get("/defects")
async def defects(asked: Reader) -> Response:
    """Those that are open unless another state is asked for, those on the most pages first."""
    wanted = _wanted(asked.request.query_params)
    async with asked.reading() as connection:
        organisations = await tree(connection)
        conditions = await _conditions(connection, asked, wanted, organisations)
        moved = await _moved(connection, asked, wanted)
        if wanted.latest:
            conditions.append(moved_by(await _latest(connection, asked, wanted), wanted.latest))
        if moved is not None:  # numbers of ours, of which there may be more than a statement takes as values
            conditions.append(Defect.id.in_([sa.literal_column(str(number)) for number in moved]))
        few = wanted.narrows or not asked.who.reach(May.READ).everywhere
        known = with_pages(connection, conditions, few=few)
    listing = Listing(
        asked=asked, id="defects", caption=asked.language.say("web.defects.caption"), sort="-pages", query=_query(known),
        columns=_columns(asked), count=sa.select(sa.func.count()).select_from(known), has_total=True, last=(known.c.id,),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
        choices = await _choices(connection, asked, organisations, await everything(asked))
    return asked.page(
        "defects.html",
        asked.language.say("web.defects.title"),
        defects=part,
        wanted=wanted,
        choices=choices,
        times=sum(moved.values()) if moved is not None else 0,
    )


async def _moved(connection: AsyncConnection, asked: Asked, wanted: Wanted) -> dict[int, int] | None:
    """The defects that a number of a site's flow counts; None when none is asked for. Raises Refused."""
    if wanted.moved is None:
        return None
    if wanted.site is None or not asked.who.may(May.READ, wanted.site):
        raise Refused(404)
    return await wanted.moved.counted(connection, wanted.site)


async def _latest(connection: AsyncConnection, asked: Asked, wanted: Wanted) -> tuple[int, ...]:
    """The sweeps that the overview's sentence on defects is of. Raises Refused."""
    asking = await asking_of(asked, str(wanted.organisation or ""))
    return (await painted(asked, connection, asking, ())).unit(asking.sites).moved_by


def _wanted(given: Mapping[str, str]) -> Wanted:
    latest = given.get("latest", "")
    if latest and latest not in MOVES:
        raise Refused(404)
    state = given.get("state", ANY if latest else LEFT)  # what was found may be repaired by now
    return Wanted(
        state=state if state in (ANY, *DefectState) else LEFT, site=_number(given.get("site")),
        organisation=NO_ORGANISATION if given.get("organisation") == NO_ORGANISATION else _number(given.get("organisation")), rule=given.get("rule", ""),
        criterion=given.get("criterion", ""), owner=given.get("owner", ""), overdue=given.get("overdue") == "1", counts=given.get("counts") == "1",
        moved=Moved.asked(given) if given.get("site") else None,  # of one site: who asks for all has left it
        latest=latest,
    )  # fmt: skip


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


async def _conditions(
    connection: AsyncConnection, asked: Asked, wanted: Wanted, organisations: Tree
) -> list[sa.ColumnElement[bool]]:
    reach = asked.who.reach(May.READ)
    found = [reach.within(Defect.site_id)]
    if wanted.state != ANY:
        found.append(Defect.state.in_(OPEN) if wanted.state == LEFT else Defect.state == DefectState(wanted.state))
    if wanted.site is not None:
        found.append(Defect.site_id == wanted.site)
    if wanted.organisation == NO_ORGANISATION:
        found.append(Defect.site_id.in_(others(await everything(asked))))
    elif isinstance(wanted.organisation, int):
        known = wanted.organisation in organisations.nodes
        found.append(Defect.site_id.in_(organisations.sites_below(wanted.organisation) if known else []))
    if wanted.rule:
        found.append(Defect.rule == wanted.rule)
    if wanted.criterion:
        sites = sa.true() if reach.everywhere else reach.within(Site.id)
        rules = await rules_of_criterion(connection, wanted.criterion, sites)
        found.append(Defect.rule.in_(sorted(rules)))
    if wanted.owner:
        found.append(Defect.owner.is_(None) if wanted.owner == NOBODY else Defect.owner == wanted.owner)
    if wanted.counts:
        mine = await connection.scalars(sa.select(Site.id).where(reach.within(Site.id)))
        found.append(counting(await rules_that_count(connection, mine)))
    if wanted.overdue:
        found += [Defect.due_on < today(), Defect.state.in_(WAITING)]
    return found


def counting(rules: Mapping[int, frozenset[str]]) -> sa.ColumnElement[bool]:
    """The condition that a defect makes problem pages by the rules of its site's last sweep, as trends count defects."""
    alike: dict[frozenset[str], list[int]] = {}
    for site, some in rules.items():
        alike.setdefault(some, []).append(site)
    of = [sa.and_(Defect.site_id.in_(sites), Defect.rule.in_(sorted(some))) for some, sites in alike.items()]
    return sa.or_(sa.false(), *of)


def _query(known: sa.CTE) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Defect.id.label("number"), Defect.rule, Site.address.label("site"), Defect.site_id, Defect.state, Defect.region,
            known.c.pages, Defect.owner, Defect.due_on.label("due"),
            sa.select(sa.func.count()).select_from(known).scalar_subquery().label(TOTAL),
        )
        .join(known, known.c.id == Defect.id)
        .join(Site, Site.id == Defect.site_id)
    )  # fmt: skip


def _columns(asked: Asked) -> list[Column]:
    language, say, day = asked.language, asked.language.say, today()

    def due(row: Any) -> Cell:
        if row.due is None:
            return Cell(text="", value="")
        late = row.due < day and row.state in WAITING
        text = language.date(row.due)
        return Cell(
            text=text,
            value=row.due,
            kind="late short" if late else "short",
            aside=say("web.defects.is_late") if late else "",
        )

    return [
        Column(
            key="number", heading=say("web.defects.number"), is_number=True,
            cell=lambda row: Cell(text=str(row.number), value=row.number, href=f"/defects/{row.number}"),
        ),
        Column(
            key="rule", heading=say("web.defects.what"), is_head=True,
            cell=lambda row: Cell(
                text=text_of(row.rule, language.lang).title, href=f"/defects/{row.number}", aside=row.rule
            ),
        ),
        Column(
            key="site", heading=say("web.sites.site"),
            cell=lambda row: Cell(text=site_name(row.site), value=row.site, href=f"/sites/{row.site_id}"),
        ),
        Column(
            key="state", heading=say("web.defects.state"),
            cell=lambda row: Cell(text=language.word("defect_state", row.state.value), kind=f"life {row.state.value}"),
        ),
        Column(
            key="region", heading=say("web.defects.region"),
            cell=lambda row: Cell(text=say(f"defects.region.{row.region.value if row.region else 'unknown'}"), kind="short"),
        ),
        Column(
            key="pages", heading=say("web.defects.pages"), is_number=True,
            cell=lambda row: Cell(text=language.number(row.pages), value=row.pages, href=f"/defects/{row.number}#pages"),
        ),
        Column(key="owner", heading=say("web.defects.owner"), cell=lambda row: Cell(text=row.owner or "", value=row.owner)),
        Column(key="due", heading=say("web.defects.due"), cell=due),
    ]  # fmt: skip


async def _choices(
    connection: AsyncConnection, asked: Asked, organisations: Tree, asking: Asking
) -> dict[str, Any]:
    """What the form offers: only what the reader may see."""
    language, reach = asked.language, asked.who.reach(May.READ)
    mine = reach.within(Defect.site_id)
    sites = await connection.execute(
        sa.select(Site.id, Site.address).where(reach.within(Site.id)).order_by(Site.address)
    )
    rules = await connection.scalars(sa.select(Defect.rule).where(mine).distinct())
    owners = await connection.scalars(sa.select(Defect.owner).where(mine, Defect.owner.is_not(None)).distinct())
    nodes = sorted(
        (each for each in organisations.nodes.values() if reach.covers(each.id)), key=lambda each: each.path
    )
    numbers = {number: each for edition in reversed(Edition) for number, each in criteria(edition).items()}
    order = sorted(numbers, key=lambda number: tuple(map(int, number.split("."))))
    say = language.say
    states = [(each.value, language.word("defect_state", each.value)) for each in DefectState]
    return {
        "state": [(LEFT, say("web.defects.open")), *states, (ANY, say("web.defects.any"))],
        "site": [(str(row.id), site_name(row.address)) for row in sites],
        "organisation": [
            *((str(each.id), shown(each.path)) for each in nodes),
            *([(NO_ORGANISATION, others_name(asking, language))] if nodes and others(asking) else []),
        ],
        "rule": sorted(((rule, text_of(rule, language.lang).title) for rule in rules), key=lambda each: each[1]),
        "criterion": [(number, f"{number} {numbers[number].name(language.lang)}") for number in order],
        "owner": [(NOBODY, say("web.defects.nobody")), *((each, each) for each in sorted(filter(None, owners)))],
    }  # fmt: skip
