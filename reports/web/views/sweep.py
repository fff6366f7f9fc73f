"""One sweep or recheck: how far it has come, what has no result and why, and what may be done about it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, RedirectResponse, Response

from audits.asked import ask_again, ask_stop, ask_sweep
from audits.conclude import conclude, sweep_row
from audits.health import Checkup
from audits.keeping.lost import lost_of
from audits.organisations import tree
from audits.recheck import aim_of
from audits.repeating import plan_like
from audits.speaking import COUNTING
from audits.trust import accept, reject
from crawler.sample import left_out_of
from db.tables import Defect, Draw, Page, Site, Sweep, Visit
from db.types import now
from db.words import TRANSIENT, Done, Kept, SweepState, Trust, VisitState
from reports.access.rights import May
from reports.health_view import doubts, facts, verdict
from reports.left_out import left_out_lines
from reports.page_view import text_of
from reports.progress import pace_lately, read_progress, window_closed
from reports.progress import progress_line as line_of
from reports.read import head, states
from reports.site_view import edition_name, engine_name, method_name, site_name
from reports.summary import as_json, further
from reports.web.addresses import TRIED_AGAIN, Narrowed, addresses, rate_href
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.standing import Standing, standing
from reports.web.trail_of_site import crumbs_of

router = APIRouter()
Text = Annotated[str, Form(max_length=4000)]
DECISIONS = {"accepted": accept, "rejected": reject}


@router.get("/sweeps/{sweep_id}")
async def sweep(asked: Reader, sweep_id: int) -> Response:
    """All about it."""
    row = await _seen(asked, sweep_id)
    values = await _progress(asked, row)
    async with asked.reading() as connection:
        told = await head(connection, sweep_id)
        counts = await states(connection, sweep_id)
        organisations = await tree(connection)
        retried = await connection.scalar(sa.select(sa.func.count()).where(Visit.sweep_id == sweep_id, TRIED_AGAIN))
        defects = await _aimed_at(connection, row, asked) if row.recheck else []
        reasons = await _reasons(connection, sweep_id)
        lost = await lost_of(connection, sweep_id)
    conclusion = None
    if not row.recheck and row.state in (SweepState.AUDITING, SweepState.FINISHED):
        conclusion = await conclude(asked.database, sweep_id, sample=False)
    waiting = counts.get(VisitState.FOUND, 0) + counts.get(VisitState.SELECTED, 0)
    return asked.page(
        "sweep.html", _title(asked, row, told.site), crumbs=crumbs_of(asked, organisations, row.site_id, told.site),
        row=row, head=told, conclusion=conclusion, lines=further(conclusion, asked.language) if conclusion else [],
        reasons=reasons, is_worth_trying=any(each.reason in TRANSIENT for each in reasons), not_chosen=counts.get(VisitState.NOT_CHOSEN, 0), waiting=waiting, retried=retried or 0,
        lost=lost, report_gone=bool(lost.keys() - {Kept.PICTURES}), total=sum(counts.values()), audited=counts.get(VisitState.AUDITED, 0), defects=defects,
        edition=edition_name(told, asked.language.lang), engine=engine_name(told, asked.language),
        method=method_name(told, asked.language), may_sweep=asked.who.may(May.SWEEP, row.site_id),
        live=values["stands"].moves, rate_href=rate_href, **values,
        health=_health(conclusion.health, asked) if conclusion else None,
        may_decide=asked.who.may(May.SWEEP, row.site_id) and row.trust is Trust.SUSPECT and row.state is SweepState.FINISHED,
    )  # fmt: skip


@router.get("/sweeps/{sweep_id}/progress")
async def progress(asked: Reader, sweep_id: int) -> Response:
    """The part of the page that moves, for the script that keeps it up to date."""
    row = await _seen(asked, sweep_id)
    return asked.page("sweep_progress.html", "", row=row, **await _progress(asked, row))


@router.get("/sweeps/{sweep_id}/addresses")
async def rows(asked: Reader, sweep_id: int) -> Response:
    """Its addresses, those that are asked for."""
    row = await _seen(asked, sweep_id)
    narrowed = Narrowed.asked(asked)
    async with asked.reading() as connection:
        start = (await connection.scalars(sa.select(Site.address).where(Site.id == row.site_id))).one()
        organisations = await tree(connection)
        listing = addresses(asked, row, start, narrowed, connection.dialect.name)
        if file := listing.file():
            return file
        part = await listing.part(connection)
    crumbs = (*crumbs_of(asked, organisations, row.site_id, start), _crumb(asked, row))
    return asked.page(
        "sweep_addresses.html", narrowed.said(asked.language), crumbs=crumbs, addresses=part, row=row, narrowed=narrowed
    )  # fmt: skip


@router.get("/sweeps/{sweep_id}/sample")
async def sample(asked: Reader, sweep_id: int) -> Response:
    """How its pages were chosen, which, and what the sample lacks."""
    row = await _seen(asked, sweep_id)
    listing = _sample_listing(asked, row)
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        told = await head(connection, sweep_id)
        organisations = await tree(connection)
        part = await listing.part(connection)
        lacks = left_out_lines(await left_out_of(connection, row, told.site), asked.language)
    crumbs = (*crumbs_of(asked, organisations, row.site_id, told.site), _crumb(asked, row))
    return asked.page(
        "sweep_sample.html", asked.language.say("sample.title"), crumbs=crumbs, sample=part, head=told, row=row,
        method=method_name(told, asked.language), left_out=lacks,
    )  # fmt: skip


@router.get("/sweeps/{sweep_id}/summary.json")
async def summary(asked: Reader, sweep_id: int) -> Response:
    """The same numbers as `jisweep report --json` prints. Raises UsageError for a recheck."""
    row = await _seen(asked, sweep_id)
    found = as_json(await conclude(asked.database, row.id), None)
    return JSONResponse(found, headers={"Content-Disposition": f'attachment; filename="sweep-{row.id}.json"'})


@router.post("/sweeps/{sweep_id}/stop")
async def stop(asked: Reader, sweep_id: int) -> Response:
    """Have it stop after the pages in hand."""
    await _seen(asked, sweep_id, May.SWEEP)
    async with asked.writing(Done.SWEEP_STOPPED, about=f"/sweeps/{sweep_id}") as connection:
        await ask_stop(connection, sweep_id)
    return RedirectResponse(f"/sweeps/{sweep_id}?done=stop_asked", 303)


@router.post("/sweeps/{sweep_id}/resume")
async def resume(asked: Reader, sweep_id: int) -> Response:
    """Have it go on, or try its lost pages again."""
    await _seen(asked, sweep_id, May.SWEEP)
    async with asked.writing(Done.SWEEP_ASKED, about=f"/sweeps/{sweep_id}", act="resumed") as connection:
        await ask_again(connection, sweep_id, asked.who.person)
    return RedirectResponse(f"/sweeps/{sweep_id}?done=sweep_asked", 303)


@router.post("/sweeps/{sweep_id}/repeat")
async def repeat(asked: Reader, sweep_id: int) -> Response:
    """Begin another one by the same plan. Raises UsageError for what cannot be repeated from here."""
    await _seen(asked, sweep_id, May.SWEEP)
    plan = await plan_like(asked.database, sweep_id, asked.settings.contact)
    async with asked.writing(Done.SWEEP_ASKED, about=f"/sweeps/{sweep_id}", act="repeated") as connection:
        begun = await ask_sweep(connection, plan, asked.who.person)
    return RedirectResponse(f"/sweeps/{begun}?done=sweep_asked", 303)


@router.post("/sweeps/{sweep_id}/decide")
async def decide(asked: Reader, sweep_id: int, word: Text = "", why: Text = "") -> Response:
    """Say that a suspect sweep counts all the same, or that it never does. Raises UsageError for any other, and without a reason."""
    await _seen(asked, sweep_id, May.SWEEP)
    if word not in DECISIONS:
        raise Refused(400)
    async with asked.writing(Done.SWEEP_DECIDED, about=f"/sweeps/{sweep_id}", act=word) as connection:
        await DECISIONS[word](connection, sweep_id, asked.who.person, why)
    return RedirectResponse(f"/sweeps/{sweep_id}?done=sweep_{word}", 303)


def _health(found: Checkup | None, asked: Asked) -> dict[str, Any] | None:
    """What the page says of it."""
    if found is None:
        return None
    language = asked.language
    return {
        "verdict": verdict(found, language), "doubts": doubts(found, language), "facts": facts(found, language),
        "counts": found.trust in COUNTING, "against": found.against,
    }  # fmt: skip


async def _seen(asked: Asked, sweep_id: int, act: May = May.READ) -> Sweep:
    """The row of a sweep that the reader may do this with. Raises Refused."""
    if sweep_id >= 2**31:
        raise Refused(404)
    async with asked.reading() as connection:
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep_id))
        if site is None:
            raise Refused(404)
        asked.needs(act, site)
        return await sweep_row(connection, sweep_id)


def _title(asked: Asked, row: Sweep, site: str) -> str:
    key = "web.sweep.recheck_title" if row.recheck else "web.sweep.title"
    return asked.language.say(key, number=str(row.id), site=site_name(site))


def _crumb(asked: Asked, row: Sweep) -> Crumb:
    return Crumb(name=asked.language.say("web.sweep.short", number=str(row.id)), href=f"/sweeps/{row.id}")


async def _progress(asked: Asked, row: Sweep) -> dict[str, Any]:
    """What the moving part shows."""
    moment, language = now(), asked.language
    stands = standing(row, moment)
    async with asked.reading() as connection:
        reading = await read_progress(connection, row.id)
        auditing = row.state is SweepState.AUDITING and stands in (Standing.RUNNING, Standing.STOPPING)
        pace = await pace_lately(connection, row.id, moment) if auditing else 0.0
    line = "" if row.state is SweepState.FINISHED else line_of(reading, pace, language.lang)
    closed = window_closed(reading.window, datetime.now(UTC), language.lang) if stands.moves else ""
    halted = (row.halted or {}).get(language.lang, "") if stands is Standing.HALTED else ""
    return {"stands": stands, "reading": reading, "line": line, "closed": closed, "halted": halted}


async def _reasons(connection: AsyncConnection, sweep_id: int) -> Sequence[Any]:
    """How many addresses have no result for which reason, the most first."""
    number = sa.func.count().label("number")
    query = sa.select(Visit.reason, number).where(
        Visit.sweep_id == sweep_id, Visit.state == VisitState.UNAUDITED, Visit.reason.is_not(None)
    )
    found = (await connection.execute(query.group_by(Visit.reason))).all()
    return sorted(found, key=lambda row: (-row.number, row.reason.value))


async def _aimed_at(connection: AsyncConnection, row: Sweep, asked: Asked) -> list[dict[str, Any]]:
    """The defects that a recheck was begun for: as they were, and as they are."""
    aim, before = aim_of(row)
    query = sa.select(Defect.id, Defect.rule, Defect.state).where(Defect.id.in_(sorted(aim.pages)))
    return [
        {
            **asdict(text_of(each.rule, asked.language.lang)), "id": each.id, "now": each.state,
            "before": before.get(each.id, each.state), "pages": len(aim.pages[each.id]),
        }
        for each in await connection.execute(query.order_by(Defect.id))
    ]  # fmt: skip


def _sample_listing(asked: Asked, row: Sweep) -> Listing:
    language, say = asked.language, asked.language.say
    query = (
        sa.select(
            Page.id, Page.address.label("address"), Visit.title.label("title"), Draw.part.label("part"), Draw.rank.label("rank"),
            Draw.why, Draw.added_by, Draw.stratum.label("stratum"), Visit.state.label("state"), Visit.reason,
        )
        .join(Visit, Visit.id == Draw.visit_id)
        .join(Page, Page.id == Visit.page_id)
        .where(Draw.sweep_id == row.id)
    )  # fmt: skip

    def result(each: Any) -> Cell:
        if each.state is VisitState.AUDITED:
            return Cell(text=say("visit_state.audited"), href=f"/pages/{each.id}?sweep={row.id}")
        return Cell(text=say(f"reason.{each.reason.value}" if each.reason else f"visit_state.{each.state.value}"))

    return Listing(
        asked=asked, id="sample", caption=say("web.sweep.sample_caption"), sort="rank", query=query,
        last=(Draw.__table__.c.part, Draw.__table__.c.id),
        columns=[
            Column(key="rank", heading=say("sample.rank"), is_number=True, cell=lambda each: Cell(
                text=language.number(each.rank), value=each.rank)),
            Column(key="part", heading=say("web.sweep.part"), cell=lambda each: Cell(
                text=say(f"web.sweep.part_of.{each.part.value}"))),
            Column(key="address", heading=say("sample.address"), is_head=True, cell=lambda each: Cell(
                text=each.title or each.address, aside=each.address if each.title else "", value=each.address,
                href=each.address, outside=True)),
            Column(key="why", heading=say("sample.why"), sorts=False, cell=lambda each: Cell(
                text=language.stands_for(each.why, each.added_by) if each.why else language.stratum(each.stratum))),
            Column(key="state", heading=say("sample.result"), cell=result),
        ],
    )  # fmt: skip
