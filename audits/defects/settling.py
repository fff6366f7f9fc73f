"""Settling: a defect is excepted as long as exceptions cover every page that shows it, and no day longer."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.cover import Cover, cover_on, today
from audits.defects.life import move
from audits.defects.standing import OPEN
from audits.record import MACHINE
from db.database import Database, streamed
from db.tables import Defect, Exemption, Occurrence, Page
from db.words import DefectState as State

ENDED = "exception ended"
UNCOVERED = "shown where no exception holds"
COVERABLE = (*OPEN, State.UNVERIFIED)


@dataclass(kw_only=True)
class _Covered:
    """A defect as exceptions cover it."""

    state: State
    owned: bool  # somebody is to repair it
    bare: int = 0  # pages that show it and that no exception covers
    by: dict[int, Exemption] = field(default_factory=dict)

    @property
    def wholly(self) -> bool:
        return bool(self.by) and not self.bare


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change of state that exceptions, or their end, make of a defect."""

    old: State
    new: State
    who: str
    why: str


async def settle(
    connection: AsyncConnection, site_id: int, day: date, *, who: str = MACHINE, why: str | None = None
) -> int:
    """Give the defects of a site the states that its exceptions make of them on a day; returns how many have changed.

    Who says an exception, or agrees to one that was proposed, takes defects into it, also those that come up later. They leave it by the machine or, when a
    person ends it, by that one: `who`, with what was said.
    """
    steps = await due(connection, site_id, day)
    together: dict[Step, list[int]] = defaultdict(list)
    for defect, step in steps.items():
        together[step].append(defect)
    for step, defects in together.items():
        if step.old is State.EXCEPTED and who != MACHINE:
            await move(connection, defects, step.old, step.new, why=why or step.why, who=who)
        else:
            await move(connection, defects, step.old, step.new, why=step.why, who=step.who)
    return len(steps)


async def due(connection: AsyncConnection, site_id: int, day: date) -> dict[int, Step]:
    """The steps that settling takes, by defect."""
    cover = await cover_on(connection, site_id, day)
    found = await _covered(connection, site_id, cover)
    return {defect: step for defect, each in found.items() if (step := _step(each))}


async def settle_all(database: Database) -> None:
    """End what exceptions have ended by now, on all sites."""
    day = today()
    async with database.reading() as connection:
        sites = [site for site in await sites_with_exceptions(connection) if await due(connection, site, day)]
    if sites:
        async with database.writing() as connection:
            for site in sites:
                await settle(connection, site, day)


class Daily:
    """Settles all sites once a day: exceptions end with a day, and nothing is to be shown before that is settled."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._settling = asyncio.Lock()

    async def settled(self, database: Database) -> None:
        """Have today's exceptions settled, once however many ask for it at a time."""
        async with self._settling:
            if self._day != (day := today()):
                await settle_all(database)
                self._day = day


async def sites_with_exceptions(connection: AsyncConnection) -> list[int]:
    """The sites that have, or have had, any exception."""
    return list(await connection.scalars(sa.select(Exemption.site_id).distinct().order_by(Exemption.site_id)))


def _step(each: _Covered) -> Step | None:
    if each.wholly and each.state is not State.EXCEPTED:
        last = each.by[max(each.by)]  # the one that has closed the last gap
        who = last.reviewed_by if last.proposed else last.person
        return Step(old=each.state, new=State.EXCEPTED, who=who or last.person, why=last.text)
    if each.state is State.EXCEPTED and not each.wholly:
        back = State.PLANNED if each.owned else State.FOUND
        return Step(old=each.state, new=back, who=MACHINE, why=UNCOVERED if each.by else ENDED)
    return None


async def _covered(connection: AsyncConnection, site_id: int, cover: Cover) -> dict[int, _Covered]:
    """The excepted defects of a site, and those that an exception covers somewhere."""
    named = sa.or_(Defect.id.in_(cover.defects), Defect.rule.in_(cover.rules))
    concerned = sa.or_(Defect.state == State.EXCEPTED, sa.and_(Defect.state.in_(COVERABLE), named))
    rows = streamed(
        connection,
        sa.select(Defect.id, Defect.state, Defect.owner, Defect.rule, Occurrence.page_id, Page.address)
        .join(Occurrence, sa.and_(Occurrence.defect_id == Defect.id, Occurrence.places > 0))
        .join(Page, Page.id == Occurrence.page_id)
        .where(Defect.site_id == site_id, Defect.merged_into_id.is_(None), concerned),
    )
    found: dict[int, _Covered] = {}
    async for defect, state, owner, rule, page, address in rows:
        each = found.setdefault(defect, _Covered(state=state, owned=owner is not None))
        by = cover.all_of(defect=defect, rule=rule, page=page, address=address)
        each.by |= {exemption.id: exemption for exemption in by}
        each.bare += not by
    return found
