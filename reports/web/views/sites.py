"""The sites that the reader may see."""

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from audits.defects.naming import KNOWN
from audits.defects.standing import OPEN
from audits.organisations import Tree, shown, tree
from audits.speaking import SPEAKS
from db.tables import Defect, Site, Sweep
from reports.access.rights import May
from reports.web.asking import Asked, Reader
from reports.web.listing import Cell, Column, Listing

router = APIRouter()


@router.get("/sites")
async def sites(asked: Reader) -> Response:
    """All of them in a table."""
    async with asked.reading() as connection:
        organisations = await tree(connection)
    listing = Listing(
        asked=asked, id="sites", caption=asked.language.say("web.sites.caption"), sort="address",
        columns=_columns(asked, organisations), query=_query(asked),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    return asked.page("sites.html", asked.language.say("web.sites.title"), sites=part)


def _query(asked: Asked) -> sa.Select[*tuple[Any, ...]]:
    finished = sa.select(sa.func.max(Sweep.finished_at)).where(Sweep.site_id == Site.id, SPEAKS).scalar_subquery()
    waiting = sa.select(sa.func.count()).where(Defect.site_id == Site.id, Defect.state.in_(OPEN), *KNOWN)
    return sa.select(
        Site.id, Site.address.label("address"), Site.organisation_id, finished.label("finished"),
        waiting.scalar_subquery().label("open"),
    ).where(asked.who.reach(May.READ).within(Site.id))  # fmt: skip


def _columns(asked: Asked, organisations: Tree) -> list[Column]:
    language, say = asked.language, asked.language.say

    def organisation(row: Any) -> Cell:
        node = organisations.nodes.get(row.organisation_id)
        return Cell(text=shown(node.path) if node else say("web.sites.no_organisation"))

    def finished(row: Any) -> Cell:
        at = row.finished
        return Cell(text=language.moment(at), value=at) if at else Cell(text=say("web.sites.never"), value="")

    return [
        Column(
            key="address", heading=say("web.sites.site"), is_head=True,
            cell=lambda row: Cell(text=row.address, href=f"/sites/{row.id}"),
        ),
        Column(key="organisation", heading=say("web.sites.organisation"), sorts=False, cell=organisation),
        Column(key="finished", heading=say("web.sites.sweep"), cell=finished),
        Column(
            key="open", heading=say("web.sites.open"), is_number=True,
            cell=lambda row: Cell(text=language.number(row.open), value=row.open, href=f"/defects?site={row.id}"),
        ),
    ]  # fmt: skip
