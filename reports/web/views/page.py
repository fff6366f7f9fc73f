"""One page of a site: what is wrong on it, where, why and how to repair it; what was not seen; and what became of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from audits.conclude import sweep_row
from audits.cycles.defects import WAITING
from audits.defects.cover import cover_on, today
from audits.excepted import cover_of
from audits.trends.pages import Look, PageHistory, page_history
from audits.trends.periods import Period
from db.pictures.rows import lacking
from db.tables import Occurrence, Page, Site, Sweep, Visit
from db.words import DefectState, Reason, SweepState, VisitState
from reports import read, read_pages
from reports.access.rights import May
from reports.clean import one_line
from reports.exception_view import mark
from reports.page_view import CriterionLine, Group, Kind, PageView, Place, aimed, page_view, path_of
from reports.read import Head
from reports.read_defects import Known, known, shown_on
from reports.recheck_view import last_recheck
from reports.site_view import edition_name, site_name
from reports.snippet import highlighted, live_link
from reports.tables import FINDINGS, finding_rows
from reports.trend_report import look_chart
from reports.web.asking import LARGEST, Asked, Crumb, Number, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.views.defect import acts_of

router = APIRouter()

PLACES = 40  # of a page that are shown before one asks for all places of a rule
ALONE = 60  # places of one rule that are shown at a time
PLACE = tuple(key for key in FINDINGS if key not in ("page", "report", "picture"))
EVER = date(2000, 1, 1)  # before any sweep


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One sweep, or recheck, that met the page."""

    visit: int
    sweep: int
    state: VisitState
    reason: Reason | None
    detail: str | None
    template: int | None
    recheck: bool
    over: bool  # the sweep has finished
    at: Any


@dataclass(frozen=True, kw_only=True)
class Spotted:
    """A place as it is shown."""

    place: Place
    html: Markup
    live: str | None  # where the live page shows it


@dataclass(frozen=True, kw_only=True)
class OnPage:
    """A defect on the page: those of its places that are shown."""

    defect: Known | None  # None: an open question, which is no defect
    elsewhere: int  # further pages that show it
    spots: tuple[Spotted, ...]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a rule says of the page, by defect."""

    group: Group
    defects: tuple[OnPage, ...]
    shown: int  # places
    wrong: Markup  # the example's HTML
    right: Markup


@router.get("/pages/{page}")
async def page(
    asked: Reader,
    page: Number,
    sweep: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    kind: str = "",
    rule: str = "",
    part: Annotated[int, Query(ge=1, le=LARGEST)] = 1,
) -> Response:
    """The page as it was last seen, or as a sweep saw it; with `kind` and `rule` one rule's places alone."""
    async with asked.reading() as connection:
        row = await _page(connection, page)
        asked.needs(May.READ, row.site_id)
        seen = await _seen(connection, page)
        about = _about(seen, sweep)
        shown = about if about and about.state is VisitState.AUDITED else _last(seen) if sweep is None else None
        older = shown is not None and sweep is not None and shown is not _last(seen)
        history = await page_history(connection, row.site_id, page, Period(first=EVER, last=today()))
        rechecked = await last_recheck(connection, row.site_id, asked.language, page=page)
        view, head = await _view(asked, connection, shown, row.site_id, older=older) if shown else (None, None)
    looks = _looks(asked, page, history)
    spots = _places(asked, view)
    lines = _criteria(asked, view)
    for listing in (looks, spots, lines):
        if file := listing.file():
            return file
    async with asked.reading() as connection:
        if view is not None:
            faults, of_all = await _faults(connection, page, view, kind, rule, part)
        else:
            faults, of_all = [], 0
        told = await looks.part(connection), await lines.part(connection)
        shows = await connection.scalar(
            sa.select(sa.exists().where(Occurrence.page_id == page, Occurrence.places > 0))
        )
    shots = [spot.place.spot.picture for fault in faults for on in fault.defects for spot in on.spots]
    shots += [view.page.picture] if view is not None else []
    name = one_line(view.page.title or "") if view else ""
    crumbs = (
        Crumb(name=asked.language.say("web.sites.title"), href="/sites"),
        Crumb(name=site_name(row.site), href=f"/sites/{row.site_id}"),
    )
    return asked.page(
        "page.html", name or row.address, crumbs=crumbs, row=row, view=view, head=head, shown=shown,
        about=about, older=older, chart=look_chart(history, asked.language) if len(history.looks) > 1 else None,
        faults=faults, alone=bool(rule), part=part, parts=-(-of_all // ALONE), rechecked=rechecked, looks=told[0],
        criteria=told[1], spots=spots.rows, picture=_picture(view, faults), lacking=await lacking(asked.database, [each.id for each in shots if each]), path_of=path_of, mark=mark,
        edition=edition_name(head, asked.language.lang) if head else "", kinds=tuple(Kind), today=today(), waiting=WAITING,
        may_recheck=bool(shows) and asked.who.may(May.RECHECK, row.site_id), acts=acts_of(asked, row.site_id),
    )  # fmt: skip


async def _page(connection: AsyncConnection, page: int) -> Any:
    query = sa.select(Page.id, Page.address, Page.site_id, Site.address.label("site")).join(Site)
    row = (await connection.execute(query.where(Page.id == page))).one_or_none()
    if row is None:
        raise Refused(404)
    return row


async def _seen(connection: AsyncConnection, page: int) -> list[Seen]:
    """What sweeps met of the page, the last first."""
    rows = await connection.execute(
        sa.select(
            Visit.id.label("visit"), Visit.sweep_id.label("sweep"), Visit.state, Visit.reason, Visit.detail, Visit.template,
            Sweep.recheck, (Sweep.state == SweepState.FINISHED).label("over"),
            sa.func.coalesce(Visit.audited_at, Sweep.finished_at, Sweep.created_at, type_=Visit.audited_at.type).label("at"),
        )
        .join(Sweep, Sweep.id == Visit.sweep_id)
        .where(Visit.page_id == page)
        .order_by(Visit.sweep_id.desc())
    )  # fmt: skip
    return [Seen(**row._mapping) for row in rows]


def _about(seen: Sequence[Seen], sweep: int | None) -> Seen | None:
    """What is asked for: what a sweep met, or the last one. Raises Refused for a sweep that never met the page."""
    found = next((each for each in seen if sweep in (None, each.sweep)), None)
    if found is None and sweep is not None:
        raise Refused(404)
    return found


def _last(seen: Sequence[Seen]) -> Seen | None:
    return next((each for each in seen if each.state is VisitState.AUDITED), None)


async def _view(
    asked: Asked, connection: AsyncConnection, shown: Seen, site: int, *, older: bool
) -> tuple[PageView | None, Head | None]:
    """The page's read model with the exceptions of today or, of an older state, of when its sweep finished."""
    found = await read_pages.audited(connection, [shown.visit])
    if not found:
        return None, None
    head = await read.head(connection, shown.sweep)
    if older:
        _, cover = await cover_of(connection, await sweep_row(connection, shown.sweep))
    else:
        cover = await cover_on(connection, site, today())
    return page_view(shown.visit, found[0], head, aimed(head), asked.language.lang, cover), head


async def _faults(
    connection: AsyncConnection, page: int, view: PageView, kind: str, rule: str, part: int
) -> tuple[list[Fault], int]:
    """The groups to show with some of their places each; and, of one alone, how many places it has."""
    groups = [each for each in view.groups if not rule or (each.rule == rule and kind in ("", each.kind.value))]
    if rule and not groups:
        raise Refused(404)
    first = (max(1, part) - 1) * ALONE if rule else 0
    each = ALONE if rule else max(1, PLACES // max(1, len(groups)))
    spots = [list(group.places[first : first + each]) for group in groups]
    numbers = {place.spot.defect for some in spots for place in some}
    defects = await known(connection, sorted(numbers))
    here = await shown_on(connection, page)
    found = [
        Fault(
            group=group, defects=tuple(_by_defect(some, defects, here, view.page.address)), shown=len(some),
            wrong=highlighted(group.text.wrong), right=highlighted(group.text.right),
        )
        for group, some in zip(groups, spots, strict=True)
    ]  # fmt: skip
    return found, max((len(group.places) for group in groups), default=0) if rule else 0


def _by_defect(
    places: Sequence[Place], defects: Mapping[int, Known], here: Collection[int], address: str
) -> Iterator[OnPage]:
    """Places by the defect that they belong to, in the order in which each comes first."""
    for number in dict.fromkeys(place.spot.defect for place in places):
        mine = [place for place in places if place.spot.defect == number]
        defect = defects.get(number)
        is_one = defect is not None and (defect.pages > 0 or defect.state is not DefectState.FOUND)
        yield OnPage(
            defect=defect if is_one else None, elsewhere=defect.pages - (defect.id in here) if defect else 0,
            spots=tuple(
                Spotted(
                    place=place, html=highlighted(place.spot.snippet),
                    live=live_link(address, place.spot.snippet, framed=bool(place.spot.frame)),
                )
                for place in mine
            ),
        )  # fmt: skip


def _picture(view: PageView | None, faults: Sequence[Fault]) -> dict[str, Any] | None:
    """The page's picture with the markers of the places that are shown; None without one."""
    if view is None or view.page.picture is None or view.page.page_width <= 0:
        return None
    width, height = view.page.page_width, view.page.pictured_height or view.page.page_height
    marked = [
        (spot.place, fault.group, spot.place.marker.at(width, height))
        for fault in faults for on in fault.defects for spot in on.spots if spot.place.marker
    ]  # fmt: skip
    return {"id": view.page.picture.id, "width": width, "height": height, "marked": marked, "unit": width / 800}


def _looks(asked: Asked, page: int, history: PageHistory) -> Listing:
    """What each sweep saw of the page; what was not seen says so."""
    language, say = asked.language, asked.language.say

    def saw(look: Look) -> Cell:
        if look.places is not None:
            text = language.count("place", look.places)
            return Cell(text=text, value=look.places, aside=say("web.page.carried") if look.carried else "")
        state = language.word("visit_state", look.state.value)
        why = language.word("reason", look.reason.value) if look.reason else state
        if look.state is VisitState.AUDITED:
            why = say("web.page.no_rule")
        return Cell(text=say("web.page.not_seen", why=why), value="")

    def notes(look: Look) -> Cell:
        told = [language.word("break", each.value) for each in look.breaks if each.value != "unseen"]
        return Cell(text=say("common.comma").join(told) or say("common.none"))

    return Listing(
        asked=asked, id="history", caption=say("web.page.history_caption"), sort="-at", rows=history.looks,
        columns=[
            Column(
                key="at", heading=say("web.page.when"), is_head=True, by=lambda look: look.at,
                cell=lambda look: Cell(text=language.moment(look.at), value=look.at, href=f"/pages/{page}?sweep={look.sweep}"),
            ),
            Column(
                key="sweep", heading=say("conditions.sweep"), is_number=True,
                cell=lambda look: Cell(text=str(look.sweep), value=look.sweep, href=f"/sweeps/{look.sweep}"),
            ),
            Column(key="places", heading=say("web.page.places"), cell=saw, by=lambda look: look.places),
            Column(
                key="criteria", heading=say("page.criteria_count"), sorts=False,
                cell=lambda look: Cell(text=" ".join(look.criteria) or ("" if look.places is None else say("common.none"))),
            ),
            Column(key="breaks", heading=say("web.page.breaks"), sorts=False, cell=notes),
        ],
    )  # fmt: skip


def _places(asked: Asked, view: PageView | None) -> Listing:
    """All places of the page, for a file."""
    say = asked.language.say

    def column(key: str) -> Column:
        return Column(
            key=key, heading=say(f"findings_csv.{key}"), is_number=key == "place", by=lambda row: row[key],
            cell=lambda row: Cell(text=str(row[key] or ""), value=row[key]),
        )  # fmt: skip

    return Listing(
        asked=asked, id="places", caption=say("web.page.places_caption"), sort="place",
        rows=list(finding_rows(view, asked.language)) if view else (), columns=[column(key) for key in PLACE],
    )  # fmt: skip


def _criteria(asked: Asked, view: PageView | None) -> Listing:
    """The criteria that the sweep aims at, with what the machine says of each; it never says that one is met."""
    language, say, lang = asked.language, asked.language.say, asked.language.lang
    order = {line.criterion.number: at for at, line in enumerate(view.lines)} if view else {}

    def places(line: CriterionLine, number: int) -> Cell:
        if line.state.value == "untested":
            return Cell(text="", value="")
        return Cell(text=language.number(number), value=number)

    return Listing(
        asked=asked, id="criteria", caption=say("page.criteria_caption"), sort="number", rows=view.lines if view else (),
        columns=[
            Column(
                key="number", heading=say("criteria.number"), is_head=True, by=lambda line: order[line.criterion.number],
                cell=lambda line: Cell(
                    text=f"{line.criterion.number} {line.criterion.name(lang)}", href=f"/know-how/criteria/{line.criterion.number}"
                ),
            ),
            Column(key="level", heading=say("criteria.level"), cell=lambda line: Cell(text=line.criterion.level.value)),
            Column(
                key="state", heading=say("criteria.state"),
                cell=lambda line: Cell(text=say(f"criterion_state.{line.state.value}"), kind=f"said-{line.state.value}"),
            ),
            Column(
                key="failed", heading=say("criteria.places"), is_number=True, by=lambda line: line.count.failed,
                cell=lambda line: places(line, line.count.failed),
            ),
            Column(
                key="review", heading=say("criteria.review_places"), is_number=True, by=lambda line: line.count.cant_tell,
                cell=lambda line: places(line, line.count.cant_tell),
            ),
        ],
    )  # fmt: skip
