"""Administration: where it leads, and the state of the installation."""

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from audits.machine import examine_kept
from db.tables import Account, Organisation, Site, Trail
from reports.access.rights import May
from reports.web.asking import Asked, Crumb, Reader

router = APIRouter()
HOME = "/administration"


def way(asked: Asked, *more: Crumb) -> tuple[Crumb, ...]:
    """The steps from the start of administration."""
    return (Crumb(name=asked.language.say("web.nav.administration"), href=HOME), *more)


@router.get("/administration")
async def administration(asked: Reader) -> Response:
    """Its parts, with how much there is of each, as far as the reader may go."""
    administers = asked.who.may(May.ADMINISTER)
    if not administers:
        asked.needs(May.CONFIGURE)
    async with asked.reading() as connection:
        mine = asked.who.reach(May.CONFIGURE).within(Site.id)
        sites = await connection.scalar(sa.select(sa.func.count()).select_from(Site).where(mine))
        organisations = await connection.scalar(sa.select(sa.func.count()).select_from(Organisation))
        counts = {"sites": sites, "organisations": organisations}
        if administers:
            open_ones = sa.select(sa.func.count()).where(Account.closed_at.is_(None))
            counts["accounts"] = await connection.scalar(open_ones)
            counts["trail"] = await connection.scalar(sa.select(sa.func.count()).select_from(Trail))
    state = await examine_kept(asked.settings.database) if administers else []
    return asked.page(
        "administration.html", asked.language.say("web.nav.administration"), counts=counts, state=state,
        administers=administers, everywhere=may_import(asked),
    )  # fmt: skip


def may_import(asked: Asked) -> bool:
    """Whether the reader may take in tables, which may name any site."""
    return asked.who.reach(May.CONFIGURE).everywhere
