"""One defect: what it is, where it shows, how it was repaired, and everything that was done and said about it."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from audits.criteria import Criterion
from audits.cycles.defects import WAITING
from audits.defects import book, regrouping
from audits.defects.book import Event, Listed
from audits.defects.cover import Cover, cover_by, cover_on, named, today
from audits.defects.excepting import is_waiting
from audits.defects.naming import ROOT
from audits.examples.book import Entry, entries
from audits.record import MACHINE
from db.pictures.rows import lacking
from db.tables import Defect, Exemption, Look, Occurrence, Page, Site
from reports import read, read_pages
from reports.access.rights import May
from reports.exception_view import exception_words, mark
from reports.language import Language
from reports.page_view import criteria_of, path_of, text_of
from reports.read_pages import Spot
from reports.recheck_view import last_recheck
from reports.site_view import site_name
from reports.snippet import highlighted, live_link
from reports.web.asking import Asked, Crumb, Number, Reader, Refused
from reports.web.listing import Cell, Column, Listing

router = APIRouter()

PLACES = 3  # of a page that show what it is


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A place that shows a defect."""

    page: int
    address: str
    title: str
    spot: Spot
    html: Markup
    where: tuple[str, str]
    live: str | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """An exception of a defect, or a proposal of one."""

    number: int
    standing: str  # "running", "waiting", "ended"
    words: dict[str, str]


@router.get("/defects/{number}")
async def defect(asked: Reader, number: Number) -> Response:
    """A defect by its number; a number that it was known by once leads to the one of now."""
    language = asked.language
    async with asked.reading() as connection:
        row = await placed(asked, connection, number)
        if row.root != number:
            return RedirectResponse(f"/defects/{row.root}", 303)
        found = await listed_in(connection, number)
        cover = await cover_on(connection, row.site_id, today())
        spoken = await _spoken(connection, row.site_id, row.rule)
        life = await book.events(connection, number)
        said = await regrouping.told(connection, number)
        names = await regrouping.names(connection, number)
        exceptions = await _exceptions(connection, row, language)
        examples = [each for each in await entries(connection, [row.site_id]) if each.defect == number]
        places = await _places(connection, number)
        rechecked = await last_recheck(connection, row.site_id, language, defect=number)
    pages = _pages(asked, found, row, cover)
    events = _events(asked, life)
    for listing in (pages, events):
        if file := listing.file():
            return file
    async with asked.reading() as connection:
        told = await pages.part(connection), await events.part(connection)
    shots = [each.spot.picture.id for each in places if each.spot.picture]
    shots += [shot.id for each in examples for shot in (each.before_picture, each.after_picture) if shot]
    text = text_of(row.rule, language.lang)
    crumbs = (
        Crumb(name=language.say("web.defects.title"), href="/defects"),
        Crumb(name=site_name(row.site), href=f"/defects?site={row.site_id}"),
    )
    title = language.say("web.defects.head", number=str(number), title=text.title)
    may = asked.who.may
    return asked.page(
        "defect.html", title, crumbs=crumbs, row=row, defect=found, text=text, criteria=spoken, pages=told[0], events=told[1],
        names=names, said=said, exceptions=exceptions, examples=[_example(each) for each in examples], spots=places,
        rechecked=rechecked, path_of=path_of, mark=mark, today=today(), waiting=WAITING, wrong=highlighted(text.wrong),
        right=highlighted(text.right), may_recheck=may(May.RECHECK, row.site_id) and found.pages_ever > 0,
        acts=acts_of(asked, row.site_id), lacking=await lacking(asked.database, shots),
    )  # fmt: skip


async def placed(asked: Asked, connection: AsyncConnection, number: int) -> Any:
    """The row of a defect with its site and the number that it goes by. Raises Refused: 404 for none that the reader may see."""
    query = (
        sa.select(Defect.id, Defect.site_id, Defect.rule, Site.address.label("site"), ROOT.label("root"))
        .join(Site, Site.id == Defect.site_id)
        .where(Defect.id == number)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise Refused(404)
    asked.needs(May.READ, row.site_id)
    return row


async def listed_in(connection: AsyncConnection, number: int) -> Listed:
    """The defect of a number that is its own. Raises Refused when no page has shown it: it is none yet."""
    found = await connection.scalar(sa.select(sa.exists().where(Occurrence.defect_id == number)))
    if not found:
        raise Refused(404)
    return await book.one(connection, number)


def acts_of(asked: Asked, site: int) -> dict[str, bool]:
    """What the reader may do with defects of a site."""
    may = asked.who.may
    return {
        "repaired": may(May.CLAIM, site), "plan": may(May.PLAN, site), "except": may(May.EXCEPT, site),
        "propose": may(May.PROPOSE, site) and not may(May.EXCEPT, site),
    }  # fmt: skip


async def _spoken(connection: AsyncConnection, site: int, rule: str) -> tuple[Criterion, ...]:
    """The criteria that the rule speaks about, by the site's last sweep that was taken in."""
    last = await book.last_sweep(connection, site)
    return criteria_of(rule, await read.head(connection, last)) if last is not None else ()


async def _places(connection: AsyncConnection, number: int) -> list[Shown]:
    """Some of its places, on the page that shows the most of it."""
    query = (
        sa.select(Page.id, Page.address, Look.result_id, Look.sweep_id)
        .join(Occurrence, Occurrence.page_id == Page.id)
        .join(Look, Look.page_id == Page.id)
        .where(Occurrence.defect_id == number, Occurrence.places > 0)
        .order_by(Occurrence.places.desc(), Page.id)
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return []
    spots = (await read_pages.spots_of(connection, [row.result_id]))[row.result_id]
    mine = [spot for spot in spots if spot.defect == number][:PLACES]
    return [
        Shown(
            page=row.id, address=row.address, title=row.address, spot=spot, html=highlighted(spot.snippet),
            where=(path_of(spot.frame), path_of(spot.target, " » ")),
            live=live_link(row.address, spot.snippet, framed=bool(spot.frame)),
        )
        for spot in mine
    ]  # fmt: skip


async def _exceptions(connection: AsyncConnection, row: Any, language: Language) -> list[Line]:
    """The exceptions of the defect, those that count first; also proposals, and what has ended."""
    everything = await cover_by(connection, Exemption.site_id == row.site_id)
    mine = everything.concerning(row.id, row.rule)
    names = await named(connection, mine)
    day = today()
    running = {each.id for each in (await cover_on(connection, row.site_id, day)).exemptions}
    found = [
        Line(
            number=each.id,
            standing="running" if each.id in running else "waiting" if is_waiting(each, day) else "ended",
            words=exception_words(each, *names[each.id], language),
        )
        for each in mine
    ]
    return sorted(found, key=lambda each: ("running", "waiting", "ended").index(each.standing))


def _example(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry, "before": highlighted(entry.before), "after": highlighted(entry.after or ""),
        "around": highlighted(entry.around or ""),
    }  # fmt: skip


def _pages(asked: Asked, found: Listed, row: Any, cover: Cover) -> Listing:
    """The pages that show it, or did."""
    language, say = asked.language, asked.language.say
    query = (
        sa.select(Page.id, Page.address.label("address"), Occurrence.places.label("places"), Look.at.label("seen"))
        .join(Page, Page.id == Occurrence.page_id)
        .outerjoin(Look, Look.page_id == Page.id)
        .where(Occurrence.defect_id == found.id)
    )

    def places(page: Any) -> Cell:
        if not page.places:
            return Cell(text=say("web.defects.gone"), value=0)
        by = cover.of(defect=found.id, rule=row.rule, page=page.id, address=page.address)
        return Cell(text=language.number(page.places), value=page.places, aside=mark(by, language) if by else "")

    return Listing(
        asked=asked, id="pages", caption=say("web.defects.pages_caption"), sort="-places", query=query, last=(Page.__table__.c.id,),
        count=sa.select(sa.func.count()).where(Occurrence.defect_id == found.id),
        columns=[
            Column(
                key="address", heading=say("pages.page"), is_head=True,
                cell=lambda page: Cell(text=page.address, href=f"/pages/{page.id}"),
            ),
            Column(key="places", heading=say("web.defects.places"), is_number=True, cell=places),
            Column(
                key="seen", heading=say("web.defects.seen"),
                cell=lambda page: Cell(text=language.day(page.seen), value=page.seen) if page.seen else Cell(text="", value=""),
            ),
        ],
    )  # fmt: skip


def _events(asked: Asked, life: list[Event]) -> Listing:
    """What became of it: when, by whom, and why."""
    language, say = asked.language, asked.language.say

    def state(event: Event) -> Cell:
        after = language.word("defect_state", event.new.value)
        before = language.word("defect_state", event.old.value) if event.old else ""
        return Cell(text=f"{before} → {after}" if before else after, value=after, kind=f"life {event.new.value}")

    def who(event: Event) -> Cell:
        if event.sweep is not None:
            return Cell(text=say("trend.sweep", sweep=str(event.sweep)), href=f"/sweeps/{event.sweep}")
        return Cell(text=say("web.defects.machine") if event.who == MACHINE else event.who)

    return Listing(
        asked=asked, id="events", caption=say("web.defects.events_caption"), sort="-at", rows=life,
        columns=[
            Column(
                key="at", heading=say("web.defects.when"), is_head=True, by=lambda event: (event.at, life.index(event)),
                cell=lambda event: Cell(text=language.moment(event.at), value=event.at),
            ),
            Column(key="state", heading=say("web.defects.state"), cell=state),
            Column(key="who", heading=say("web.defects.who"), cell=who),
            Column(
                key="why", heading=say("web.defects.why"), sorts=False,
                cell=lambda event: Cell(
                    text=language.word("defects.why", event.why) if event.why else "", value=event.why or ""
                ),
            ),
        ],
    )  # fmt: skip
