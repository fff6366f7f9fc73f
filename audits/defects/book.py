"""The defects of a site as people work with them: which to repair first, what became of each, and what they say of it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from heapq import merge
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import rules_of, sweep_row
from audits.defects.cover import Cover, cover_on, today
from audits.defects.effect import Effect, effect_of, impacts, use_of_site
from audits.defects.life import move
from audits.defects.naming import ROOT, hold_names
from db.database import streamed
from db.errors import UsageError
from db.tables import Defect, DefectEvent, Occurrence, Page, Site, Sweep
from db.words import DefectState, Region


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a defect is to be repaired."""

    owner: str | None  # None: nobody is to
    due_on: date | None
    way: str | None


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One defect with where it shows."""

    id: int
    rule: str
    state: DefectState
    region: Region | None
    owner: str | None
    due_on: date | None
    way: str | None
    pages: int  # that showed it when they were last seen
    places: int
    pages_ever: int  # that ever showed it
    counts: bool  # makes problem pages, by the last sweep's rules
    example: str | None  # address of a page that shows it

    @property
    def plan(self) -> Plan:
        """How it is to be repaired."""
        return Plan(owner=self.owner, due_on=self.due_on, way=self.way)


class Order(StrEnum):
    """In which order defects are repaired."""

    CLEAN = "clean"  # each step cleans the most pages
    EFFECT = "effect"  # the most effect for each repair first


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A defect in the order of repair, and what has been reached once it and all before it are repaired."""

    defect: Listed
    effect: Effect
    by_effect: int  # its place, from 1, when the effect of each repair decides
    clean: int  # problem pages that are then without a known fault of level A or AA, but for excepted ones
    excepted: int = 0  # of these, pages that keep an excepted one: problem pages still


@dataclass(frozen=True, kw_only=True)
class Event:
    """A step in the life of a defect."""

    at: datetime
    old: DefectState | None
    new: DefectState
    who: str
    why: str | None
    sweep: int | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page that shows a defect, or did."""

    address: str
    places: int  # 0: not any more
    exception: int | None = None  # the number of the one that covers it


async def site_of(connection: AsyncConnection, address: str) -> int:
    """The site with this start address. Raises UsageError when no sweep has been there."""
    found = await connection.scalar(sa.select(Site.id).where(Site.address.in_((address, f"{address}/"))))
    if found is None:
        raise UsageError(
            ja=f"{address} のサイトはまだ調べていません。jisweep sweeps で調べたサイトを見られます。",
            en=f"No sweep has been to {address}: jisweep sweeps lists the sites.",
        )
    return found


async def address_of(connection: AsyncConnection, site_id: int) -> str:
    """The address that a site starts at."""
    return (await connection.scalars(sa.select(Site.address).where(Site.id == site_id))).one()


async def listed(
    connection: AsyncConnection, site_id: int, states: Collection[DefectState] = (), *, only: int | None = None
) -> list[Listed]:
    """The defects of a site that some page has shown, those on the most pages first; of some states, or of all, or one."""
    shows = Occurrence.places > 0
    example = sa.func.min(sa.case((shows, Page.address), else_=None))
    pages = sa.func.sum(sa.case((shows, 1), else_=0))
    query = (
        sa.select(
            Defect.id, Defect.rule, Defect.state, Defect.region, Defect.owner, Defect.due_on, Defect.way,
            pages, sa.func.sum(Occurrence.places), sa.func.count(), example,
        )
        .join(Occurrence, Occurrence.defect_id == Defect.id)
        .join(Page, Page.id == Occurrence.page_id)
        .where(Defect.site_id == site_id, Defect.merged_into_id.is_(None))
        .group_by(Defect.id)
        .order_by(pages.desc(), sa.func.sum(Occurrence.places).desc(), Defect.id)
    )  # fmt: skip
    if only is not None:
        query = query.where(Defect.id == only)
    if states:
        query = query.where(Defect.state.in_(list(states)))
    rules = await counting(connection, site_id)
    return [
        Listed(
            id=row[0], rule=row[1], state=row[2], region=row[3], owner=row[4], due_on=row[5], way=row[6],
            pages=int(row[7]), places=int(row[8]), pages_ever=row[9], example=row[10], counts=row[1] in rules,
        )
        for row in await connection.execute(query)
    ]  # fmt: skip


async def ranked(
    connection: AsyncConnection, sites: int | Collection[int], day: date | None = None, *,
    order: Order = Order.CLEAN, usage: Sequence[Sequence[Any]] = (),
) -> tuple[int, list[Ranked]]:  # fmt: skip
    """How many pages are known to have a fault that counts, and the defects of one or more sites in the order of repair.

    A page is clean once all of its defects are repaired. In the order that cleans, that defect is taken in each step which most
    pages wait for, a page counting the more the fewer others it waits for. What exceptions cover on a day, or today, is
    not to be repaired: no page waits for it, and the page stays a problem page. `usage` is the traffic to go by, as
    `audits.defects.effect` does; either order has all factors.
    """
    waiting = _Waiting()
    for site in [sites] if isinstance(sites, int) else sites:
        await waiting.read(connection, site, day or today(), usage)
    steps = waiting.by_effect() if order is Order.EFFECT else waiting.by_pages()
    return len(waiting.waits.keys() | waiting.keeps), waiting.reached(steps)


@dataclass(kw_only=True)
class _Waiting:
    """Pages that wait for repairs, of one or more sites."""

    known: dict[int, Listed] = field(default_factory=dict)
    effects: dict[int, Effect] = field(default_factory=dict)
    waits: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # page → its defects
    shown: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # defect → its pages
    keeps: set[int] = field(default_factory=set)  # pages with an excepted one
    of_site: list[list[int]] = field(default_factory=list)  # the defects of each site

    async def read(
        self, connection: AsyncConnection, site_id: int, day: date, usage: Sequence[Sequence[Any]]
    ) -> None:
        """Add a site."""
        known = {each.id: each for each in await listed(connection, site_id) if each.counts and each.pages}
        cover = await cover_on(connection, site_id, day)
        rows = streamed(
            connection,
            sa.select(Occurrence.defect_id, Occurrence.page_id, Page.address)
            .join(Defect, Defect.id == Occurrence.defect_id)
            .join(Page, Page.id == Occurrence.page_id)
            .where(Defect.site_id == site_id, Occurrence.places > 0),
        )
        async for defect, page, address in rows:
            if defect not in known:
                continue
            if cover.of(defect=defect, rule=known[defect].rule, page=page, address=address):
                self.keeps.add(page)
            else:
                self.waits[page].add(defect)
                self.shown[defect].add(page)
        impact, use = await impacts(connection, site_id), await use_of_site(connection, site_id, usage)
        self.of_site.append([defect for defect in known if defect in self.shown])
        for defect, each in known.items():
            if defect in self.shown:
                self.known[defect] = each
                self.effects[defect] = effect_of(each.region, self.shown[defect], impact.get(defect), use)

    def by_effect(self) -> list[int]:
        """The defects, the most effect for each repair first; of equal ones the most effect, then the oldest."""
        worth = {defect: (each.per_repair, each.total) for defect, each in self.effects.items()}
        return sorted(worth, key=lambda each: (*(-round(value, 9) for value in worth[each]), each))

    def by_pages(self) -> list[int]:
        """The defects, in each step that which most pages wait for; no page of a site waits for another site's."""
        return [defect for _, defect in merge(*map(self._cleaning, self.of_site))]

    def _cleaning(self, defects: Sequence[int]) -> Iterator[tuple[float, int]]:
        """The defects of one site, in each step that which most of its pages wait for, with how many do, below 0."""
        ids = sorted(defects)
        if not ids:
            return
        row = {page: place for place, page in enumerate({page for each in ids for page in self.shown[each]})}
        on = [np.fromiter((row[page] for page in self.shown[each]), np.int64) for each in ids]
        pages, of = np.concatenate(on), np.repeat(np.arange(len(ids)), [len(each) for each in on])
        by_page = of[np.argsort(pages, kind="stable")]  # the defects of the first page, of the second …
        sizes = np.bincount(pages)
        ends = np.cumsum(sizes)
        left = sizes.copy()  # defects that each page waits for
        worth = np.bincount(of, 1 / left[pages])
        for _ in ids:
            best = int(np.argmax(np.round(worth, 9)))  # of equal ones the oldest
            yield -round(float(worth[best]), 9), ids[best]
            worth[best] = -np.inf
            waiting = on[best][left[on[best]] > 1]
            before, many = left[waiting], sizes[waiting]
            begins = np.repeat(ends[waiting] - np.cumsum(many), many)
            others = by_page[begins + np.arange(many.sum())]
            worth += np.bincount(others, np.repeat(1 / (before - 1) - 1 / before, many), len(ids))
            left[on[best]] -= 1

    def reached(self, order: Sequence[int]) -> list[Ranked]:
        """What each step of an order reaches."""
        left = {page: len(defects) for page, defects in self.waits.items()}
        place = {defect: rank for rank, defect in enumerate(self.by_effect(), start=1)}
        steps: list[Ranked] = []
        clean = excepted = 0
        for defect in order:
            for page in self.shown[defect]:
                left[page] -= 1
                clean += not left[page]
                excepted += not left[page] and page in self.keeps
            steps.append(
                Ranked(
                    defect=self.known[defect], effect=self.effects[defect], by_effect=place[defect], clean=clean,
                    excepted=excepted,
                )
            )  # fmt: skip
        return steps


async def last_sweep(connection: AsyncConnection, site_id: int) -> int | None:
    """The site's last sweep that was taken in; rechecks are none of the site."""
    taken_in = Sweep.site_id == site_id, Sweep.reconciled_at.is_not(None), ~Sweep.recheck
    return await connection.scalar(sa.select(sa.func.max(Sweep.id)).where(*taken_in))


async def counting(connection: AsyncConnection, site_id: int) -> frozenset[str]:
    """The rules that make problem pages, by the site's last sweep that was taken in."""
    last = await last_sweep(connection, site_id)
    return frozenset(rules_of(await sweep_row(connection, last))) if last is not None else frozenset()


async def one(connection: AsyncConnection, defect_id: int) -> Listed:
    """A defect, by its own number or one that it was known by. Raises UsageError when there is none."""
    row = (await connection.execute(sa.select(Defect.site_id, ROOT).where(Defect.id == defect_id))).one_or_none()
    found = await listed(connection, row[0], only=row[1]) if row else []
    if not found:
        raise no_such(defect_id)
    return found[0]


async def held(connection: AsyncConnection, numbers: Sequence[int]) -> list[Listed]:
    """The defects of some numbers, which nobody merges or splits until the transaction ends. Raises UsageError."""
    mine = sa.select(Defect.site_id).where(Defect.id.in_(numbers)).distinct()
    for site in sorted(await connection.scalars(mine)):
        await hold_names(connection, site)
    return [await one(connection, number) for number in numbers]


def no_such(number: int) -> UsageError:
    """What to say of a number that no defect has."""
    return UsageError(
        ja=f"欠陥 {number} はありません。jisweep defects list URL で一覧を見られます。",
        en=f"There is no defect {number}: jisweep defects list URL lists them.",
    )


async def events(connection: AsyncConnection, defect_id: int) -> list[Event]:
    """The life of a defect, from the first day."""
    rows = await connection.execute(
        sa.select(DefectEvent.at, DefectEvent.old, DefectEvent.new, DefectEvent.who, DefectEvent.why, DefectEvent.sweep_id)
        .where(DefectEvent.defect_id == defect_id)
        .order_by(DefectEvent.id)
    )  # fmt: skip
    return [Event(at=at, old=old, new=new, who=who, why=why, sweep=sweep) for at, old, new, who, why, sweep in rows]


async def pages(connection: AsyncConnection, defect_id: int) -> list[Shown]:
    """The pages that show a defect, those with the most places first, then those that did."""
    rows = (
        await connection.execute(
            sa.select(Page.id, Page.address, Occurrence.places, Defect.rule, Defect.site_id)
            .join(Page, Page.id == Occurrence.page_id)
            .join(Defect, Defect.id == Occurrence.defect_id)
            .where(Occurrence.defect_id == defect_id)
            .order_by(Occurrence.places.desc(), Page.address)
        )
    ).all()
    cover = await cover_on(connection, rows[0].site_id, today()) if rows else Cover()
    return [
        Shown(address=address, places=places, exception=by.id if places and by else None)
        for page, address, places, rule, _ in rows
        for by in [cover.of(defect=defect_id, rule=rule, page=page, address=address)]
    ]


async def plan(connection: AsyncConnection, defect: Listed, who: str, wanted: Plan) -> None:
    """Plan the repair of a defect, or take its plan back. Raises UsageError where its state does not allow that."""
    if defect.state is DefectState.EXCEPTED:
        raise UsageError(
            ja=f"欠陥 {defect.id} は例外にしてあります。計画する前に jisweep defects end-exception で例外をやめてください。",
            en=f"Defect {defect.id} is excepted: end its exception first, with jisweep defects end-exception.",
        )
    if wanted.owner:
        await move(connection, [defect.id], defect.state, DefectState.PLANNED, why=wanted.way, who=who)
    elif defect.state is DefectState.PLANNED:
        await move(connection, [defect.id], defect.state, DefectState.FOUND, why=None, who=who)
    await connection.execute(sa.update(Defect).where(Defect.id == defect.id).values(asdict(wanted)))


async def say_repaired(connection: AsyncConnection, defect: Listed, who: str, why: str | None) -> None:
    """Keep a person's word that a defect is repaired: a sweep will confirm it, or not. Raises UsageError."""
    await move(connection, [defect.id], defect.state, DefectState.REPAIRED, why=why, who=who)
