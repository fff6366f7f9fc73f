"""One site: its last finished sweep, how it came there, where its problems lie, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from audits.asked import WANTED, ask_sweep, in_the_way
from audits.conclude import conclude, last_finished
from audits.criteria import NAMES
from audits.defects.naming import KNOWN
from audits.defects.standing import OPEN
from audits.health import waiting_of
from audits.organisations import tree
from audits.repeating import check_start, plan_for
from audits.sweep import Plan
from audits.trends.lives import rules_that_count
from audits.trends.trend import trend_of
from crawler.address import origin_of
from crawler.frame import FRAME
from crawler.together import Together
from db.errors import SiteUnreachable, UsageError
from db.tables import Defect, Page, Site, Sweep, Visit
from db.types import now
from db.words import Done, Edition, Level, Method, Reason, ScopeKind, SweepState, VisitState
from reports.access.rights import May
from reports.read import head, scope
from reports.read_coverage import coverage
from reports.site_view import by_reason, edition_name, method_name, site_name, summary
from reports.summary import further
from reports.trend_report import trend_values
from reports.trend_view import Of
from reports.web.addresses import NO_TEMPLATE, Narrowed, addresses, directory, fails_in, rate_href
from reports.web.asking import Asked, Reader, Refused
from reports.web.heat import heat
from reports.web.listing import Cell, Column, Listing
from reports.web.standing import COLUMNS, standing
from reports.web.trail_of_site import crumbs_of, organisations_above
from reports.web.trend_files import trend_files, wants_trend
from reports.web.views.defects import counting

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the form for a new sweep was given."""

    method: str = ""
    pages: str = ""
    edition: str = ""
    level: str = ""
    survey: bool = False


@router.get("/sites/{site_id}")
async def site(asked: Reader, site_id: int) -> Response:
    """All about it."""
    address = await _address(asked, site_id)
    of = Of(name=address, kind="site", sites={site_id: address}, organisations={})
    async with asked.reading() as connection:
        if wants_trend(asked):
            trend = await trend_of(connection, [site_id], alone=True)
            return next(file for listing in trend_files(asked, trend, of) if (file := listing.file()))
        last = await last_finished(connection, site_id)
        organisations = await tree(connection)
        running = await _unfinished(connection, site_id)
        doubted = await waiting_of(connection, site_id)
    shared: dict[str, Any] = {
        "site": site_id, "address": address, "running": running, "doubted": doubted, "may_sweep": asked.who.may(May.SWEEP, site_id),
    }  # fmt: skip
    above, title = organisations_above(asked, organisations, site_id), site_name(address)
    if last is None:
        return asked.page("site_new.html", title, crumbs=above, **shared)
    async with Together() as beside:
        concluding = beside.create_task(conclude(asked.database, last.id, sample=False))
        async with asked.reading() as connection:
            tables = await _tables(asked, connection, last, address)
            if file := next(filter(None, (listing.file() for listing in tables.values())), None):
                return file
            parts = {name: await listing.part(connection) for name, listing in tables.items()}
            told = await head(connection, last.id)
            patterns = await scope(connection, last.id)
            found_by = await coverage(connection, last.id)
            trend = await trend_of(connection, [site_id], alone=True)
            waiting = await _waiting(connection, site_id)
    conclusion = concluding.result()
    methods = {step.point.sweep: step.point.method for step in trend.steps.get(site_id, ())}
    return asked.page(
        "site.html", title, crumbs=above, **shared, tables=parts, last=last, conclusion=conclusion, head=told,
        sentences=summary(conclusion, (), asked.language), lines=further(conclusion, asked.language), coverage=found_by, heat=heat([step.point for step in trend.steps.get(site_id, ())]), waiting=waiting,
        includes=[line for line in patterns if line.kind is ScopeKind.INCLUDE], excludes=by_reason(patterns),
        method=method_name(told, asked.language), edition=edition_name(told, asked.language.lang),
        rate_of=lambda row: rate_href(row.sweep, methods[row.sweep], row.estimate.problem_pages),
        rate_href=rate_href(last.id, last.method, conclusion.estimate.problem_pages) if conclusion.estimate else "",
        **{name: value for name, value in trend_values(trend, of, (), asked.language).items() if name != "title"},
    )  # fmt: skip


@router.get("/sites/{site_id}/begin")
async def form(asked: Reader, site_id: int) -> Response:
    """The form for a new sweep, with what the last one was asked for."""
    address = await _address(asked, site_id, May.SWEEP)
    try:
        plan = await _plan(asked, site_id)
    except UsageError as error:
        return await _form(asked, site_id, address, Wish(), error.line(asked.language.lang), "")
    wish = Wish(
        method=plan.method.value if plan.method else "", pages=str(plan.pages or ""), edition=plan.edition.value,
        level=plan.level.value, survey=plan.survey,
    )  # fmt: skip
    return await _form(asked, site_id, address, wish, "", "")


@router.post("/sites/{site_id}/begin")
async def begin(
    asked: Reader, site_id: int, method: Annotated[str, Form(max_length=20)] = "", pages: Annotated[str, Form(max_length=20)] = "",
    edition: Annotated[str, Form(max_length=20)] = "", level: Annotated[str, Form(max_length=4)] = "",
    survey: Annotated[str, Form(max_length=4)] = "",
) -> Response:  # fmt: skip
    """Have a new sweep begin."""
    address = await _address(asked, site_id, May.SWEEP)
    wish = Wish(method=method, pages=pages.strip(), edition=edition, level=level, survey=bool(survey))
    say = asked.language.say
    if wish.pages and not (wish.pages.isascii() and wish.pages.isdigit() and 0 < int(wish.pages) <= 1_000_000):
        return await _form(asked, site_id, address, wish, say("web.begin.pages_wrong"), "pages")
    try:
        plan = _wished(await _plan(asked, site_id), wish)
        await check_start(asked.database, plan)
        async with asked.writing(
            Done.SWEEP_ASKED, about=f"/sites/{site_id}", method=method, pages=pages
        ) as connection:
            await _refuse_second(connection, site_id)
            begun = await ask_sweep(connection, plan, asked.who.person)
    except (UsageError, SiteUnreachable) as error:
        return await _form(asked, site_id, address, wish, error.line(asked.language.lang), "")
    return RedirectResponse(f"/sweeps/{begun}?done=sweep_asked", 303)


async def _plan(asked: Asked, site_id: int) -> Plan:
    """What a sweep of the site does unless the form says otherwise. Raises UsageError."""
    settings = asked.settings
    return await plan_for(asked.database, site_id, settings.contact, allow_private=settings.allow_private)


def _wished(plan: Plan, wish: Wish) -> Plan:
    """The plan with what the form says instead. Raises Refused for words that the form has not."""
    try:
        method = Method(wish.method) if wish.method else None
        edition, level = Edition(wish.edition), Level(wish.level)
    except ValueError:
        raise Refused(400) from None
    if wish.survey:
        method = Method.ALL
    has_random = method in (None, Method.RANDOM, Method.MIXED)
    return replace(
        plan, method=method, pages=int(wish.pages) if wish.pages and method is not Method.ALL else None, edition=edition, level=level,
        also=plan.also if plan.also is not edition else None, survey=wish.survey, at_random=None,
        stratify=plan.stratify if has_random else None,
    )  # fmt: skip


async def _refuse_second(connection: AsyncConnection, site_id: int) -> None:
    """Raises UsageError when a sweep of the site waits or runs already: a button is easily pressed twice."""
    if (found := await in_the_way(connection, site_id)) is not None:
        raise UsageError(
            ja=f"このサイトの調査 {found} が、もう順番を待っているか実行中です。終わるか止めてから始めてください。",
            en=f"Sweep {found} of this site waits or runs already: begin another when it has ended or was stopped.",
        )


async def _form(asked: Asked, site_id: int, address: str, wish: Wish, error: str, field: str) -> Response:
    async with asked.reading() as connection:
        organisations = await tree(connection)
    lang = asked.language.lang
    return asked.page(
        "site_begin.html", asked.language.say("web.begin.title"), crumbs=crumbs_of(asked, organisations, site_id, address),
        status=400 if error else 200, site=site_id, address=address, wish=wish, error=error, field=field,
        methods=[each.value for each in Method], levels=[each.value for each in Level],
        editions=[(each.value, NAMES[each][lang != "ja"]) for each in Edition],
    )  # fmt: skip


async def _address(asked: Asked, site_id: int, act: May = May.READ) -> str:
    """Where a site starts that the reader may do this with. Raises Refused."""
    if site_id >= 2**31:
        raise Refused(404)
    asked.needs(act, site_id)
    async with asked.reading() as connection:
        found = await connection.scalar(sa.select(Site.address).where(Site.id == site_id))
    if found is None:
        raise Refused(404)
    return found


async def _waiting(connection: AsyncConnection, site_id: int) -> tuple[int, int]:
    """The open defects of a site, and those of them that trends count."""
    left = (Defect.site_id == site_id, Defect.state.in_(OPEN), *KNOWN)
    rules = counting(await rules_that_count(connection, [site_id]))
    counted = sa.select(sa.func.count(), sa.func.sum(sa.case((rules, 1), else_=0))).select_from(Defect)
    every, some = (await connection.execute(counted.where(*left))).one()
    return int(every), int(some or 0)


async def _unfinished(connection: AsyncConnection, site_id: int) -> list[dict[str, Any]]:
    """The sweeps of a site that are not done, the last first."""
    query = sa.select(Sweep.id, Sweep.created_at, *COLUMNS).where(
        Sweep.site_id == site_id, ~Sweep.recheck, sa.or_(Sweep.state != SweepState.FINISHED, WANTED)
    )
    rows = await connection.execute(query.order_by(Sweep.id.desc()).limit(3))
    return [{"id": row.id, "at": row.created_at, "stands": standing(row, now()).value} for row in rows]


async def _tables(asked: Asked, connection: AsyncConnection, last: Sweep, start: str) -> dict[str, Listing]:
    """The tables over the rows of the last finished sweep."""
    dialect = connection.dialect.name
    worst = addresses(
        asked, last, start, Narrowed(show="problem"), dialect, id="worst",
        caption=asked.language.say("web.site.worst_caption"), sort="-places",
    )  # fmt: skip
    kept, grouped = ("address", "places"), await _grouped(connection, last, directory(start, dialect))
    return {
        "worst": replace(worst, columns=[each for each in worst.columns if each.key in kept]),
        "directories": _groups(asked, last, "directories", _rolled(grouped, "directory"), start),
        "templates": _groups(asked, last, "templates", _rolled(grouped, "template"), start),
        "documents": _documents(asked, last, await _kinds(connection, last)),
    }  # fmt: skip


@dataclass(kw_only=True)
class _Group:
    """Pages of the last sweep that are alike."""

    name: str | int | None
    example: str  # the first of their addresses
    pages: int = 0
    audited: int = 0
    problem: int = 0


async def _grouped(connection: AsyncConnection, last: Sweep, of: sa.ColumnElement[str]) -> Sequence[Any]:
    """Pages, audited and problem pages of the last sweep by directory and template."""
    audited = Visit.state == VisitState.AUDITED
    pages = (
        sa.select(
            of.label("directory"), Visit.template, sa.case((audited, 1), else_=0).label("audited"),
            sa.case((sa.and_(audited, fails_in()), 1), else_=0).label("problem"), Page.address,
        )
        .select_from(Visit)
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.sweep_id == last.id, Visit.state.in_(FRAME))
        .subquery()
    )  # fmt: skip
    counted = sa.select(
        pages.c.directory, pages.c.template, sa.func.count().label("pages"), sa.func.sum(pages.c.audited).label("audited"),
        sa.func.sum(pages.c.problem).label("problem"), sa.func.min(pages.c.address).label("example"),
    ).group_by(pages.c.directory, pages.c.template)  # fmt: skip
    return (await connection.execute(counted)).all()


def _rolled(grouped: Sequence[Any], key: str) -> list[_Group]:
    """The same by one of the two, in its order."""
    found: dict[str | int | None, _Group] = {}
    for row in grouped:
        name = getattr(row, key)
        group = found.setdefault(name, _Group(name=name, example=row.example))
        group.example = min(group.example, row.example)
        group.pages += row.pages
        group.audited += int(row.audited)
        group.problem += int(row.problem)
    return sorted(found.values(), key=lambda group: (group.name is not None, group.name))


def _groups(asked: Asked, last: Sweep, id: str, rows: Sequence[_Group], start: str) -> Listing:
    """Directories or templates with their pages; every number leads to the rows behind it."""
    language, say = asked.language, asked.language.say
    own, param = origin_of(start), {"directories": "directory", "templates": "template"}[id]

    def name(row: Any) -> Cell:
        if row.name is None:
            return Cell(text=say("web.site.no_template"))
        if param == "directory":
            return Cell(text=str(row.name).removeprefix(own), value=row.name)
        return Cell(text=say("sample.of_template", number=str(row.name)), value=row.name, aside=row.example)

    def number(show: str, value: int, row: Any, kind: str = "") -> Cell:
        like = NO_TEMPLATE if row.name is None else row.name
        href = f"/sweeps/{last.id}/addresses?{urlencode({'show': show, param: like})}"
        return Cell(text=language.number(value), value=value, href=href if value else None, kind=kind)

    def share(row: Any) -> Cell:
        if not row.audited:
            return Cell(text=say("web.site.none_audited"), value="")
        return Cell(
            text=language.share(row.problem / row.audited), value=round(row.problem / row.audited, 4),
            aside=say("number.of", part=int(row.problem), whole=int(row.audited)),
        )  # fmt: skip

    return Listing(
        asked=asked, id=id, caption=say(f"web.site.{id}_caption"), sort="-problem", rows=rows,
        columns=[
            Column(key="name", heading=say(f"web.site.{param}"), is_head=True, cell=name, by=lambda row: row.name),
            Column(key="pages", heading=say("web.site.pages"), is_number=True,
                   cell=lambda row: number("pages", int(row.pages), row)),
            Column(key="audited", heading=say("web.sweep.show.audited"), is_number=True,
                   cell=lambda row: number("audited", int(row.audited), row)),
            Column(key="problem", heading=say("web.sweep.show.problem"), is_number=True,
                   cell=lambda row: number("problem", int(row.problem), row, "bad" if row.problem else "")),
            Column(key="share", heading=say("site.problem_rate"), is_number=True, cell=share,
                   by=lambda row: row.problem / row.audited if row.audited else None),
        ],
    )  # fmt: skip


async def _kinds(connection: AsyncConnection, last: Sweep) -> list[Any]:
    """The documents of the last sweep by what their server calls them."""
    query = (
        sa.select(
            Visit.content_type.label("name"),
            sa.func.count().label("files"),
            sa.func.sum(Visit.size).label("bytes"),
        )
        .where(
            Visit.sweep_id == last.id, Visit.state == VisitState.UNAUDITED, Visit.reason == Reason.NOT_HTML
        )
        .group_by(Visit.content_type)
    )  # fmt: skip
    return list((await connection.execute(query)).all())


def _documents(asked: Asked, last: Sweep, rows: list[Any]) -> Listing:
    language, say = asked.language, asked.language.say

    def href(row: Any) -> str:
        return f"/sweeps/{last.id}/addresses?{urlencode({'show': Reason.NOT_HTML.value, 'type': row.name or ''})}"

    return Listing(
        asked=asked, id="documents", caption=say("web.site.documents_caption"), sort="-files", rows=rows,
        columns=[
            Column(key="name", heading=say("documents_csv.content_type"), is_head=True,
                   cell=lambda row: Cell(text=row.name or say("web.site.no_type"))),
            Column(key="files", heading=say("web.site.files"), is_number=True,
                   cell=lambda row: Cell(text=language.number(row.files), value=row.files, href=href(row))),
            Column(key="bytes", heading=say("documents_csv.size"), is_number=True,
                   cell=lambda row: Cell(text="" if row.bytes is None else language.number(int(row.bytes)),
                                         value="" if row.bytes is None else int(row.bytes))),
        ],
    )  # fmt: skip
