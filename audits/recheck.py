"""A recheck: the pages of certain defects are audited again, now, and what they show moves the defects.

It is a sweep of its own over pages that somebody chose for their faults: it says nothing of the site, so no rate, no report and
no comparison is made from it, and a page that it did not see is neither clean nor unverified.
"""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic, sweep
from audits.conclude import last_finished, sweep_row
from audits.defects import book
from audits.defects.book import Listed
from audits.defects.naming import KNOWN as KNOWN_DEFECTS
from audits.defects.naming import ROOT
from audits.defects.reconcile import reconcile
from audits.defects.sight import parts, rules_run
from audits.work import Tools
from crawler.address import canonical
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, Look, Occurrence, Page, ScopeRule, Sweep, Visit
from db.types import now
from db.words import DefectState, FoundBy, Reason, Region, SweepState, VisitState

FIRST = 5  # pages of a fault in a template that are looked at before all the others
LIKE_BEFORE = (
    "edition", "also", "level", "settings", "viewport_width", "viewport_height", "locale", "timezone", "reader",
)  # fmt: skip
KNOWN = (
    "content_type", "body_digest", "wording", "notice", "closed_roots", "template", "title", "shape", "http_status",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What is to be rechecked: defects of one site, and the pages to see for each."""

    site: int
    pages: dict[int, list[int]]  # defect → pages

    def as_row(self, before: Mapping[int, DefectState]) -> dict[str, Any]:
        """The form that a recheck's `aim` column keeps, with the states that the defects had."""
        pages = {str(defect): found for defect, found in self.pages.items()}
        return {"pages": pages, "before": {str(defect): state.value for defect, state in before.items()}}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A page of a recheck."""

    address: str
    audited: bool
    reason: Reason | None  # why not
    detail: str | None
    places: int  # of the defects in question that it showed
    moved_to: str | None  # the page of the recheck that it is now

    @property
    def is_told(self) -> bool:
        """Whether it was seen, or is not there or has moved, and no defect waits for it any more."""
        elsewhere = self.reason is Reason.NOT_FOUND or self.moved_to is not None
        return self.audited or (elsewhere and not self.places)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A defect before and after a recheck."""

    defect: Listed
    before: DefectState
    checked: bool  # its rule ran
    seen: int  # of its pages, how many the recheck saw
    showing: int  # of these, how many show it


async def aim_at(connection: AsyncConnection, targets: Sequence[int | str]) -> Aim:
    """The defects and pages that targets name: numbers of defects, addresses of pages. Raises UsageError.

    A page stands for all defects that it is known to show. A defect that no page shows any more is looked for where it was.
    """
    wanted: dict[int, list[int]] = {}
    sites: set[int] = set()
    for target in targets:
        if isinstance(target, int):
            defect = await book.one(connection, target)
            wanted[defect.id] = await _pages_of(connection, defect.id)
            sites |= set(await connection.scalars(sa.select(Defect.site_id).where(Defect.id == defect.id)))
        else:
            site, page = await _page(connection, target)
            sites.add(site)
            for each in await _shown_on(connection, page):
                if page not in wanted.setdefault(each, []):
                    wanted[each].append(page)
    return Aim(site=_only(sites), pages=wanted)


async def aim_at_page(connection: AsyncConnection, page: int) -> Aim:
    """All defects that a page shows, on this page alone. Raises UsageError when it shows none."""
    site = await connection.scalar(sa.select(Page.site_id).where(Page.id == page))
    assert site is not None
    return Aim(site=site, pages={each: [page] for each in await _shown_on(connection, page)})


def aim_of(sweep: Sweep) -> tuple[Aim, dict[int, DefectState]]:
    """What a recheck was begun for, and the states that its defects had then."""
    kept = sweep.aim or {"pages": {}, "before": {}}
    before = {int(defect): DefectState(state) for defect, state in kept["before"].items()}
    return Aim(site=sweep.site_id, pages={int(defect): pages for defect, pages in kept["pages"].items()}), before


async def aim_at_repaired(connection: AsyncConnection, site: int, owner: str | None = None) -> Aim | None:
    """All defects of a site of which somebody said that they are repaired; `owner`: only what this one is to repair."""
    return await _aim_at_all(connection, site, owner, Defect.state == DefectState.REPAIRED)


async def aim_at_plan(connection: AsyncConnection, site: int, owner: str | None = None) -> Aim | None:
    """All defects of a site that are planned, or said to be repaired, and neither confirmed nor excepted; None when there is none."""
    planned = sa.or_(Defect.owner.is_not(None), Defect.state == DefectState.REPAIRED)
    done = DefectState.CONFIRMED, DefectState.EXCEPTED
    return await _aim_at_all(connection, site, owner, planned, Defect.state.not_in(done))


async def _aim_at_all(
    connection: AsyncConnection, site: int, owner: str | None, *which: sa.ColumnElement[bool]
) -> Aim | None:
    mine = (*which, Defect.owner == owner) if owner is not None else which
    query = sa.select(Defect.id).where(Defect.site_id == site, *KNOWN_DEFECTS, *mine)
    found = list(await connection.scalars(query.order_by(Defect.id)))
    return Aim(site=site, pages={each: await _pages_of(connection, each) for each in found}) if found else None


async def first_look(connection: AsyncConnection, aim: Aim, seed: int) -> list[int]:
    """The pages to see first: of a fault in a template some that are drawn, of any other all."""
    chosen: set[int] = set()
    region: dict[int, Region | None] = {}
    for some in parts(sorted(aim.pages)):
        rows = await connection.execute(sa.select(Defect.id, Defect.region).where(Defect.id.in_(some)))
        region |= dict(rows.all())
    for defect, pages in aim.pages.items():
        drawn = region[defect] is Region.TEMPLATE and len(pages) > FIRST
        chosen |= set(random.Random(f"{seed} {defect}").sample(pages, FIRST) if drawn else pages)
    return sorted(chosen)


async def _known_as(connection: AsyncConnection, defects: Collection[int]) -> dict[int, int]:
    """The numbers that defects go by now."""
    found: dict[int, int] = {}
    for some in parts(sorted(defects)):
        found |= dict((await connection.execute(sa.select(Defect.id, ROOT).where(Defect.id.in_(some)))).all())
    return found


async def _pages_now(connection: AsyncConnection, aim: Aim) -> dict[int, list[int]]:
    """The defects in question by the numbers that they go by now, with the pages to see for each."""
    known_as = await _known_as(connection, aim.pages)
    found: dict[int, list[int]] = {}
    for defect, pages in sorted(aim.pages.items()):
        mine = found.setdefault(known_as[defect], [])
        mine += [page for page in pages if page not in mine]
    return found


async def left_to_see(connection: AsyncConnection, sweep_id: int, aim: Aim) -> list[int]:
    """The pages that are worth a look after the first: those of defects that none of the pages seen has shown.

    Where no page was there, one that was seen without the defect: does the site answer at all? And where pages have moved to.
    """
    seen = set(await connection.scalars(_audited(sweep_id)))
    asked = set(await connection.scalars(sa.select(Visit.page_id).where(Visit.sweep_id == sweep_id)))
    missing = Visit.sweep_id == sweep_id, Visit.reason == Reason.NOT_FOUND
    alone = not seen and await connection.scalar(sa.select(sa.exists().where(*missing)))
    left: set[int] = set()
    for defect, pages in (await _pages_now(connection, aim)).items():
        showing = set(await _pages_showing(connection, defect)) & seen
        if not showing:
            left |= set(pages) - asked
        if alone and not left:
            left |= set((await _pages_ever(connection, defect, Occurrence.places == 0))[:1]) - asked
    left |= {*(await _moved_to(connection, sweep_id)).values()} - asked
    return sorted(left)


async def begin_recheck(connection: AsyncConnection, aim: Aim, seed: int) -> int:
    """Write the rows of a recheck that meets the site as its last sweep did; returns its id. Raises UsageError."""
    before = await last_finished(connection, aim.site)
    if before is None:
        raise UsageError(
            ja="このサイトには終わったスイープがまだありません。jisweep resume で終えてから確かめてください。",
            en="No sweep of this site has finished yet: finish one with jisweep resume first.",
        )
    surveyed = await connection.scalar(
        sa.select(sa.func.count()).where(Defect.id.in_(list(aim.pages)), Defect.rule.startswith(mic.PREFIX))
    )
    moment = now()
    sweep_id = await connection.scalar(
        sa.insert(Sweep)
        .values(
            **{name: getattr(before, name) for name in LIKE_BEFORE},
            site_id=aim.site,
            state=SweepState.AUDITING,
            recheck=True,
            aim=aim.as_row(await states(connection, aim)),
            mic=mic.VERSION if before.mic or surveyed else None,
            seed=seed,
            traffic=[],
            depth=0,
            created_at=moment,
            explored_at=moment,
            chosen_at=moment,
        )
        .returning(Sweep.id)
    )
    assert isinstance(sweep_id, int)
    rules = await connection.execute(
        sa.select(ScopeRule.kind, ScopeRule.pattern, ScopeRule.reason)
        .where(ScopeRule.sweep_id == before.id)
        .order_by(ScopeRule.id)
    )
    copied = [{"sweep_id": sweep_id, **row} for row in rules.mappings()]
    if copied:
        await connection.execute(sa.insert(ScopeRule), copied)
    return sweep_id


async def choose_pages(connection: AsyncConnection, sweep_id: int, pages: Sequence[int]) -> None:
    """Have a recheck see some pages, with what the last sweep that read them knows of each."""
    for some in parts(pages):
        latest = (
            sa.select(sa.func.max(Visit.id))
            .where(Visit.page_id.in_(some), Visit.body_digest.is_not(None), Visit.sweep_id != sweep_id)
            .group_by(Visit.page_id)
        )
        columns = [getattr(Visit, name) for name in KNOWN]
        rows = await connection.execute(sa.select(Visit.page_id, *columns).where(Visit.id.in_(latest)))
        known = {row["page_id"]: dict(row) for row in rows.mappings()}
        visits = [
            {
                **dict.fromkeys(KNOWN), "closed_roots": False, "page_id": page, **known.get(page, {}),
                "sweep_id": sweep_id, "state": VisitState.SELECTED, "found_by": FoundBy.SEED, "in_sitemap": False, "kinds": [], "depth": 0,
                "tries": 0,
            }
            for page in some
        ]  # fmt: skip
        await connection.execute(sa.insert(Visit), visits)
    await connection.execute(
        sa.update(Sweep).where(Sweep.id == sweep_id).values(state=SweepState.AUDITING, finished_at=None)
    )


async def run(
    database: Database,
    sweep_id: int,
    aim: Aim,
    tools: Tools,
    stopping: asyncio.Event,
    *,
    since: datetime | None = None,
) -> bool:
    """See the pages that were chosen, and the others of a fault that none of these shows; False when stopped before.

    The defects take in what was seen either way. Who asks after `since`, by default from now on, that it stop is heeded.
    """
    since = since or now()
    while await sweep.run(database, sweep_id, tools, stopping, since=since):
        async with database.writing() as connection:
            left = await left_to_see(connection, sweep_id, aim)
            if not left:
                return True
            await choose_pages(connection, sweep_id, left)
    async with database.writing() as connection:
        await reconcile(connection, sweep_id)
    return False


async def seen(connection: AsyncConnection, sweep_id: int, aim: Aim) -> list[Seen]:
    """What became of each page, those that were lost first; call it once the recheck was reconciled."""
    shown: dict[int, int] = {}
    for some in parts(sorted(await _pages_now(connection, aim))):
        rows = await connection.execute(
            sa.select(Occurrence.page_id, sa.func.sum(Occurrence.places))
            .where(Occurrence.defect_id.in_(some))
            .group_by(Occurrence.page_id)
        )
        for page, places in rows:
            shown[page] = shown.get(page, 0) + int(places)
    target = sa.orm.aliased(Page)
    visits = await connection.execute(
        sa.select(Visit.page_id, Page.address, Visit.state, Visit.reason, Visit.detail, target.address.label("to"))
        .join(Page, Page.id == Visit.page_id)
        .outerjoin(target, target.id == Visit.leads_to_id)
        .where(Visit.sweep_id == sweep_id)
        .order_by(sa.case((Visit.state == VisitState.AUDITED, 1), else_=0), Page.address)
    )
    return [
        Seen(
            address=row.address, audited=row.state is VisitState.AUDITED, reason=row.reason, detail=row.detail,
            places=shown.get(row.page_id, 0), moved_to=row.to,
        )
        for row in visits
    ]  # fmt: skip


async def moved(
    connection: AsyncConnection, sweep_id: int, aim: Aim, before: Mapping[int, DefectState]
) -> list[Moved]:
    """Each defect as the recheck left it; call it once that was reconciled."""
    ran = rules_run(await sweep_row(connection, sweep_id))
    visited = set(await connection.scalars(_audited(sweep_id)))
    known_as = await _known_as(connection, before)
    was = {known_as[number]: state for number, state in before.items()}  # what is one with another since
    was |= before
    moved_to = await _moved_to(connection, sweep_id)
    found: list[Moved] = []
    for number, pages in (await _pages_now(connection, aim)).items():
        defect = await book.one(connection, number)
        showing = set(await _pages_showing(connection, defect.id))
        mine = showing | {moved_to.get(page, page) for page in pages}
        found.append(
            Moved(
                defect=defect, before=was.get(number, defect.state), checked=defect.rule in ran,
                seen=len(visited & mine), showing=len(visited & showing),
            )
        )  # fmt: skip
    return found


async def states(connection: AsyncConnection, aim: Aim) -> dict[int, DefectState]:
    """The states of the defects in question."""
    found: dict[int, DefectState] = {}
    for some in parts(sorted(aim.pages)):
        rows = await connection.execute(sa.select(Defect.id, Defect.state).where(Defect.id.in_(some)))
        found |= dict(rows.all())
    return found


async def _moved_to(connection: AsyncConnection, sweep_id: int) -> dict[int, int]:
    """The pages of a recheck that are another page now, which it sees, too."""
    rows = await connection.execute(sa.select(Visit.page_id, Visit.leads_to_id).where(Visit.sweep_id == sweep_id))
    return {page: leads_to for page, leads_to in rows if leads_to is not None}


def _audited(sweep_id: int) -> sa.Select[*tuple[int]]:
    return sa.select(Visit.page_id).where(Visit.sweep_id == sweep_id, Visit.state == VisitState.AUDITED)


async def _pages_showing(connection: AsyncConnection, defect: int) -> list[int]:
    shows = sa.select(Occurrence.page_id).where(Occurrence.defect_id == defect, Occurrence.places > 0)
    return list(await connection.scalars(shows.order_by(Occurrence.page_id)))


async def _pages_of(connection: AsyncConnection, defect: int) -> list[int]:
    """The pages that show a defect; where it was, when none shows it any more."""
    showing = await _pages_showing(connection, defect)
    if showing:
        return showing
    return await _pages_ever(connection, defect)


async def _pages_ever(connection: AsyncConnection, defect: int, *which: sa.ColumnElement[bool]) -> list[int]:
    ever = sa.select(Occurrence.page_id).where(Occurrence.defect_id == defect, *which).order_by(Occurrence.page_id)
    return list(await connection.scalars(ever))


async def _page(connection: AsyncConnection, address: str) -> tuple[int, int]:
    """The site and the page with an address. Raises UsageError for one that no sweep has seen, or several sites know."""
    spelled = {address, canonical(address) or address}
    rows = await connection.execute(
        sa.select(Page.site_id, Page.id).join(Look, Look.page_id == Page.id).where(Page.address.in_(spelled))
    )
    found = rows.all()
    if len(found) == 1:
        return found[0].site_id, found[0].id
    if found:
        raise UsageError(
            ja=f"{address} は複数のサイトに含まれます。欠陥の番号を指定してください。",
            en=f"{address} belongs to several sites: name defects by their numbers instead.",
        )
    raise UsageError(
        ja=f"{address} は、まだどのスイープも検査していません。jisweep page で一度だけ検査できます。",
        en=f"No sweep has audited {address} yet: jisweep page audits a page once.",
    )


async def _shown_on(connection: AsyncConnection, page: int) -> list[int]:
    """The defects that a page shows. Raises UsageError when it shows none: there is nothing to recheck."""
    found = list(
        await connection.scalars(
            sa.select(Occurrence.defect_id).where(Occurrence.page_id == page, Occurrence.places > 0)
        )
    )
    if not found:
        raise UsageError(
            ja="このページには、残っている欠陥がありません。次のスイープが新しい問題を探します。",
            en="This page shows no defect that is left: the next sweep looks for new ones.",
        )
    return found


def _only(sites: set[int]) -> int:
    if len(sites) != 1:
        raise UsageError(
            ja="一度に確かめられるのは、一つのサイトの欠陥とページだけです。",
            en="One recheck looks at defects and pages of one site only.",
        )
    return next(iter(sites))
