"""The API's resources. Each list comes in parts by `after` and `limit`; what a token does not reach is not there (404)."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from audits import asked as wishes
from audits.conclude import conclude
from audits.defects import book
from audits.recheck import aim_at
from db.tables import Cycle, CycleSite, Defect, DefectEvent, Finding, Occurrence, Organisation, Site, Sweep, Visit
from db.words import DefectState, Done, Outcome, VisitState
from reports import records
from reports.access.rights import May
from reports.access.trail import leave
from reports.api.asking import After, Called, Limit, Number, Of, answered, many, one, site_of
from reports.api.forms import (
    Claim,
    ConclusionForm,
    CycleForm,
    DefectForm,
    DefectPageForm,
    EventForm,
    FindingForm,
    Many,
    OrganisationForm,
    Problem,
    SiteForm,
    SweepForm,
    Taken,
    VisitForm,
    Wish,
)
from reports.publish.streamed import json_text
from reports.summary import as_json
from reports.web.asking import client_of

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}} for status in (400, 401, 403, 404, 422)
}
router = APIRouter(responses=PROBLEMS)


@router.get("/organisations", response_model=Many[OrganisationForm], tags=["sites"])
async def organisations(called: Called, after: After = 0, limit: Limit = 100) -> Response:
    """The organisations that the caller's roles cover; roles on single sites cover none."""
    reach, query = called.rights.reach(May.READ), records.organisations()
    if not reach.everywhere:
        query = query.where(Organisation.id.in_(sorted(reach.organisations)))
    async with called.database.reading() as connection:
        return await many(called, connection, query, Organisation.id, OrganisationForm, after, limit)


@router.get("/sites", response_model=Many[SiteForm], tags=["sites"])
async def sites(called: Called, organisation: Of = None, after: After = 0, limit: Limit = 100) -> Response:
    """The sites that the caller may see, all or those right below an organisation."""
    query = records.sites().where(called.rights.reach(May.READ).within(Site.id))
    if organisation is not None:
        query = query.where(Site.organisation_id == organisation)
    async with called.database.reading() as connection:
        return await many(called, connection, query, Site.id, SiteForm, after, limit)


@router.get("/sweeps", response_model=Many[SweepForm], tags=["sweeps"])
async def sweeps(called: Called, site: Of = None, after: After = 0, limit: Limit = 100) -> Response:
    """The sweeps of the sites that the caller may see, or of one of them."""
    query = records.sweeps().where(called.rights.reach(May.READ).within(Sweep.site_id))
    if site is not None:
        query = query.where(Sweep.site_id == site)
    async with called.database.reading() as connection:
        return await many(called, connection, query, Sweep.id, SweepForm, after, limit)


@router.get("/sweeps/{number}", response_model=ConclusionForm, tags=["sweeps"])
async def sweep(called: Called, number: Number) -> Response:
    """A sweep and what it says of its site."""
    async with called.database.reading() as connection:
        await site_of(called, connection, Sweep.site_id, Sweep.id, number)
        row = await one(connection, records.sweeps().where(Sweep.id == number))
    told = None if row["recheck"] else as_json(await conclude(called.database, number), None)
    return answered(called, ConclusionForm(**row, conclusion=told))


@router.get("/sweeps/{number}/visits", response_model=Many[VisitForm], tags=["sweeps"])
async def visits(
    called: Called, number: Number, state: VisitState | None = None, after: After = 0, limit: Limit = 100
) -> Response:
    """Every address of a sweep: audited, not chosen, or not audited with the reason."""
    async with called.database.reading() as connection:
        await site_of(called, connection, Sweep.site_id, Sweep.id, number)
        query = records.visits(number, await records.counting(connection, number))
        if state is not None:
            query = query.where(Visit.state == state)
        return await many(called, connection, query, Visit.id, VisitForm, after, limit)


@router.get("/sweeps/{number}/findings", response_model=Many[FindingForm], tags=["sweeps"])
async def findings(
    called: Called, number: Number, page: Of = None, rule: Annotated[str | None, Query(max_length=100, pattern="^[\\w-]*$")] = None,
    outcome: Outcome | None = None, after: After = 0, limit: Limit = 100,
) -> Response:  # fmt: skip
    """The places that a sweep found, all or those of a page, a rule or an outcome."""
    async with called.database.reading() as connection:
        await site_of(called, connection, Sweep.site_id, Sweep.id, number)
        query = records.findings(number, await records.counting(connection, number))
        if page is not None:
            query = query.where(Visit.page_id == page)
        if rule is not None:
            query = query.where(Finding.rule == rule)
        if outcome is not None:
            query = query.where(Finding.outcome == outcome)
        return await many(called, connection, query, Finding.id, FindingForm, after, limit)


@router.get("/defects", response_model=Many[DefectForm], tags=["defects"])
async def defects(
    called: Called, site: Of = None, state: DefectState | None = None, after: After = 0, limit: Limit = 100
) -> Response:
    """The defects of the sites that the caller may see, all or those of a site or in a state."""
    query = records.defects().where(called.rights.reach(May.READ).within(Defect.site_id))
    if site is not None:
        query = query.where(Defect.site_id == site)
    if state is not None:
        query = query.where(Defect.state == state)
    async with called.database.reading() as connection:
        return await many(called, connection, query, Defect.id, DefectForm, after, limit)


@router.get("/defects/{number}", response_model=DefectForm, tags=["defects"])
async def defect(called: Called, number: Number) -> Response:
    """A defect; one that went into another is not there: its name is the other's now."""
    async with called.database.reading() as connection:
        await site_of(called, connection, Defect.site_id, Defect.id, number)
        return answered(called, DefectForm(**await one(connection, records.defects().where(Defect.id == number))))


@router.get("/defects/{number}/events", response_model=Many[EventForm], tags=["defects"])
async def events(called: Called, number: Number, after: After = 0, limit: Limit = 100) -> Response:
    """Its life: old and new state, who, when, why."""
    async with called.database.reading() as connection:
        await site_of(called, connection, Defect.site_id, Defect.id, number)
        return await many(called, connection, records.events(number), DefectEvent.id, EventForm, after, limit)


@router.get("/defects/{number}/pages", response_model=Many[DefectPageForm], tags=["defects"])
async def defect_pages(called: Called, number: Number, after: After = 0, limit: Limit = 100) -> Response:
    """The pages that show it, or did."""
    query, key = records.defect_pages(number), Occurrence.page_id
    async with called.database.reading() as connection:
        await site_of(called, connection, Defect.site_id, Defect.id, number)
        return await many(called, connection, query, key, DefectPageForm, after, limit)


@router.post("/defects/{number}/claims", response_model=DefectForm, status_code=201, tags=["defects"])
async def claim(called: Called, number: Number, said: Claim) -> Response:
    """Say that a defect is repaired (scope `claim`); only a sweep confirms it."""
    async with called.database.writing() as connection:
        site = await site_of(called, connection, Defect.site_id, Defect.id, number)
        called.needs(May.CLAIM, site)
        await book.say_repaired(connection, await book.one(connection, number), called.rights.person, said.why)
        await _leave(called, connection, Done.DEFECT_CHANGED, f"/defects/{number}", act="claim")
        row = await one(connection, records.defects().where(Defect.id == number))
    return Response(json_text(row), 201, media_type="application/json")


@router.post("/rechecks", response_model=Taken, status_code=202, tags=["defects"])
async def recheck(called: Called, wish: Wish) -> Response:
    """Have the pages of defects seen again now (scope `recheck`)."""
    async with called.database.writing() as connection:
        for number in wish.defects:
            site = await site_of(called, connection, Defect.site_id, Defect.id, number)
            called.needs(May.RECHECK, site)
        aim = await aim_at(connection, wish.defects)
        taken = await wishes.ask_recheck(connection, aim, called.rights.person)
        await _leave(called, connection, Done.SWEEP_ASKED, f"/sweeps/{taken}", defects=wish.defects)
    return JSONResponse({"sweep": taken}, 202, {"Location": f"/api/v1/sweeps/{taken}"})


@router.get("/cycles", response_model=Many[CycleForm], tags=["cycles"])
async def cycles(called: Called, after: After = 0, limit: Limit = 100) -> Response:
    """The remediation rounds that a site is in which the caller may see."""
    mine = sa.select(CycleSite.cycle_id).where(called.rights.reach(May.READ).within(CycleSite.site_id))
    query = records.cycles().where(Cycle.id.in_(mine))
    async with called.database.reading() as connection:
        return await many(called, connection, query, Cycle.id, CycleForm, after, limit)


async def _leave(called: Called, connection: Any, done: Done, about: str, **details: Any) -> None:
    await leave(
        connection, done, called.rights.name, account=called.rights.account, address=client_of(called.request),
        about=about, by="api", **details,
    )  # fmt: skip
