"""What people do with defects: say that they are repaired, hand them out, except them or propose to, have them seen again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

import sqlalchemy as sa
from fastapi import APIRouter, Form, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from audits import asked as asking
from audits import recheck as rechecking
from audits.cycles.defects import WAITING
from audits.defects import book, excepting
from audits.defects.book import Listed, Plan
from audits.defects.cover import today
from audits.defects.excepting import Said
from audits.recheck import Aim
from db.errors import UsageError
from db.tables import DefectEvent, Exemption, Page
from db.words import DefectState, Done, ExceptionReason
from reports.access.rights import May
from reports.page_view import text_of
from reports.site_view import site_name
from reports.web.asking import LARGEST, Asked, Crumb, Number, Reader, Refused, local
from reports.web.views.defect import listed_in, placed

router = APIRouter()

Came = Annotated[int | None, Form(ge=1, le=LARGEST)]  # the page where it was begun
Text = Annotated[str, Form(max_length=4000)]
CLOSED = {
    "repaired": (DefectState.CONFIRMED, DefectState.REPAIRED, DefectState.EXCEPTED),
    "plan": (DefectState.CONFIRMED, DefectState.EXCEPTED),
    "except": (DefectState.CONFIRMED, DefectState.EXCEPTED),
}  # states in which an act says nothing


@dataclass(frozen=True, kw_only=True)
class Field:
    """What a form says wrong of one of its fields; of none, of the whole."""

    name: str
    why: str


class Wrong(Exception):
    """A field of a form cannot be taken."""

    def __init__(self, name: str, key: str) -> None:
        super().__init__(name, key)
        self.name, self.key = name, key


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A form about a defect, while it is shown or taken in."""

    asked: Asked
    act: str
    number: int
    page: int | None  # where it was begun, to come back to
    values: Mapping[str, str]

    @property
    def back(self) -> str:
        """Where it leads when it is done."""
        return f"/pages/{self.page}" if self.page is not None else f"/defects/{self.number}"


@router.get("/defects/{number}/{act}")
async def form(
    asked: Reader, number: Number, act: str, page: Annotated[int | None, Query(ge=1, le=LARGEST)] = None
) -> Response:
    """The form of an act."""
    if act not in CLOSED:
        raise Refused(404)
    return await _show(Begun(asked=asked, act=act, number=number, page=page, values={}))


@router.post("/defects/{number}/repaired")
async def say_repaired(
    asked: Reader, number: Number, seen: Text = "", page: Came = None, note: Text = ""
) -> Response:
    """Somebody says that it is repaired: a sweep or a recheck will confirm it, or not."""

    async def act(connection: AsyncConnection, defect: Listed) -> str:
        await book.say_repaired(connection, defect, asked.who.person, note.strip() or None)
        return "repaired"

    given = Begun(asked=asked, act="repaired", number=number, page=page, values={"note": note})
    return await _take(given, seen, Done.DEFECT_CHANGED, act)


@router.post("/defects/{number}/plan")
async def plan(
    asked: Reader, number: Number, seen: Text = "", page: Came = None, owner: Text = "",
    due: Text = "", way: Text = "",
) -> Response:  # fmt: skip
    """Somebody hands it out, or takes the plan back."""

    async def act(connection: AsyncConnection, defect: Listed) -> str:
        who = " ".join(owner.split())
        if not who and (due.strip() or way.strip()):
            raise Wrong("owner", "web.act.needs_owner")
        wanted = Plan(owner=who or None, due_on=_day(due, "due") if due.strip() else None, way=way.strip() or None)
        await book.plan(connection, defect, asked.who.person, wanted)
        return "planned" if who else "unplanned"

    given = Begun(
        asked=asked, act="plan", number=number, page=page, values={"owner": owner, "due": due, "way": way}
    )
    return await _take(given, seen, Done.DEFECT_CHANGED, act)


@router.post("/defects/{number}/except")
async def leave(
    asked: Reader, number: Number, seen: Text = "", page: Came = None, reason: Text = "",
    text: Text = "", until: Text = "", scope: Text = "all",
) -> Response:  # fmt: skip
    """Somebody leaves it as it is until a day or, where their word alone does not do that, proposes to."""

    async def act(connection: AsyncConnection, defect: Listed) -> str:
        if reason not in list(ExceptionReason):
            raise Wrong("reason", "web.act.needs_reason")
        if not text.strip():
            raise Wrong("text", "web.act.needs_text")
        last = _day(until, "until")
        if last < today():
            raise Wrong("until", "web.act.past")
        said = Said(reason=ExceptionReason(reason), text=text.strip(), person=asked.who.person, until=last)
        site = (await placed(asked, connection, defect.id)).site_id
        pages = [await _address(connection, page, site)] if scope == "page" and page is not None else []
        proposed = not asked.who.may(May.EXCEPT, site)
        await excepting.except_defects(connection, said, [defect], pages, proposed=proposed)
        return "proposed" if proposed else "excepted"

    values = {"reason": reason, "text": text, "until": until, "scope": scope}
    given = Begun(asked=asked, act="except", number=number, page=page, values=values)
    return await _take(given, seen, Done.EXCEPTION_CHANGED, act)


@router.post("/defects/{number}/recheck")
async def recheck_defect(asked: Reader, number: Number) -> Response:
    """The pages of a defect are seen again, now."""

    async def aim(connection: AsyncConnection) -> Aim:
        return await rechecking.aim_at(connection, [number])

    async with asked.reading() as connection:
        site = (await placed(asked, connection, number)).site_id
    return await _recheck(asked, site, f"/defects/{number}", aim)


@router.post("/pages/{page}/recheck")
async def recheck_page(asked: Reader, page: Number) -> Response:
    """A page is seen again, for all defects that it shows."""
    async with asked.reading() as connection:
        site = await connection.scalar(sa.select(Page.site_id).where(Page.id == page))
    if site is None:
        raise Refused(404)

    async def aim(connection: AsyncConnection) -> Aim:
        return await rechecking.aim_at_page(connection, page)

    return await _recheck(asked, site, f"/pages/{page}", aim)


async def _recheck(
    asked: Asked, site: int, about: str, aim: Callable[[AsyncConnection], Awaitable[Aim]]
) -> Response:
    asked.needs(May.RECHECK, site)
    async with asked.writing(Done.SWEEP_ASKED, about=about, act="recheck") as connection:
        await asking.ask_recheck(connection, await aim(connection), asked.who.person)
    return RedirectResponse(f"{about}?done=recheck_asked#recheck", 303)


async def _take(
    form: Begun, seen: str, done: Done, act: Callable[[AsyncConnection, Listed], Awaitable[str]]
) -> Response:
    """Do it, and leave in the trail what it came to, unless somebody has done something meanwhile that the reader has not seen; show the form again when it is wrong."""
    asked = form.asked
    async with asked.reading() as connection:
        _allowed(asked, form.act, (await placed(asked, connection, form.number)).site_id)
    try:
        async with asked.database.writing() as connection:
            [defect] = await book.held(connection, [form.number])
            await _check_unchanged(connection, defect, seen)
            word = await act(connection, defect)
            await asked.leave(connection, done, f"/defects/{form.number}", act=word)
    except Wrong as error:
        return await _show(form, Field(name=error.name, why=asked.language.say(error.key)))
    except UsageError as error:
        return await _show(form, Field(name="", why=error.line(asked.language.lang)))
    return RedirectResponse(_told(form.back, word), 303)


async def _show(form: Begun, wrong: Field | None = None) -> Response:
    """The form as it stands; with what is wrong, and what was written."""
    asked, language = form.asked, form.asked.language
    async with asked.reading() as connection:
        row = await placed(asked, connection, form.number)
        _allowed(asked, form.act, row.site_id)
        defect = await listed_in(connection, row.root)
        seen = await _last_word(connection, defect.id)
        address = await _address(connection, form.page, row.site_id) if form.page is not None else ""
    proposes = form.act == "except" and not asked.who.may(May.EXCEPT, row.site_id)
    say = language.say
    title = say("web.act.propose_head" if proposes else f"web.act.{form.act}_head", number=str(defect.id))
    name = say("web.defects.name", number=str(defect.id))
    crumbs = [
        Crumb(name=say("web.defects.title"), href="/defects"),
        Crumb(name=site_name(row.site), href=f"/defects?site={row.site_id}"),
        Crumb(name=name, href=f"/defects/{defect.id}"),
    ]
    was = {
        "owner": defect.owner or "", "due": defect.due_on.isoformat() if defect.due_on else "", "way": defect.way or "",
    }  # fmt: skip
    return asked.page(
        "act.html", title, crumbs=tuple(crumbs), status=400 if wrong else 200, form=form, defect=defect, seen=seen,
        text=text_of(defect.rule, language.lang), wrong=wrong, address=address, proposes=proposes, today=today(), waiting=WAITING,
        closed=defect.state in CLOSED[form.act], values={"note": "", "reason": "", "text": "", "until": "", "scope": "all", **was, **form.values},
        reasons=[(each.value, language.word("exception_reason", each.value)) for each in ExceptionReason],
    )  # fmt: skip


def _allowed(asked: Asked, act: str, site: int) -> None:
    if act == "except" and asked.who.may(May.PROPOSE, site):
        return
    asked.needs({"repaired": May.CLAIM, "plan": May.PLAN, "except": May.EXCEPT}[act], site)


async def _last_word(connection: AsyncConnection, defect: int) -> str:
    """Names the last that was said of a defect: its last event, and its last exception."""
    event = sa.select(sa.func.max(DefectEvent.id)).where(DefectEvent.defect_id == defect)
    said = sa.select(sa.func.max(Exemption.id)).where(Exemption.defect_id == defect)
    return f"{await connection.scalar(event) or 0}.{await connection.scalar(said) or 0}"


async def _check_unchanged(connection: AsyncConnection, defect: Listed, seen: str) -> None:
    """Raises UsageError when there is another last word than the reader has seen."""
    if await _last_word(connection, defect.id) == seen:
        return
    last = (await book.events(connection, defect.id))[-1:]
    who = last[0].who if last else "–"
    raise UsageError(
        ja=f"開いている間に、この欠陥が変わりました（最後の変更：{who}）。今の状態を確かめてから、もう一度送ってください。",
        en=f"This defect has changed while you had it open (last by {who}). Look at how it stands now, then send again.",
    )


async def _address(connection: AsyncConnection, page: int, site: int) -> str:
    """The address of a page of a site. Raises Refused for none that there is."""
    found = await connection.scalar(sa.select(Page.address).where(Page.id == page, Page.site_id == site))
    if found is None:
        raise Refused(404)
    return found


def _day(text: str, name: str) -> date:
    """A day as browsers send it. Raises Wrong."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Wrong(name, "web.act.needs_day") from error


def _told(path: str, word: str) -> str:
    """A path of ours that says what was done."""
    return f"{urlsplit(local(path)).path}?done={word}"
