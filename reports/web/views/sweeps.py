"""All sweeps and rechecks that the reader may see."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from audits.organisations import tree
from audits.trends.kept import HOLDS, told_complete
from db.tables import KeptPoint, Site, Sweep, Visit
from db.types import now
from db.words import Trust, VisitState
from reports.access.rights import May
from reports.site_view import site_name
from reports.web.asking import Asked, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.standing import COLUMNS, standing
from reports.web.trail_of_site import crumbs_of

router = APIRouter()


@router.get("/sweeps")
async def sweeps(asked: Reader) -> Response:
    """The last first."""
    listing = sweeps_listing(asked, asked.who.reach(May.READ).within(Sweep.site_id))
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    return asked.page("sweeps.html", asked.language.say("web.sweeps.title"), sweeps=part)


@router.get("/sites/{site_id}/sweeps")
async def sweeps_of_site(asked: Reader, site_id: int) -> Response:
    """Those of one site."""
    if site_id >= 2**31:
        raise Refused(404)
    asked.needs(May.READ, site_id)
    listing = sweeps_listing(asked, Sweep.site_id == site_id)
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        address = await connection.scalar(sa.select(Site.address).where(Site.id == site_id))
        if address is None:
            raise Refused(404)
        crumbs = crumbs_of(asked, await tree(connection), site_id, address)
        part = await listing.part(connection)
    return asked.page("sweeps.html", asked.language.say("web.site.sweeps"), crumbs=crumbs, sweeps=part)


def sweeps_listing(asked: Asked, condition: sa.ColumnElement[bool]) -> Listing:
    """The sweeps of which a condition holds."""
    audited = (
        sa.select(sa.func.count())
        .where(Visit.sweep_id == Sweep.id, Visit.state == VisitState.AUDITED)
        .scalar_subquery()
    )
    query = (
        sa.select(
            Sweep.id.label("id"), Sweep.site_id, Site.address.label("site"), Sweep.recheck.label("kind"), Sweep.method,
            Sweep.created_at.label("begun"), audited.label("audited"), Sweep.asked_by.label("asked_by"),
            Sweep.finished_at.label("ended"), Sweep.trust, KeptPoint.told, *COLUMNS,
        )
        .join(Site, Site.id == Sweep.site_id)
        .outerjoin(KeptPoint, HOLDS)
        .where(condition)
    )  # fmt: skip
    return Listing(
        asked=asked, id="sweeps", caption=asked.language.say("web.sweeps.caption"), sort="-id", query=query,
        count=sa.select(sa.func.count()).select_from(Sweep).where(condition), columns=_columns(asked),
    )  # fmt: skip


def _columns(asked: Asked) -> list[Column]:
    language, say, moment = asked.language, asked.language.say, now()

    def when(at: datetime | None) -> Cell:
        return Cell(text=language.moment(at), value=at) if at else Cell(text="", value="")

    def state(row: Any) -> Cell:
        stands = standing(row, moment)
        doubted = row.trust in (Trust.SUSPECT, Trust.ACCEPTED, Trust.REJECTED)
        said = [say(f"health.state.{row.trust.value}")] if doubted else []
        if row.told is not None and not told_complete(row.told):
            said.append(say("trend.incomplete"))  # that it has ended says nothing of what has no result
        step = " / ".join(said) if stands == "finished" else say(f"state.{row.state.value}")
        return Cell(text=say(f"web.sweep.standing.{stands.value}"), aside=step)

    def kind(row: Any) -> Cell:
        if row.kind:
            return Cell(text=say("web.sweeps.recheck"))
        return Cell(text=say("web.sweeps.sweep"), aside=say(f"method.{row.method.value if row.method else 'none'}"))

    def audited(row: Any) -> Cell:
        aside = say("web.site.audited_of", audited=row.audited, known=row.told["known"]) if row.told else ""
        href = f"/sweeps/{row.id}/addresses?show=audited"
        return Cell(text=language.number(row.audited), value=row.audited, aside=aside, href=href)

    return [
        Column(
            key="id", heading=say("conditions.sweep"), is_number=True, is_head=True,
            cell=lambda row: Cell(text=str(row.id), value=row.id, href=f"/sweeps/{row.id}"),
        ),
        Column(
            key="site", heading=say("web.sites.site"),
            cell=lambda row: Cell(text=site_name(row.site), value=row.site, href=f"/sites/{row.site_id}"),
        ),
        Column(key="kind", heading=say("web.sweeps.kind"), cell=kind),
        Column(key="state", heading=say("web.sweeps.state"), cell=state, is_told=True),
        Column(
            key="audited", heading=say("web.sweep.show.audited"), is_number=True, is_told=True, cell=audited,
        ),
        Column(key="begun", heading=say("web.sweeps.begun"), cell=lambda row: when(row.begun)),
        Column(key="ended", heading=say("web.sweeps.ended"), cell=lambda row: when(row.ended)),
        Column(
            key="asked_by", heading=say("web.sweeps.asked_by"),
            cell=lambda row: Cell(text=row.asked_by or say("web.sweeps.terminal")),
        ),
    ]  # fmt: skip
