"""Schedules: which sweeps come again, when next, what came of the last times; made, changed, paused and taken away."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from audits.criteria import NAMES
from audits.organisations import tree
from audits.schedules import book
from audits.schedules.book import PRIORITIES, Kept, Wanted
from audits.schedules.planned import as_row, plan_at
from audits.schedules.times import When
from audits.sweep import Plan
from crawler.limits import Limits
from crawler.scope import Scope
from db.errors import UsageError
from db.tables import Schedule, ScheduledRun
from db.types import now
from db.words import Came, Days, Done, Edition, Level, Method
from reports.access.rights import May
from reports.schedule_view import next_words, priority_words, run_words, time_words, when_words
from reports.site_view import site_name
from reports.web.asking import Asked, Crumb, Number, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.reaches import Places

router = APIRouter()
FIELDS = ("name", "target", "cron", "zone", "days", "window", "priority", "method", "pages", "edition", "level", "survey")  # fmt: skip
EXAMPLES = ("0 22 * * *", "0 22 * * 5", "0 22 1 * *", "0 22 1 4,7,10,1 *", "0 22 1 4 *")
ANYWHERE = "https://www.example.lg.jp/"


@router.get("/schedules")
async def schedules(asked: Reader) -> Response:
    """All that the reader may see."""
    say, moment = asked.language.say, now()
    async with asked.reading() as connection:
        found = [each for each in await book.schedules(connection) if _holds(asked, each, May.READ)]
        last = {each.row.id: await book.last_runs(connection, each.row.id) for each in found}
    listing = Listing(
        asked=asked, id="schedules", caption=say("web.schedules.caption"), sort="name", rows=found,
        columns=_columns(asked, last, moment),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    return asked.page(
        "schedules.html", say("web.schedules.title"), schedules=part, may_sweep=asked.who.may(May.SWEEP)
    )


@router.get("/schedules/new")
async def form(asked: Reader) -> Response:
    """The form that makes one."""
    asked.needs(May.SWEEP)
    usual = {"cron": EXAMPLES[0], "zone": "Asia/Tokyo", "days": Days.EVERY.value, "priority": "normal", "edition": "jis2016", "level": "AA"}  # fmt: skip
    return await _form(asked, {**dict.fromkeys(FIELDS, ""), **usual})


@router.post("/schedules")
async def make(asked: Reader) -> Response:
    """Make one, or show the form again."""
    asked.needs(May.SWEEP)
    values = _values(await asked.request.form())
    try:
        wanted = await _wanted(asked, values, None)
        async with asked.writing(Done.SWEEP_ASKED, about="/schedules", act="add", name=wanted.name) as connection:
            number = await book.add(connection, wanted, asked.who.person, now())
    except UsageError as error:
        return await _form(asked, values, error=error.line(asked.language.lang))
    return RedirectResponse(f"/schedules/{number}?done=schedule_made", 303)


@router.get("/schedules/{number:int}")
async def schedule(asked: Reader, number: Number) -> Response:
    """One: its next times, what came of the last ones, and the form that changes it."""
    kept = await _kept(asked, number, May.READ)
    listing = Listing(
        asked=asked, id="runs", caption=asked.language.say("web.schedules.runs_caption"), sort="-due",
        query=book.runs().where(ScheduledRun.schedule_id == number, *_visible_runs(asked)),
        columns=_run_columns(asked), last=(ScheduledRun.__table__.c.id,),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    return await _show(asked, kept, runs=part)


@router.get("/schedules/{number:int}/change")
async def change_form(asked: Reader, number: Number) -> Response:
    """The form that changes one."""
    kept = await _kept(asked, number, May.SWEEP)
    return await _form(asked, _values_of(kept.row), kept)


@router.post("/schedules/{number:int}/change")
async def change(asked: Reader, number: Number) -> Response:
    """Change one, or show the form again."""
    kept = await _kept(asked, number, May.SWEEP)
    values = _values(await asked.request.form())
    try:
        wanted = await _wanted(asked, values, kept)
        async with asked.writing(Done.SWEEP_ASKED, about=f"/schedules/{number}", act="change", name=wanted.name) as connection:  # fmt: skip
            await book.change(connection, number, wanted, now())
    except UsageError as error:
        return await _form(asked, values, kept, error.line(asked.language.lang))
    return RedirectResponse(f"/schedules/{number}?done=schedule_changed", 303)


@router.post("/schedules/{number:int}/pause")
async def pause(asked: Reader, number: Number) -> Response:
    """Have nothing due until it is resumed."""
    who = asked.who.person
    return await _act(asked, number, "pause", lambda connection: book.pause(connection, number, who, now()))


@router.post("/schedules/{number:int}/resume")
async def resume(asked: Reader, number: Number) -> Response:
    """Have it due again from now on."""
    return await _act(asked, number, "resume", lambda connection: book.resume(connection, number, now()))


@router.post("/schedules/{number:int}/remove")
async def remove(asked: Reader, number: Number) -> Response:
    """Take it away, when the box that says so is ticked."""
    await _kept(asked, number, May.SWEEP)
    who = asked.who.person
    if (await asked.request.form()).get("sure") != "yes":
        return RedirectResponse(f"/schedules/{number}?done=schedule_not_sure", 303)
    return await _act(
        asked, number, "remove", lambda connection: book.remove(connection, number, who, now()), to="/schedules"
    )


async def _act(
    asked: Asked, number: int, act: str, do: Callable[[AsyncConnection], Awaitable[None]], to: str | None = None
) -> Response:
    kept = await _kept(asked, number, May.SWEEP)
    done = Done.SWEEP_ASKED if act == "resume" else Done.SWEEP_STOPPED
    async with asked.writing(done, about=f"/schedules/{number}", act=act, name=kept.row.name) as connection:
        await do(connection)
    return RedirectResponse(f"{to or f'/schedules/{number}'}?done=schedule_{act}d", 303)


def _holds(asked: Asked, kept: Kept, act: May) -> bool:
    """Whether an act may be done with a schedule: on its site, or on its organisation with all below."""
    reach = asked.who.reach(act)
    return reach.holds(kept.row.site_id) if kept.row.site_id else reach.covers(kept.row.organisation_id or 0)


async def _kept(asked: Asked, number: int, act: May) -> Kept:
    """A schedule that the reader may do this with. Raises Refused."""
    async with asked.reading() as connection:
        found = await book.schedules(connection, Schedule.id == number)
    if not found or not _holds(asked, found[0], May.READ):
        raise Refused(404)
    if not _holds(asked, found[0], act):
        raise Refused(403)
    return found[0]


def _visible_runs(asked: Asked) -> tuple[Any, ...]:
    """Of an organisation's schedule the runs of sites that the reader may see; who reaches it whole sees its empty ones."""
    return (asked.who.reach(May.READ).within(ScheduledRun.site_id) | ScheduledRun.site_id.is_(None),)


async def _show(asked: Asked, kept: Kept, **more: Any) -> Response:
    language, moment = asked.language, now()
    plan, row = plan_at(ANYWHERE, {}, kept.row.plan, kept.row.window), kept.row
    return asked.page(
        "schedule.html", language.say("web.schedules.head", name=row.name), crumbs=_crumbs(asked), row=row, kept=kept,
        words=when_words(kept.when, language), next=next_words(kept, moment, language), plan=plan,
        target=site_name(kept.target) if row.site_id else kept.target,
        href=f"/sites/{row.site_id}" if row.site_id else f"/organisations/{row.organisation_id}",
        priority=priority_words(row.priority, language), edition=NAMES[plan.edition][language.lang != "ja"],
        may_sweep=_holds(asked, kept, May.SWEEP), **more,
    )  # fmt: skip


async def _form(asked: Asked, values: Mapping[str, str], kept: Kept | None = None, error: str = "") -> Response:
    say, language = asked.language.say, asked.language
    async with asked.reading() as connection:
        places = Places(await tree(connection))
    reach = asked.who.reach(May.SWEEP)

    def number(value: str) -> int:
        return int(value.partition("-")[2])

    targets = [
        *((value, name) for value, name in places.organisations.items() if reach.covers(number(value))),
        *((value, name) for value, name in places.sites.items() if reach.holds(number(value))),
    ]
    crumbs = _crumbs(asked)
    if kept is not None:
        crumbs += (Crumb(name=kept.row.name, href=f"/schedules/{kept.row.id}"),)
    return asked.page(
        "schedule_form.html", say("web.schedules.change" if kept else "web.schedules.make"), crumbs=crumbs,
        status=400 if error else 200, values=values, error=error, targets=targets, number=kept and kept.row.id,
        days=[each.value for each in Days], priorities=list(PRIORITIES), methods=[each.value for each in Method],
        levels=[each.value for each in Level], editions=[(each.value, NAMES[each][language.lang != "ja"]) for each in Edition],
        examples=[(each, when_words(When(cron=each), language)) for each in EXAMPLES],
    )  # fmt: skip


def _crumbs(asked: Asked) -> tuple[Crumb, ...]:
    say = asked.language.say
    return (
        Crumb(name=say("web.sweeps.title"), href="/sweeps"),
        Crumb(name=say("web.schedules.title"), href="/schedules"),
    )


def _values(sent: FormData) -> dict[str, str]:
    """What a form says in each field."""
    texts = {name: sent.get(name, "") for name in FIELDS}
    return {
        name: " ".join(text.replace("\0", "").split()) if isinstance(text, str) else ""
        for name, text in texts.items()
    }


def _values_of(row: Schedule) -> dict[str, str]:
    """What the form says of a schedule that there is."""
    plan, names = row.plan, {number: name for name, number in PRIORITIES.items()}
    return {
        "name": row.name, "target": f"site-{row.site_id}" if row.site_id else f"organisation-{row.organisation_id}",
        "cron": row.cron, "zone": row.zone, "days": row.days.value, "window": row.window,
        "priority": names.get(row.priority, "normal"), "method": plan["method"] or "", "pages": str(plan["pages"] or ""),
        "edition": plan["edition"], "level": plan["level"], "survey": "yes" if plan["survey"] else "",
    }  # fmt: skip


async def _wanted(asked: Asked, values: Mapping[str, str], kept: Kept | None) -> Wanted:
    """What a form asks for; what it has no field for stays as it was. Raises UsageError, or Refused for what is out of reach."""
    kind, _, text = values["target"].partition("-")
    if kind not in ("site", "organisation") or not (text.isdecimal() and len(text) < 10):
        raise UsageError(
            ja="サイトか組織を一覧から選んでください。", en="Choose a site or an organisation from the list."
        )
    reach, number = asked.who.reach(May.SWEEP), int(text)
    async with asked.reading() as connection:
        places = Places(await tree(connection))
    is_known = values["target"] in (places.sites if kind == "site" else places.organisations)
    if not is_known or not (reach.holds(number) if kind == "site" else reach.covers(number)):
        raise Refused(404)
    pages = values["pages"]
    if pages and not (pages.isascii() and pages.isdigit() and 0 < int(pages) <= 1_000_000):
        raise UsageError(
            ja="ページ数は 1 から 1,000,000 までの数で書いてください。", en="Pages: a number from 1 to 1,000,000."
        )
    try:
        method = Method.ALL if values["survey"] else Method(values["method"]) if values["method"] else None
        edition, level, days = Edition(values["edition"]), Level(values["level"]), Days(values["days"])
        priority = PRIORITIES[values["priority"]]
    except (ValueError, KeyError):
        raise Refused(400) from None
    return Wanted(
        name=values["name"], when=When(cron=values["cron"], zone=values["zone"], days=days), window=values["window"],
        plan=_plan(asked, kept, method, int(pages) if pages and method is not Method.ALL else None, edition, level, values),
        priority=priority, **{kind: number},
    )  # fmt: skip


def _plan(
    asked: Asked, kept: Kept | None, method: Method | None, pages: int | None, edition: Edition, level: Level,
    values: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    contact = asked.settings.contact
    limits: dict[str, Any] = {"allow_private": True} if asked.settings.allow_private else {}
    plan = Plan(scope=Scope.around(ANYWHERE), limits=Limits(contact=contact))
    if kept is not None:
        plan = plan_at(ANYWHERE, {}, kept.row.plan)
        contact, limits = kept.row.plan["contact"], kept.row.plan["limits"]
    plan = replace(
        plan, method=method, pages=pages, edition=edition, level=level, survey=bool(values["survey"]),
        at_random=plan.at_random if (method, pages) == (plan.method, plan.pages) else None,
        also=plan.also if plan.also is not edition else None,
        stratify=plan.stratify if method in (None, Method.RANDOM, Method.MIXED) else None,
        seeds=plan.seeds if kept is not None and values["target"] == f"site-{kept.row.site_id}" else (),
    )  # fmt: skip
    return as_row(plan, contact, limits)


def _columns(asked: Asked, last: Mapping[int, Any], moment: Any) -> list[Column]:
    language, say = asked.language, asked.language.say
    reach = asked.who.reach(May.READ)

    def came(kept: Kept) -> Cell:
        seen = [run for run in last[kept.row.id] if run.site_id is None or reach.holds(run.site_id)]
        if not seen:
            return Cell(text=say("schedule.no_run"))
        begun = sum(run.came is Came.BEGUN for run in seen)
        text = say("web.schedules.came", begun=begun, sites=len(seen))
        return Cell(text=text, aside=time_words(seen[0].due, kept.row.zone, language), href=f"/schedules/{kept.row.id}#runs")  # fmt: skip

    def when(kept: Kept) -> Cell:
        return Cell(text=when_words(kept.when, language), value=kept.row.cron)

    return [
        Column(key="name", heading=say("web.schedules.name"), is_head=True,
               cell=lambda kept: Cell(text=kept.row.name, href=f"/schedules/{kept.row.id}")),
        Column(key="target", heading=say("web.schedules.target"),
               cell=lambda kept: Cell(text=site_name(kept.target) if kept.row.site_id else kept.target, value=kept.target)),
        Column(key="when", heading=say("web.schedules.when"), cell=when, sorts=False),
        Column(key="next", heading=say("web.schedules.next_one"), sorts=False,
               cell=lambda kept: Cell(text=next(iter(next_words(kept, moment, language, 1)), ""))),
        Column(key="last", heading=say("web.schedules.last"), cell=came, sorts=False),
    ]  # fmt: skip


def _run_columns(asked: Asked) -> list[Column]:
    language, say = asked.language, asked.language.say

    def what(run: Any) -> Cell:
        first, *rest = run_words(run, language)
        return Cell(
            text=first, aside=say("common.comma").join(rest), href=f"/sweeps/{run.sweep}" if run.sweep else None
        )

    def site(run: Any) -> Cell:
        if run.site_id is None:
            return Cell(text=say("schedule.nowhere"))
        return Cell(text=site_name(run.site), value=run.site, href=f"/sites/{run.site_id}")

    return [
        Column(key="due", heading=say("web.schedules.due"), is_head=True,
               cell=lambda run: Cell(text=time_words(run.due, run.zone, language), value=run.due)),
        Column(key="site", heading=say("web.sites.site"), cell=site),
        Column(key="came", heading=say("web.schedules.what"), cell=what, sorts=False),
        Column(key="ended", heading=say("web.schedules.ended"), sorts=False,
               cell=lambda run: Cell(text=language.moment(run.finished_at) if run.came is Came.BEGUN and run.finished_at else "")),
    ]  # fmt: skip
