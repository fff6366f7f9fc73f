"""Merging and splitting by a person: which names of faults are one defect, said with a name and a reason, and remembered.

What a person has said no machine undoes: what is merged stays merged, what is taken back or split is never merged again.
Numbers add up: a place belongs to one defect before and after.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book
from audits.defects.book import Listed
from audits.defects.cover import restate_merged, restate_split, today
from audits.defects.life import before_unverified, move
from audits.defects.naming import ROOT, Parts, hold_names, move_places, names_of, put_together, subtree
from audits.defects.settling import settle
from audits.defects.sight import last_seen, parts
from audits.record import MACHINE
from crawler.address import canonical
from crawler.scope import check_pattern, matches
from db.errors import UsageError
from db.tables import Defect, DefectEvent, Finding, Occurrence, Page, PartPage, Regrouping, Sweep, Visit
from db.types import now
from db.words import DefectState as State
from db.words import Outcome, Regroup, VisitState

MERGED = "merged"  # why a machine moves a defect
SPLIT = "split"


@dataclass(frozen=True, kw_only=True)
class Said:
    """Who says it, and why."""

    who: str
    why: str

    def check(self) -> None:
        """Raises UsageError for what nobody could understand later."""
        if not self.why.strip():
            raise UsageError(ja="--note に理由を書いてください。", en="--note needs the reason in words.")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a person has said of a defect and another."""

    act: Regroup
    defect: int  # that stays
    other: int
    who: str
    why: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row of the table of defects."""

    id: int
    site: int
    rule: str
    root: int
    whole: int | None  # that it is a part of
    framed: bool | None


async def merge(connection: AsyncConnection, said: Said, keep: int, others: Sequence[int]) -> Listed:
    """Make defects one, under the number of the first: the others' numbers go on as names of it. Raises UsageError.

    It keeps its plan and its state. Without an owner it takes over the plan of another that has one; a claim of repair does
    not hold for what nobody claimed.
    """
    said.check()
    await _hold(connection, keep)
    numbers = dict.fromkeys([(await book.one(connection, each)).id for each in (keep, *others)])
    kept, *rest = numbers
    if not rest:
        raise UsageError(ja="合わせる欠陥がもう1つ要ります。", en="Merging needs another defect.")
    await settle(connection, (await _row(connection, kept)).site, today())
    for other in rest:
        await _merge(connection, said, kept, other)
    await settle(connection, (await _row(connection, kept)).site, today(), who=said.who, why=said.why)
    return await book.one(connection, kept)


async def _merge(connection: AsyncConnection, said: Said, kept: int, other: int) -> None:
    mine, theirs = await _row(connection, kept), await _row(connection, other)
    await _check_pair(connection, mine, theirs)
    before, after = await book.one(connection, kept), await book.one(connection, other)
    if before.state is State.CONFIRMED and after.state is not State.CONFIRMED:
        raise UsageError(
            ja=f"欠陥 {kept} は直ったことが確認されています。残っている {other} を先に書いてください。",
            en=f"Defect {kept} is confirmed as repaired: name {other}, which is left, first.",
        )
    await restate_merged(connection, kept, other)
    if theirs.whole is not None:  # by pages; these are the other part's now, or the whole's again
        pages = sa.update(PartPage).where(PartPage.part_id == other)
        await connection.execute(pages.values(part_id=kept))
    await put_together(connection, other, kept)
    await connection.execute(sa.update(Defect).where(Defect.id == other).values(apart=False))
    if before.owner is None and after.owner is not None:
        await connection.execute(
            sa.update(Defect).where(Defect.id == kept).values(owner=after.owner, due_on=after.due_on, way=after.way)
        )
    await _keep(connection, said, Regroup.MERGED, kept, other)
    await _state_after_merging(connection, said, await book.one(connection, kept), after.state)


async def _check_pair(connection: AsyncConnection, mine: _Row, theirs: _Row) -> None:
    """Raises UsageError for defects that cannot be one."""
    if mine.site != theirs.site:
        raise UsageError(
            ja=f"欠陥 {mine.id} と {theirs.id} は別のサイトのものです。",
            en=f"Defects {mine.id} and {theirs.id} are of two sites.",
        )
    if mine.rule != theirs.rule:
        raise UsageError(
            ja=f"欠陥 {mine.id} は {mine.rule}、{theirs.id} は {theirs.rule} の問題です。同じ規則のものだけを合わせられます。",
            en=f"Defect {mine.id} is of {mine.rule}, {theirs.id} of {theirs.rule}: only faults of one rule can be one.",
        )
    of = await Parts.of(connection, mine.site)
    together = theirs.whole is not None and theirs.whole in (mine.id, mine.whole)
    if not together and (len(of.of_whole(mine.id)) > 1 or len(of.of_whole(theirs.id)) > 1):
        raise UsageError(
            ja=f"欠陥 {mine.id} か {theirs.id} はページで分けてあります。分けたものは、もとの欠陥か、同じ欠陥から分けたものとだけ、"
            "もとの番号を先に書いて合わせられます。",
            en=f"Defect {mine.id} or {theirs.id} is split by pages: parts can be merged with one another, or into what they "
            "were split from, whose number goes first.",
        )


async def _state_after_merging(connection: AsyncConnection, said: Said, defect: Listed, other: State) -> None:
    """What a defect is once another belongs to it: unverified only if both are, claimed only if both are."""
    now_is, back = defect.state, State.PLANNED if defect.owner else State.FOUND
    if now_is is State.UNVERIFIED and other not in (State.UNVERIFIED, State.CONFIRMED):
        before = await before_unverified(connection, [defect.id])
        now_is = before.get(defect.id, State.FOUND)
        await move(connection, [defect.id], defect.state, now_is, why=MERGED)
    unclaimed = now_is is State.REPAIRED and other not in (State.REPAIRED, State.CONFIRMED)
    planned = now_is is State.FOUND and defect.owner is not None  # by the plan of the other
    if unclaimed or planned:
        await move(connection, [defect.id], now_is, back, why=said.why, who=said.who)


async def take_back(connection: AsyncConnection, said: Said, name: int) -> Listed:
    """Make a name that is known as a defect one of its own again, for good. Raises UsageError.

    Its places go with it, and the names that came through it. It goes on in the state and with the plan of that defect.
    """
    said.check()
    await _hold(connection, name)
    row = await _row(connection, name)
    if row.root == name or row.whole is not None or await _is_a_renaming(connection, name):
        raise UsageError(
            ja=f"番号 {name} は、ほかの欠陥に合わせた欠陥ではありません。jisweep defects show {row.root} で番号を見られます。"
            "ページで分けるなら --on か --page を書いてください。",
            en=f"Number {name} is no defect that was merged into another: jisweep defects show {row.root} lists them. "
            "To split by pages, give --on or --page.",
        )
    root = row.root
    await settle(connection, row.site, today())
    of = await Parts.of(connection, row.site)
    mine = await subtree(connection, name)
    together = await _lived_together(connection, name, root)
    for defect in sorted(of.of_whole(root)):
        await _take_places(connection, root, defect, name, mine)
    if not await connection.scalar(sa.select(sa.exists().where(Occurrence.defect_id == name))):
        raise UsageError(
            ja=f"番号 {name} の問題が出たページは、記録にありません。",
            en=f"No page is known to have shown number {name} itself.",
        )
    await connection.execute(
        sa.update(Defect)
        .where(Defect.id.in_(mine - {name}), Defect.merged_into_id == root)
        .values(merged_into_id=name)
    )
    await connection.execute(
        sa.update(Defect).where(Defect.id == name).values(merged_into_id=None, through_id=None, apart=True)
    )
    await _go_on_as(connection, root, name, together)
    for defect in sorted(of.of_whole(root)):
        await restate_split(connection, defect, name)
    await _keep(connection, said, Regroup.TAKEN_BACK, root, name)
    await _end_split(connection, row.site, (name, *of.of_whole(root)))
    return await book.one(connection, name)


async def split(
    connection: AsyncConnection, said: Said, number: int, patterns: Sequence[str], pages: Sequence[str]
) -> Listed:
    """Split a defect by pages: on those of the patterns, and on these, it is a defect of its own. Raises UsageError.

    So it is on pages that come later, too. The part goes on in the state and with the plan of the defect.
    """
    said.check()
    wanted = [*patterns, *(f"{canonical(each.strip()) or each}$" for each in pages)]
    for pattern in wanted:
        try:
            check_pattern(pattern)
        except ValueError as error:
            raise UsageError(
                ja=f"--on または --page が読めません: {error}（例: --on '/fukushi/*'）",
                en=f"--on or --page cannot be read: {error}.",
            ) from error
    await _hold(connection, number)
    defect = (await book.one(connection, number)).id
    row = await _row(connection, defect)
    await settle(connection, row.site, today())
    chosen = await _chosen(connection, defect, wanted)
    part = await _add_part(connection, row, wanted)
    whole = row.whole or defect
    for some in parts(chosen):
        await connection.execute(sa.delete(PartPage).where(PartPage.defect_id == whole, PartPage.page_id.in_(some)))
        await connection.execute(
            sa.insert(PartPage), [{"defect_id": whole, "page_id": page, "part_id": part} for page in some]
        )
        await move_places(connection, defect, part, Occurrence.page_id.in_(some))
    await _go_on_as(connection, defect, part)
    await restate_split(connection, defect, part)
    await _keep(connection, said, Regroup.PARTED, defect, part)
    await _end_split(connection, row.site, (defect, part))
    return await book.one(connection, part)


async def told(connection: AsyncConnection, defect: int) -> list[Told]:
    """What people have said of a defect and of the names that it has, in its order."""
    mine = sa.select(Defect.id).where(names_of([defect]))
    rows = await connection.execute(
        sa.select(Regrouping.act, Regrouping.defect_id, Regrouping.other_id, Regrouping.who, Regrouping.why, Regrouping.at)
        .where(sa.or_(Regrouping.defect_id.in_(mine), Regrouping.other_id.in_(mine)))
        .order_by(Regrouping.id)
    )  # fmt: skip
    return [
        Told(act=act, defect=one, other=other, who=who, why=why, at=at) for act, one, other, who, why, at in rows
    ]


async def names(connection: AsyncConnection, defect: int) -> list[int]:
    """The other numbers that a defect is known by."""
    mine = Defect.merged_into_id == defect
    return list(await connection.scalars(sa.select(Defect.id).where(mine).order_by(Defect.id)))


async def known_as(connection: AsyncConnection, site_id: int) -> dict[int, int]:
    """The numbers of a site that go on as names of defects, with these."""
    mine = Defect.site_id == site_id, Defect.merged_into_id.is_not(None)
    return dict((await connection.execute(sa.select(Defect.id, ROOT).where(*mine))).all())


# ── steps ──────────────────────────────────────────────────────────────────────────────────────────


async def _hold(connection: AsyncConnection, defect: int) -> None:
    """Wait for whoever else changes what the names of the site are known as."""
    await hold_names(connection, sa.select(Defect.site_id).where(Defect.id == defect).scalar_subquery())


async def _row(connection: AsyncConnection, number: int) -> _Row:
    """A row by its number. Raises UsageError when there is none."""
    columns = Defect.id, Defect.site_id, Defect.rule, ROOT, Defect.whole_id, Defect.framed
    found = (await connection.execute(sa.select(*columns).where(Defect.id == number))).one_or_none()
    if found is None:
        raise book.no_such(number)
    return _Row(id=found[0], site=found[1], rule=found[2], root=found[3], whole=found[4], framed=found[5])


async def _chosen(connection: AsyncConnection, defect: int, patterns: Sequence[str]) -> list[int]:
    """The pages of a defect that patterns choose. Raises UsageError unless there are some that show it, and others."""
    rows = (
        await connection.execute(
            sa.select(Page.id, Page.address, Occurrence.places)
            .join(Occurrence, Occurrence.page_id == Page.id)
            .where(Occurrence.defect_id == defect)
            .order_by(Page.id)
        )
    ).all()
    chosen = {page for page, address, _ in rows if any(matches(pattern, address) for pattern in patterns)}
    shown = {page for page, _, places in rows if places}
    if not shown & chosen:
        raise UsageError(
            ja=f"欠陥 {defect} の出ているページに、当たるものがありません。jisweep defects show {defect} で見られます。",
            en=f"No page that shows defect {defect} is chosen: jisweep defects show {defect} lists them.",
        )
    if not shown - chosen:
        raise UsageError(
            ja=f"欠陥 {defect} の出ているページが、すべて当たります。分ける残りがありません。",
            en=f"All pages that show defect {defect} are chosen: nothing would be left of it.",
        )
    return sorted(chosen)


async def _add_part(connection: AsyncConnection, row: _Row, patterns: list[str]) -> int:
    """A defect that no fault has the name of, for some pages of another."""
    values = {
        "site_id": row.site, "digest": sha256(uuid4().bytes).hexdigest(), "rule": row.rule, "framed": row.framed,
        "state": State.FOUND, "apart": True, "whole_id": row.whole or row.id, "patterns": patterns,
    }  # fmt: skip
    added: int | None = await connection.scalar(sa.insert(Defect).values(values).returning(Defect.id))
    assert added is not None
    return added


async def _go_on_as(
    connection: AsyncConnection, defect: int, off: int, shared: Collection[int] | None = None
) -> None:
    """Let what was split off go on as what it was split from: its plan, its state, and what led to it.

    Of the events those that were `shared`, or all; where the state differs from its own last one, a step of its own says so. What
    no page shows stays what it was.
    """
    row = (
        await connection.execute(
            sa.select(Defect.state, Defect.owner, Defect.due_on, Defect.way, Defect.region).where(
                Defect.id == defect
            )
        )
    ).one()
    columns = [getattr(DefectEvent, each) for each in ("sweep_id", "old", "new", "who", "why", "at")]
    mine = DefectEvent.defect_id == defect if shared is None else DefectEvent.id.in_(shared)
    copied = sa.select(sa.literal(off), *columns).where(mine).order_by(DefectEvent.id)
    await connection.execute(sa.insert(DefectEvent).from_select(["defect_id", *columns], copied))
    own = sa.select(DefectEvent.new).where(DefectEvent.defect_id == off).order_by(DefectEvent.id.desc()).limit(1)
    last = (await connection.scalars(own)).one()
    shows = sa.exists().where(Occurrence.defect_id == off, Occurrence.places > 0)
    state = row.state if await connection.scalar(sa.select(shows)) else last
    if state is not last:
        step = {"defect_id": off, "old": last, "new": state, "who": MACHINE, "why": SPLIT, "at": now()}
        await connection.execute(sa.insert(DefectEvent).values(step))
    region = sa.func.coalesce(
        Defect.region, sa.literal(row.region, Defect.region.type)
    )  # its own, where it has one
    values = {**row._mapping, "state": state, "region": region}
    await connection.execute(sa.update(Defect).where(Defect.id == off).values(values))


async def _lived_together(connection: AsyncConnection, name: int, root: int) -> list[int]:
    """The events of a defect, and of those that a name came to it through, since the name has belonged to each of them."""
    found: list[int] = []
    while name != root:
        known = sa.select(Defect.through_id, Defect.joined_after).where(Defect.id == name)
        through, after = (await connection.execute(known)).one()
        name = through or root
        mine = DefectEvent.defect_id == name, DefectEvent.old.is_not(None), DefectEvent.id > (after or 0)
        found += await connection.scalars(sa.select(DefectEvent.id).where(*mine))
    return found


async def _keep(connection: AsyncConnection, said: Said, act: Regroup, defect: int, other: int) -> None:
    row = {"defect_id": defect, "other_id": other, "act": act, "who": said.who, "why": said.why, "at": now()}
    await connection.execute(sa.insert(Regrouping).values(row))


async def _end_split(connection: AsyncConnection, site: int, defects: Collection[int]) -> None:
    """Say of a side that no page shows any more that it is confirmed: each of its pages was seen without it."""
    left = sa.exists().where(Occurrence.defect_id == Defect.id, Occurrence.places > 0)
    rows = await connection.execute(
        sa.select(Defect.id, Defect.state).where(Defect.id.in_(defects), Defect.state != State.CONFIRMED, ~left)
    )
    for defect, state in rows.all():
        await move(connection, [defect], state, State.CONFIRMED, why=SPLIT)
    await settle(connection, site, today())


@dataclass(kw_only=True)
class _OnPage:
    """How many places of a defect a page showed, by the names that it has."""

    mine: int = 0  # in the last result that shows the defect, of what is taken back
    unclear: int = 0  # there, by names that may stand for it or for what it was one with
    last_known: int = 0  # of what is taken back, in the last result that shows it
    mine_ever: bool = False
    others_ever: bool = False

    @property
    def taken(self) -> int:
        """What is taken back: as it was last told apart, where it is not any more."""
        return self.mine or min(self.last_known, self.unclear)


async def _take_places(
    connection: AsyncConnection, root: int, defect: int, name: int, mine: Collection[int]
) -> None:
    """Give a name its places of a defect, on each page as the last result that shows the defect has them."""
    there = sa.select(Occurrence.page_id, Occurrence.places).where(Occurrence.defect_id == defect)
    rows = (await connection.execute(there.order_by(Occurrence.page_id))).all()
    for some in parts(rows):
        shown = await _shown(connection, root, [page for page, _ in some], mine)
        for page, places in some:
            each = shown[page]
            if not each.mine_ever:
                continue
            taken = min(each.taken, places)
            row = {"defect_id": name, "page_id": page, "places": taken}
            await connection.execute(sa.insert(Occurrence).values(row))
            left = Occurrence.defect_id == defect, Occurrence.page_id == page
            if each.others_ever or places > taken:
                await connection.execute(sa.update(Occurrence).where(*left).values(places=places - taken))
            else:
                await connection.execute(sa.delete(Occurrence).where(*left))


async def _shown(
    connection: AsyncConnection, root: int, pages: Sequence[int], mine: Collection[int]
) -> dict[int, _OnPage]:
    """What pages showed of a defect, by the results that its defects have taken in, the last one first."""
    unclear = await _unclear(connection, root, mine)
    found: dict[int, _OnPage] = defaultdict(_OnPage)
    seen = last_seen(Visit, Sweep)
    rows = await connection.execute(
        sa.select(Visit.page_id, Visit.id, Finding.defect_id, sa.func.count())
        .join(Sweep, sa.and_(Sweep.id == Visit.sweep_id, Sweep.reconciled_at.is_not(None)))
        .join(Finding, sa.and_(Finding.result_id == Visit.result_id, Finding.outcome == Outcome.FAILED))
        .join(Defect, Defect.id == Finding.defect_id)
        .where(Visit.page_id.in_(pages), Visit.state == VisitState.AUDITED, names_of([root]))
        .group_by(Visit.page_id, Visit.id, Finding.defect_id, seen)
        .order_by(Visit.page_id, seen.desc(), Visit.id.desc())
    )
    last: dict[int, int] = {}  # page → the visit that showed the defect last
    known: dict[int, int] = {}  # page → the one that showed what is taken back last
    for page, visit, defect, places in rows:
        each = found[page]
        is_last = last.setdefault(page, visit) == visit
        if defect in mine:
            each.mine_ever = True
            each.mine += places * is_last
            each.last_known += places * (known.setdefault(page, visit) == visit)
        else:
            each.others_ever = True
            each.unclear += places * (is_last and defect in unclear)
    return found


async def _unclear(connection: AsyncConnection, root: int, mine: Collection[int]) -> set[int]:
    """The names of a newer version of the identity that may stand for what is taken back: it has none of its own."""
    found = sa.exists().where(DefectEvent.defect_id == Defect.id, DefectEvent.old.is_(None))
    renamed = set(await connection.scalars(sa.select(Defect.id).where(names_of([root]), ~found)))
    return set() if renamed & set(mine) else renamed


async def _is_a_renaming(connection: AsyncConnection, name: int) -> bool:
    """Whether nobody has ever found it as a defect: it is a name that a newer version of the identity gave."""
    found = sa.exists().where(DefectEvent.defect_id == name, DefectEvent.old.is_(None))
    return not await connection.scalar(sa.select(found))
