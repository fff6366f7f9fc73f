"""Cycles: the remediation rounds that the reader's sites are in, and the form that begins or changes one."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from audits.cycles import rounds
from audits.cycles.rounds import Round, Target
from audits.organisations import Tree, shown, tree
from db.errors import UsageError
from db.tables import Cycle
from db.words import Done
from reports.access.rights import May
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing

LONGEST = 200  # characters of a name
FIELDS = ("name", "begins", "ends", "rate", "defects", "due")

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A cycle that can be begun."""

    name: str
    days: tuple[date, date]
    target: Target
    sites: list[int]


class _Wrong(Exception):
    """A field that cannot be read, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why


@router.get("/cycles")
async def cycles(asked: Reader) -> Response:
    """Those with a site that the reader may see."""
    async with asked.reading() as connection:
        every = await rounds.rounds(connection)
    found = [each for each in every if visible(asked, each).sites]
    listing = Listing(
        asked=asked, id="cycles", caption=asked.language.say("web.cycles.caption"), sort="-begins",
        columns=_columns(asked), rows=found,
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    title = asked.language.say("web.cycles.title")
    return asked.page("cycles.html", title, cycles=part, may_plan=asked.who.may(May.PLAN))


def visible(asked: Asked, cycle: Round) -> Round:
    """A cycle as far as the reader may see it: its sites, and the target over all sites only to who sees all of them."""
    reach = asked.who.reach(May.READ)
    sites = tuple(each for each in cycle.sites if reach.holds(each.site))
    if len(sites) == len(cycle.sites):
        return cycle
    return replace(cycle, sites=sites, target=replace(cycle.target, defects=None))


def _columns(asked: Asked) -> list[Column]:
    language, say = asked.language, asked.language.say

    def sites(cycle: Round) -> Cell:
        mine = visible(asked, cycle)
        part = len(mine.sites) < len(cycle.sites)
        aside = say("web.cycles.part_short") if part else ""
        number = len(mine.sites)
        return Cell(text=language.number(number), value=number, aside=aside, href=f"/cycles/{cycle.id}#sites")

    def targets(cycle: Round) -> Cell:
        target, on = visible(asked, cycle).target, language.date(cycle.target.on)
        told = []
        if target.rate is not None:
            told.append(say("cycle.rate_target", on=on, rate=language.share(target.rate)))
        if target.defects is not None:
            told.append(say("cycle.defects_target", on=on, defects=target.defects))
        return Cell(text=" ".join(told) or say("web.cycles.no_target"))

    def state(cycle: Round) -> Cell:
        if cycle.closed_at is None:
            return Cell(text=say("cycle.line.open"))
        return Cell(text=say("cycle.line.closed", person=cycle.closed_by or "", day=language.day(cycle.closed_at)))

    return [
        Column(
            key="name", heading=say("web.cycles.name"), is_head=True,
            cell=lambda cycle: Cell(text=cycle.name, href=f"/cycles/{cycle.id}"),
        ),
        Column(
            key="begins", heading=say("web.cycles.begins"),
            cell=lambda cycle: Cell(text=language.date(cycle.begins_on), value=cycle.begins_on),
        ),
        Column(
            key="ends", heading=say("web.cycles.ends"),
            cell=lambda cycle: Cell(text=language.date(cycle.ends_on), value=cycle.ends_on),
        ),
        Column(key="sites", heading=say("web.cycles.sites"), is_number=True, cell=sites),
        Column(key="targets", heading=say("web.cycles.targets"), sorts=False, cell=targets),
        Column(key="state", heading=say("web.cycles.state"), cell=state),
    ]  # fmt: skip


@router.get("/cycles/new")
async def form(asked: Reader, organisation: int | None = None) -> Response:
    """The form that begins a cycle; the sites of an organisation can be chosen at once."""
    asked.needs(May.PLAN)
    async with asked.reading() as connection:
        organisations = await tree(connection)
    known = organisation if organisation in organisations.nodes else None
    chosen = set(organisations.sites_below(known)) if known is not None else set()
    return _form(asked, organisations, dict.fromkeys(FIELDS, ""), chosen, organisation=known)


@router.post("/cycles")
async def begin(asked: Reader) -> Response:
    """Begin a cycle over sites whose repair the reader plans, or show the form again."""
    asked.needs(May.PLAN)
    sent = await asked.request.form()
    async with asked.reading() as connection:
        organisations = await tree(connection)
    values, chosen = _read(asked, organisations, sent)
    try:
        wish = _wish(asked, values, chosen)
        async with asked.database.writing() as connection:
            await rounds.begin(connection, wish.name, wish.days, wish.target, wish.sites)
            cycle = (await rounds.named(connection, wish.name)).id
            told = {"act": "begun", "name": wish.name, "of_sites": len(wish.sites)}
            await asked.leave(connection, Done.CYCLE_CHANGED, f"/cycles/{cycle}", **told)
    except _Wrong as wrong:
        return _form(asked, organisations, values, chosen, error=wrong.why, field=wrong.field)
    except UsageError as error:
        return _form(
            asked, organisations, values, chosen, error=error.line(asked.language.lang), field=_field_of(values)
        )
    return RedirectResponse(f"/cycles/{cycle}?done=cycle_begun", 303)


@router.get("/cycles/{number:int}/change")
async def form_of_change(asked: Reader, number: int) -> Response:
    """The form that gives a cycle other days, targets or sites, with what it has."""
    cycle = await _to_change(asked, number)
    async with asked.reading() as connection:
        organisations = await tree(connection)
    rate, defects, due = cycle.target.rate, cycle.target.defects, cycle.target.on
    values = {
        "name": cycle.name, "begins": cycle.begins_on.isoformat(), "ends": cycle.ends_on.isoformat(),
        "rate": "" if rate is None else f"{rate * 100:g}", "defects": "" if defects is None else str(defects),
        "due": "" if due == cycle.ends_on else due.isoformat(),
    }  # fmt: skip
    return _form(asked, organisations, values, {each.site for each in cycle.sites}, cycle=cycle)


@router.post("/cycles/{number:int}/change")
async def change(asked: Reader, number: int) -> Response:
    """Change an open cycle, or show the form again; only who plans on all of its sites may."""
    cycle = await _to_change(asked, number)
    sent = await asked.request.form()
    async with asked.reading() as connection:
        organisations = await tree(connection)
    values, chosen = _read(asked, organisations, sent)
    values["name"] = cycle.name
    try:
        wish = _wish(asked, values, chosen)
        async with asked.writing(
            Done.CYCLE_CHANGED, about=f"/cycles/{number}", act="changed", name=cycle.name
        ) as connection:
            [now] = await rounds.rounds(connection, Cycle.id == number)
            if _text(sent, "was") != state_of(now):
                raise _Wrong("", asked.language.say("web.cycles.error_meanwhile"))
            there = {each.site for each in now.sites}
            more, fewer = set(wish.sites) - there, there - set(wish.sites)
            await rounds.change(connection, now, wish.days, wish.target, more=more, fewer=fewer)
    except _Wrong as wrong:
        return _form(asked, organisations, values, chosen, error=wrong.why, field=wrong.field, cycle=cycle)
    except UsageError as error:
        told, field = error.line(asked.language.lang), _field_of(values)
        return _form(asked, organisations, values, chosen, error=told, field=field, cycle=cycle)
    return RedirectResponse(f"/cycles/{number}?done=cycle_changed", 303)


async def _to_change(asked: Asked, number: int) -> Round:
    """A cycle that the reader may change. Raises Refused."""
    async with asked.reading() as connection:
        found = await rounds.rounds(connection, Cycle.id == number) if number < 2**31 else []
    if not found or not visible(asked, found[0]).sites:
        raise Refused(404)
    if not may_plan(asked, found[0]):
        raise Refused(403)
    return found[0]


def may_plan(asked: Asked, cycle: Round) -> bool:
    """Whether somebody may change or close a cycle: who plans on all of its sites."""
    return all(asked.who.may(May.PLAN, each.site) for each in cycle.sites)


def state_of(cycle: Round) -> str:
    """Names a cycle as it stands: what another has changed meanwhile is not written over."""
    told = cycle.begins_on, cycle.ends_on, cycle.target, sorted(each.site for each in cycle.sites)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _read(asked: Asked, organisations: Tree, sent: FormData) -> tuple[dict[str, str], set[int]]:
    """The fields and the sites of a form. Raises Refused for a site that there is not, or the reader does not plan for."""
    given = sent.getlist("site")
    chosen = {int(text) for text in given if isinstance(text, str) and text.isdecimal() and len(text) < 10}
    known = {site for some in organisations.sites.values() for site, _ in some}
    if not all(site in known and asked.who.may(May.PLAN, site) for site in chosen):
        raise Refused(404)
    return {name: _text(sent, name) for name in FIELDS}, chosen


def _wish(asked: Asked, values: dict[str, str], chosen: set[int]) -> Wish:
    """What the fields say. Raises _Wrong for one that cannot be read."""
    say = asked.language.say
    name = " ".join(values["name"].split())
    if not 1 <= len(name) <= LONGEST:
        raise _Wrong("name", say("web.cycles.error_name", most=LONGEST))
    begins, ends = (_day(asked, field, values[field]) for field in ("begins", "ends"))
    due = _day(asked, "due", values["due"]) if values["due"] else ends
    if not chosen:
        raise _Wrong("sites", say("web.cycles.error_sites"))
    target = Target(rate=_share(asked, values["rate"]), defects=_number(asked, values["defects"]), on=due)
    return Wish(name=name, days=(begins, ends), target=target, sites=sorted(chosen))


def _day(asked: Asked, field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _Wrong(field, asked.language.say("web.cycles.error_day")) from None


def _share(asked: Asked, text: str) -> float | None:
    try:
        share = float(text) / 100 if text else None
    except ValueError:
        share = -1.0
    if share is not None and not 0 <= share <= 1:
        raise _Wrong("rate", asked.language.say("web.cycles.error_rate"))
    return share


def _number(asked: Asked, text: str) -> int | None:
    if text and not (text.isdecimal() and len(text) < 10):
        raise _Wrong("defects", asked.language.say("web.cycles.error_defects"))
    return int(text) if text else None


def _field_of(values: dict[str, str]) -> str:
    """The field that a refused cycle hangs on: its days, if they are in a wrong order; else its name."""
    if values["begins"] >= values["ends"]:
        return "ends"
    return "due" if values["due"] and not values["begins"] <= values["due"] <= values["ends"] else "name"


def _text(sent: FormData, name: str) -> str:
    value = sent.get(name, "")
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _form(
    asked: Asked, organisations: Tree, values: dict[str, str], chosen: set[int], *, organisation: int | None = None,
    error: str = "", field: str = "", cycle: Round | None = None,
) -> Response:  # fmt: skip
    say, reach = asked.language.say, asked.who.reach(May.PLAN)
    groups = []
    for node in [None, *sorted(organisations.nodes.values(), key=lambda each: each.path)]:
        mine = [each for each in organisations.sites.get(node.id if node else None, ()) if reach.holds(each[0])]
        if mine:
            groups.append(
                (
                    shown(node.path) if node else say("web.sites.no_organisation"),
                    sorted(mine, key=lambda each: each[1]),
                )
            )
    offered = [(each.id, shown(each.path)) for each in sorted(organisations.nodes.values(), key=lambda each: each.path)
               if any(reach.holds(site) for site in organisations.sites_below(each.id))]  # fmt: skip
    crumbs = [Crumb(name=say("web.cycles.title"), href="/cycles")]
    if cycle is not None:
        crumbs.append(Crumb(name=cycle.name, href=f"/cycles/{cycle.id}"))
    return asked.page(
        "cycle_new.html", say("web.cycles.begin" if cycle is None else "web.cycles.change"), crumbs=tuple(crumbs),
        cycle=cycle, was=state_of(cycle) if cycle else "",
        status=400 if error else 200, values=values, chosen=chosen, groups=groups, organisations=offered,
        organisation=organisation, error=error, field=field,
    )  # fmt: skip
