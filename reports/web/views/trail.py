"""The audit trail: who did what, when, from where; by person, act and day."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from audits.keeping.record import totals
from db.tables import Account, Trail
from db.words import Done, Kept
from reports.access.rights import May
from reports.language import TOKYO
from reports.web.asking import Asked, Reader, local
from reports.web.listing import Cell, Column, Listing
from reports.web.views.administration import way

router = APIRouter()


@router.get("/administration/trail")
async def trail(
    asked: Reader, who: str = "", act: str = "", since: str = "", until: str = "", about: str = ""
) -> Response:
    """The lines that fit, the latest first. What cannot be read as a day does not narrow."""
    asked.needs(May.ADMINISTER)
    say = asked.language.say
    listing = Listing(
        asked=asked, id="trail", caption=say("web.trail.caption"), sort="-at", last=(Trail.id.desc(),),
        columns=_columns(asked), query=_query(who, act, since, until, about),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
        gone = (await totals(connection)).get(Kept.TRAIL)
    chosen = {"who": who, "act": act, "since": since, "until": until, "about": about}
    return asked.page(
        "trail.html",
        say("web.trail.title"),
        crumbs=way(asked),
        trail=part,
        chosen=chosen,
        acts=list(Done),
        gone=gone,
    )


def _query(who: str, act: str, since: str, until: str, about: str) -> sa.Select[*tuple[Any, ...]]:
    query = sa.select(
        Trail.at.label("at"), Trail.who.label("who"), Account.person.label("person"), Trail.done.label("act"),
        Trail.about.label("about"), Trail.details, Trail.address.label("address"),
    ).join(Account, Account.id == Trail.account_id, isouter=True)  # fmt: skip
    if who := " ".join(who.split()):
        query = query.where(
            sa.or_(Trail.who.icontains(who, autoescape=True), Account.person.icontains(who, autoescape=True))
        )
    if act in set(Done):
        query = query.where(Trail.done == Done(act))
    if about:
        query = query.where(Trail.about == about)
    if begins := _midnight(since):
        query = query.where(Trail.at >= begins)
    if ends := _midnight(until):
        query = query.where(Trail.at < ends + timedelta(days=1))
    return query


def _midnight(day: str) -> datetime | None:
    """The beginning of a day in Tokyo; None for what is no day that a person means."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return datetime.combine(found, time(), TOKYO) if 2000 <= found.year < 2200 else None


def _columns(asked: Asked) -> list[Column]:
    language, say = asked.language, asked.language.say

    def about(row: Any) -> Cell:
        href = row.about if row.about and local(row.about) == row.about else None
        return Cell(text=row.about or say("web.trail.nothing"), value=row.about or "", href=href)

    return [
        Column(
            key="at", heading=say("web.trail.at"), is_head=True,
            cell=lambda row: Cell(text=language.moment(row.at), value=row.at),
        ),
        Column(
            key="who", heading=say("web.trail.who"),
            cell=lambda row: Cell(text=row.who, aside=row.person or ""),
        ),
        Column(
            key="act", heading=say("web.trail.act"),
            cell=lambda row: Cell(text=language.say(f"web.trail.done.{row.act.value}")),
        ),
        Column(key="about", heading=say("web.trail.about"), cell=about),
        Column(
            key="details", heading=say("web.trail.details"), sorts=False,
            cell=lambda row: Cell(text=_told(asked, row.details) or say("web.trail.nothing"), value=_raw(row.details)),
        ),
        Column(
            key="address", heading=say("web.trail.address"),
            cell=lambda row: Cell(text=row.address or say("web.trail.nothing"), value=row.address or ""),
        ),
    ]  # fmt: skip


def _told(asked: Asked, details: dict[str, Any]) -> str:
    """Details in words, where there are words for them."""
    language = asked.language

    def value(found: Any) -> str:
        if isinstance(found, list):
            return language.say("common.comma").join(map(value, found))
        return language.word("web.trail.acts", found) if isinstance(found, str) else json.dumps(found)

    told = (
        f"{language.word('web.trail.names', name)}{language.say('common.colon')}{value(found)}"
        for name, found in details.items()
    )
    return language.say("common.comma").join(told)


def _raw(details: dict[str, Any]) -> str:
    return json.dumps(details, ensure_ascii=False) if details else ""
