"""Exceptions and proposals of all sites that the reader may see; and one, for another person to agree or refuse."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from audits.defects import excepting
from audits.defects.cover import today
from audits.persons import are_one
from db.errors import UsageError
from db.tables import Defect, Exemption, Page, Site
from db.words import Done
from reports.access.rights import May
from reports.exception_view import exception_words, standing
from reports.page_view import text_of
from reports.site_view import site_name
from reports.web.asking import Asked, Crumb, Number, Reader, Refused
from reports.web.listing import Cell, Column, Listing

router = APIRouter()

Text = Annotated[str, Form(max_length=4000)]


@router.get("/exceptions")
async def exceptions(asked: Reader) -> Response:
    """What waits for an answer, and all the rest."""
    say = asked.language.say
    waiting = Listing(
        asked=asked, id="waiting", caption=say("web.exceptions.waiting_caption"), sort="at", query=_query(asked).where(_waiting()),
        columns=_columns(asked, rest=False), last=(Exemption.__table__.c.id,),
    )  # fmt: skip
    others = Listing(
        asked=asked, id="exceptions", caption=say("web.exceptions.caption"), sort="-at", query=_query(asked).where(~_waiting()),
        columns=_columns(asked, rest=True), last=(Exemption.__table__.c.id,),
    )  # fmt: skip
    for listing in (waiting, others):
        if file := listing.file():
            return file
    async with asked.reading() as connection:
        told = await waiting.part(connection), await others.part(connection)
    return asked.page("exceptions.html", say("web.exceptions.title"), waiting=told[0], others=told[1])


@router.get("/exceptions/{number}")
async def exception(asked: Reader, number: Number) -> Response:
    """One, with what it covers and what may be done with it."""
    return await _show(asked, number)


@router.post("/exceptions/{number}/review")
async def review(asked: Reader, number: Number, agrees: Text = "", text: Text = "") -> Response:
    """Another person agrees, or does not: then it ends, and a proposal never counts."""
    wrong = ""
    if agrees not in ("yes", "no"):
        wrong = asked.language.say("web.exceptions.needs_answer")
    elif not text.strip():
        wrong = asked.language.say("web.exceptions.needs_text")

    async def act(connection: AsyncConnection) -> str:
        await excepting.review(connection, number, asked.who.person, text, agrees=agrees == "yes")
        return "agreed" if agrees == "yes" else "refused"

    return await _take(asked, number, act, text, wrong=wrong)


@router.post("/exceptions/{number}/end")
async def end(asked: Reader, number: Number, text: Text = "") -> Response:
    """Somebody ends it before its last day; who has proposed it may take that back."""

    async def act(connection: AsyncConnection) -> str:
        await excepting.end(connection, number, asked.who.person, text.strip() or None)
        return "ended"

    return await _take(asked, number, act, text, own=True)


async def _take(asked: Asked, number: int, act: Any, text: str, *, own: bool = False, wrong: str = "") -> Response:
    """Do it, for who may; the form again where something is wrong with what was sent."""
    async with asked.reading() as connection:
        row = await _row(asked, connection, number)
        is_mine = await are_one(connection, asked.who.person, row.person)
    if not (own and is_mine and _unanswered(row)):
        asked.needs(May.EXCEPT, row.site_id)
    if wrong:
        return await _show(asked, number, wrong, text)
    try:
        async with asked.database.writing() as connection:
            word = await act(connection)
            await asked.leave(connection, Done.EXCEPTION_CHANGED, f"/exceptions/{number}", act=word)
    except UsageError as error:
        return await _show(asked, number, error.line(asked.language.lang), text)
    return RedirectResponse(f"/exceptions/{number}?done={word}", 303)


async def _show(asked: Asked, number: int, wrong: str = "", text: str = "") -> Response:
    language, say = asked.language, asked.language.say
    async with asked.reading() as connection:
        row = await _row(asked, connection, number)
        [told] = await excepting.numbers_told(connection, [number])
        mine = await are_one(connection, asked.who.person, told.exemption.person)
    crumbs = (
        Crumb(name=say("web.exceptions.title"), href="/exceptions"),
        Crumb(name=site_name(row.site), href=f"/sites/{row.site_id}"),
    )
    may = asked.who.may(May.EXCEPT, row.site_id)
    runs = told.running or told.waiting
    return asked.page(
        "exception.html", say("web.exceptions.head", number=str(number)), crumbs=crumbs, status=400 if wrong else 200, told=told,
        standing=standing(told), words=exception_words(told.exemption, told.rule, told.page, language), wrong=wrong, text=text,
        title_of_rule=text_of(told.rule, language.lang).title, mine=mine, may_except=may,
        may_review=may and runs and not mine and told.exemption.reviewed_by is None,
        may_end=runs and ((may and not told.waiting) or (mine and _unanswered(told.exemption))),
    )  # fmt: skip


def _unanswered(each: Any) -> bool:
    """Whether it was proposed, and nobody has answered."""
    return bool(each.proposed) and each.reviewed_by is None


async def _row(asked: Asked, connection: AsyncConnection, number: int) -> Any:
    columns = (
        Exemption.site_id,
        Exemption.proposed,
        Exemption.reviewed_by,
        Exemption.person,
        Site.address.label("site"),
    )
    query = sa.select(*columns).join(Site, Site.id == Exemption.site_id).where(Exemption.id == number)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise Refused(404)
    asked.needs(May.READ, row.site_id)
    return row


def _waiting() -> sa.ColumnElement[bool]:
    """The condition of `excepting.is_waiting`, for rows."""
    unanswered = sa.and_(Exemption.reviewed_by.is_(None), Exemption.ended_at.is_(None))
    return sa.and_(Exemption.proposed, unanswered, Exemption.until >= today())


def _query(asked: Asked) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Exemption.id.label("number"), Exemption.at.label("at"), Exemption.until.label("until"), Exemption.person.label("person"),
            Exemption.reason.label("reason"), Exemption.text, Exemption.proposed, Exemption.reviewed_by, Exemption.agrees,
            Exemption.ended_at, Exemption.defect_id, Exemption.pattern, Exemption.site_id, Site.address.label("site"),
            sa.func.coalesce(Exemption.rule, Defect.rule).label("rule"), Page.address.label("page"), Exemption.page_id,
        )
        .join(Site, Site.id == Exemption.site_id)
        .outerjoin(Defect, Defect.id == Exemption.defect_id)
        .outerjoin(Page, Page.id == Exemption.page_id)
        .where(asked.who.reach(May.READ).within(Exemption.site_id))
    )  # fmt: skip


def _columns(asked: Asked, *, rest: bool) -> list[Column]:
    language, say, day = asked.language, asked.language.say, today()

    def stands(row: Any) -> Cell:
        refused = row.proposed and row.agrees is False
        lapsed = row.proposed and row.reviewed_by is None
        over = row.ended_at is not None or row.until < day
        word = "refused" if refused else "lapsed" if lapsed else "ended" if over else "running"
        return Cell(text=say(f"web.exceptions.{word}"), kind="short")

    def scope(row: Any) -> Cell:
        where = row.page or row.pattern or say("web.exceptions.everywhere")
        return Cell(text=text_of(row.rule, language.lang).title, aside=where, href=f"/exceptions/{row.number}")

    columns = [
        Column(
            key="number", heading=say("exceptions.number"), is_number=True,
            cell=lambda row: Cell(text=str(row.number), value=row.number, href=f"/exceptions/{row.number}"),
        ),
        Column(key="rule", heading=say("exceptions.of"), is_head=True, cell=scope),
        Column(
            key="site", heading=say("web.sites.site"),
            cell=lambda row: Cell(text=site_name(row.site), value=row.site, href=f"/sites/{row.site_id}", kind="brief"),
        ),
        Column(
            key="reason", heading=say("exceptions.reason"), sorts=False,
            cell=lambda row: Cell(text=language.word("exception_reason", row.reason.value), aside=row.text),
        ),
        Column(key="person", heading=say("web.exceptions.person"), cell=lambda row: Cell(text=row.person)),
        Column(key="at", heading=say("web.exceptions.at"), cell=lambda row: Cell(text=language.day(row.at), value=row.at, kind="short")),
        Column(key="until", heading=say("exceptions.until"), cell=lambda row: Cell(text=language.date(row.until), value=row.until, kind="short")),
    ]  # fmt: skip
    if rest:
        columns.insert(2, Column(key="standing", heading=say("exceptions_csv.running"), sorts=False, cell=stands))
    return columns
