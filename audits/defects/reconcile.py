"""Reconciling: taking into the defects of a site what a sweep has seen, page by page, and only what has changed.

A page speaks for itself alone, and only of rules that were run on it. What was not seen says nothing: a defect whose
pages were gone, lost or not chosen is unverified, never confirmed. Doing it twice is doing it once, and a sweep that
comes late changes no page that was seen after it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.conclude import sweep_row
from audits.defects.life import before_unverified, move
from crawler.frontier import ROWS
from db.database import insert_new
from db.tables import Defect, DefectEvent, Finding, Look, Occurrence, Result, Sweep, Visit
from db.types import Moment, now
from db.words import DefectState as State
from db.words import Outcome, Reason, Region, SweepState, VisitState

T = TypeVar("T")

REPEATS = 3  # pages from which it is known whether a template or contents show a defect
VARIED = 0.1  # different elements for each page, up to which they are a template's
PAGES = 500  # whose findings are in memory at a time
OPEN = (State.FOUND, State.PLANNED, State.REPAIRED, State.RETURNED)
MOVED_ON = (Reason.REDIRECT, Reason.DUPLICATE)  # the page is another one now
NEWLY_CHECKED = "newly checked"  # why a defect is found that an earlier sweep could not have found
STILL = "still there"  # after somebody said that it was repaired


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A page as a sweep saw it."""

    page: int
    result: int
    at: datetime
    before: int | None  # the result that the defects know


@dataclass(kw_only=True)
class _Change:
    """What became of defects on the pages that look otherwise than before."""

    touched: set[int] = field(default_factory=set)
    came: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # defect → pages that never had it
    went: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # defect → pages that have none now
    first_seen: set[int] = field(default_factory=set)  # pages that no sweep had seen
    other_rules: set[int] = field(default_factory=set)  # pages that were last seen under other rules


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """How many defects came into each state."""

    pages: int  # that looked otherwise than before
    found: int
    newly_checked: int  # of these, how many no sweep could have found before
    confirmed: int
    returned: int
    unverified: int
    still: int  # said to be repaired, and seen again


async def reconcile(connection: AsyncConnection, sweep_id: int) -> Reconciled:
    """Take a sweep into the defects of its site. Raises UsageError when there is no such sweep."""
    sweep = await sweep_row(connection, sweep_id)
    run = Reconciling(connection, sweep, late=await _is_late(connection, sweep))
    found = await run.run()
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(reconciled_at=now()))
    return found


async def _is_late(connection: AsyncConnection, sweep: Sweep) -> bool:
    """Whether a later sweep of the site was taken in already."""
    later = sa.exists().where(Sweep.site_id == sweep.site_id, Sweep.id > sweep.id, Sweep.reconciled_at.is_not(None))
    return bool(await connection.scalar(sa.select(later)))


class Reconciling:
    """One sweep while it is taken in."""

    def __init__(self, connection: AsyncConnection, sweep: Sweep, *, late: bool) -> None:
        self._connection, self._sweep, self._late = connection, sweep, late
        self._rules = _rules_of(sweep)
        self._change = _Change()

    async def run(self) -> Reconciled:
        """Pages first, then what they say of the defects."""
        pages = 0
        await self._move_pages()
        for some in _parts(await self._changed(), PAGES):
            pages += len(some)
            await self._take_in(some)
        await self._look_back()
        await self._know_again()
        await self._learn_regions()
        newborn = await self._newborn()
        checked = await self._mark_newly_checked(newborn)
        counts = await self._move_states()
        return Reconciled(pages=pages, found=len(newborn), newly_checked=checked, **counts)

    # ── pages ──────────────────────────────────────────────────────────────────────────────────────

    def _seen_at(self) -> sa.ColumnElement[Any]:
        """When a page was seen as it is: what was carried was found unchanged when that was decided."""
        if self._sweep.carried_at is None:
            return sa.type_coerce(Visit.audited_at, Moment())
        return sa.case((Visit.carried, sa.literal(self._sweep.carried_at, Moment())), else_=Visit.audited_at)

    def _audited(self) -> tuple[sa.ColumnElement[bool], ...]:
        return Visit.sweep_id == self._sweep.id, Visit.state == VisitState.AUDITED, Visit.result_id.is_not(None)

    async def _changed(self) -> list[_Seen]:
        """The pages with another result than the defects know, unless that one is younger."""
        rows = await self._connection.execute(
            sa.select(Visit.page_id, Visit.result_id, self._seen_at(), Look.result_id, Look.at)
            .outerjoin(Look, Look.page_id == Visit.page_id)
            .where(*self._audited(), sa.or_(Look.result_id.is_(None), Look.result_id != Visit.result_id))
            .order_by(Visit.page_id)
        )
        return [
            _Seen(page=page, result=result or 0, at=at, before=before)
            for page, result, at, before, looked in rows
            if looked is None or at > looked
        ]

    async def _move_pages(self) -> None:
        """A page that now leads to another, which was seen, is that one: what was known of it counts there."""
        target = sa.orm.aliased(Visit)
        if self._late:
            return
        rows = await self._connection.execute(
            sa.select(Occurrence.defect_id, Occurrence.page_id, target.page_id, Occurrence.places, Defect.rule)
            .join(Defect, Defect.id == Occurrence.defect_id)
            .join(Visit, Visit.page_id == Occurrence.page_id)
            .join(target, target.page_id == Visit.leads_to_id)
            .where(
                Visit.sweep_id == self._sweep.id, Visit.reason.in_(MOVED_ON), Occurrence.places > 0,
                target.sweep_id == self._sweep.id, target.state == VisitState.AUDITED,
            )
        )  # fmt: skip
        for defect, page, leads_to, places, rule in rows.all():
            await self._put({(defect, page): 0})
            if rule not in self._rules or not await self._is_known(leads_to):
                there = {"defect_id": defect, "page_id": leads_to, "places": places}
                await self._connection.execute(insert_new(self._connection, Occurrence).values(there))
            self._change.touched.add(defect)

    async def _is_known(self, page: int) -> bool:
        return bool(await self._connection.scalar(sa.select(sa.exists().where(Look.page_id == page))))

    async def _take_in(self, seen: list[_Seen]) -> None:
        """Hold what some pages show now against what was known of them."""
        by_result: dict[int, list[int]] = defaultdict(list)
        for each in seen:
            by_result[each.result].append(each.page)
        pages = [each.page for each in seen]
        shown: dict[tuple[int, int], int] = defaultdict(int)
        for some in _parts(sorted(by_result), ROWS):
            for result, defect, places in await self._connection.execute(_places(some)):
                for page in by_result[result]:
                    shown[defect, page] += places
        known: dict[tuple[int, int], int] = {}
        rules: dict[int, tuple[str, bool]] = {}
        for some in _parts(pages, ROWS):
            rows = await self._connection.execute(
                sa.select(Occurrence.defect_id, Occurrence.page_id, Occurrence.places, Defect.rule, Defect.framed)
                .join(Defect, Defect.id == Occurrence.defect_id)
                .where(Occurrence.page_id.in_(some))
            )
            for defect, page, places, rule, framed in rows:
                known[defect, page] = places
                rules[defect] = rule, bool(framed)
        blind = await self._blind(seen)
        result_of = {each.page: each.result for each in seen}
        for (defect, page), places in known.items():
            if (defect, page) not in shown and places:
                rule, framed = rules[defect]
                if rule not in self._rules or (framed and result_of[page] in blind):
                    continue
                shown[defect, page] = 0
        changed = {key: places for key, places in shown.items() if known.get(key) != places}
        await self._put(changed, known.keys())
        await self._remember(seen, {key: (known.get(key), places) for key, places in changed.items()})

    async def _look_back(self) -> None:
        """What a sweep that comes late shows on pages seen after it was there once: no page has it, or none looked for it."""
        if not self._late:
            return
        later, known_as = sa.orm.aliased(Sweep), sa.func.coalesce(Defect.merged_into_id, Defect.id)
        rows = await self._connection.execute(
            sa.select(known_as, Visit.page_id, Defect.rule, later.id, sa.func.count())
            .join(Look, Look.page_id == Visit.page_id)
            .join(later, later.id == Look.sweep_id)
            .join(Finding, Finding.result_id == Visit.result_id)
            .join(Defect, Defect.id == Finding.defect_id)
            .where(
                *self._audited(), later.id != self._sweep.id, Finding.outcome == Outcome.FAILED,
                ~sa.exists().where(Occurrence.defect_id == known_as, Occurrence.page_id == Visit.page_id),
            )
            .group_by(known_as, Visit.page_id, Defect.rule, later.id)
        )  # fmt: skip
        ran: dict[int, set[str]] = {}
        for defect, page, rule, sweep, places in rows.all():
            if sweep not in ran:
                ran[sweep] = _rules_of(await sweep_row(self._connection, sweep))
            await self._put({(defect, page): 0 if rule in ran[sweep] else places}, ())
            self._change.touched.add(defect)

    async def _blind(self, seen: list[_Seen]) -> set[int]:
        """Results with parts that no rule saw: they say nothing of defects in frames."""
        found: set[int] = set()
        for some in _parts(sorted({each.result for each in seen}), ROWS):
            untested = sa.func.json_array_length(Result.untested) > 0
            found |= set(await self._connection.scalars(sa.select(Result.id).where(Result.id.in_(some), untested)))
        return found

    async def _put(
        self, places: dict[tuple[int, int], int], known: Collection[tuple[int, int]] | None = None
    ) -> None:
        """Write how many places of a defect a page shows; `known` are those that have a row, all when it is None."""
        rows = [(key, {"d": key[0], "p": key[1], "n": count}) for key, count in places.items()]
        added = [row for key, row in rows if known is not None and key not in known]
        if added:
            columns = sa.insert(Occurrence).values(
                defect_id=sa.bindparam("d"), page_id=sa.bindparam("p"), places=sa.bindparam("n")
            )
            await self._connection.execute(columns, added)
        changed = [row for key, row in rows if known is None or key in known]
        if changed:
            mine = Occurrence.defect_id == sa.bindparam("d"), Occurrence.page_id == sa.bindparam("p")
            await self._connection.execute(
                sa.update(Occurrence).where(*mine).values(places=sa.bindparam("n")), changed
            )

    async def _remember(self, seen: list[_Seen], changed: dict[tuple[int, int], tuple[int | None, int]]) -> None:
        change = self._change
        for (defect, page), (before, after) in changed.items():
            change.touched.add(defect)
            if before is None:
                change.came[defect].add(page)
            if before and not after:
                change.went[defect].add(page)
        change.first_seen |= {each.page for each in seen if each.before is None}
        befores = {each.before: each.page for each in seen if each.before is not None}
        for some in _parts(sorted(befores), ROWS):
            other = sa.select(Result.id).where(Result.id.in_(some), Result.rule_set != (self._sweep.rule_set or ""))
            change.other_rules |= {befores[result] for result in await self._connection.scalars(other)}
        for part in _parts(seen, ROWS):
            pages = [each.page for each in part]
            await self._connection.execute(sa.delete(Look).where(Look.page_id.in_(pages)))
            rows = [
                {"page_id": each.page, "result_id": each.result, "sweep_id": self._sweep.id, "at": each.at}
                for each in part
            ]
            await self._connection.execute(sa.insert(Look), rows)

    # ── defects ────────────────────────────────────────────────────────────────────────────────────

    async def _know_again(self) -> None:
        """A defect that has moved within its pages is no other one: same rule, same element, gone here and come there.

        Only where nothing else it could be: one that came for one that went, on the most pages they share.
        """
        came = {defect for defect in self._change.came if await self._has_only(defect, self._change.came[defect])}
        went = {defect for defect in self._change.went if not await self._is_open(defect)}
        shapes: dict[tuple[str, str | None], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for some in _parts(sorted(came | went), ROWS):
            rows = await self._connection.execute(
                sa.select(Defect.id, Defect.rule, Defect.shape).where(
                    Defect.id.in_(some), Defect.shape.is_not(None)
                )
            )
            for defect, rule, shape in rows:
                shapes[rule, shape][defect in went].append(defect)
        for newcomers, gone in shapes.values():
            for newcomer in newcomers:
                shared = {each: len(self._change.came[newcomer] & self._change.went[each]) for each in gone}
                best = max(shared.values(), default=0)
                same = [each for each, pages in shared.items() if pages == best > 0]
                if len(same) == 1:
                    gone.remove(same[0])
                    await self._merge(newcomer, same[0])

    async def _has_only(self, defect: int, pages: Collection[int]) -> bool:
        """Whether a defect was never on any other page: it is one that this sweep has found."""
        known = set(
            await self._connection.scalars(sa.select(Occurrence.page_id).where(Occurrence.defect_id == defect))
        )
        return known <= set(pages)

    async def _is_open(self, defect: int) -> bool:
        there = sa.exists().where(Occurrence.defect_id == defect, Occurrence.places > 0)
        return bool(await self._connection.scalar(sa.select(there)))

    async def _merge(self, newcomer: int, known: int) -> None:
        """Let a newcomer be known as an older defect, from now on and where it was seen."""
        rows = await self._connection.execute(
            sa.select(Occurrence.page_id, Occurrence.places).where(Occurrence.defect_id == newcomer)
        )
        there = await self._connection.scalars(sa.select(Occurrence.page_id).where(Occurrence.defect_id == known))
        await self._put({(known, page): places for page, places in rows}, {(known, page) for page in there})
        await self._connection.execute(sa.delete(Occurrence).where(Occurrence.defect_id == newcomer))
        await self._connection.execute(sa.update(Defect).where(Defect.id == newcomer).values(merged_into_id=known))
        self._change.touched.discard(newcomer)
        self._change.touched.add(known)
        self._change.came.pop(newcomer)

    async def _learn_regions(self) -> None:
        """Tell a template's defects from those of contents, once they show on enough pages: by what repeats there."""
        unknown = sa.select(Defect.id).join(Occurrence, Occurrence.defect_id == Defect.id).where(
            Defect.site_id == self._sweep.site_id, Defect.region.is_(None), Occurrence.places > 0
        ).group_by(Defect.id).having(sa.func.count() >= REPEATS)  # fmt: skip
        defects = list(await self._connection.scalars(unknown))
        for some in _parts(defects, ROWS):
            snippets: dict[int, set[str]] = defaultdict(set)
            pages: dict[int, set[int]] = defaultdict(set)
            known_as = sa.func.coalesce(Defect.merged_into_id, Defect.id)
            rows = await self._connection.stream(
                sa.select(known_as, Look.page_id, Finding.snippet)
                .join(Finding, Finding.defect_id == Defect.id)
                .join(Look, Look.result_id == Finding.result_id)
                .where(known_as.in_(some), Finding.outcome == Outcome.FAILED)
                .distinct()
            )
            async for defect, page, snippet in rows:
                pages[defect].add(page)
                snippets[defect].add(snippet.replace("../", ""))  # one file, seen from deeper folders
            for region in Region:
                mine = [
                    each
                    for each in some
                    if each in pages and _region(len(snippets[each]), len(pages[each])) is region
                ]
                await self._connection.execute(sa.update(Defect).where(Defect.id.in_(mine)).values(region=region))

    async def _newborn(self) -> set[int]:
        """The defects that this sweep has found: all of their pages came with it."""
        return {defect for defect, pages in self._change.came.items() if await self._has_only(defect, pages)}

    async def _mark_newly_checked(self, newborn: set[int]) -> int:
        """Say of defects that no sweep before could have found that they are newly checked, and not new faults."""
        checked = sorted(
            defect for defect in newborn
            if (pages := self._change.came[defect] - self._change.first_seen) and pages <= self._change.other_rules
        )  # fmt: skip
        for some in _parts(checked, ROWS):
            mine = DefectEvent.defect_id.in_(some), DefectEvent.old.is_(None), DefectEvent.new == State.FOUND
            await self._connection.execute(sa.update(DefectEvent).where(*mine).values(why=NEWLY_CHECKED))
        return len(checked)

    async def _move_states(self) -> dict[str, int]:
        """What the pages that were seen say of each defect that may have changed."""
        doubtful = await self._doubtful()
        counts = dict.fromkeys(("confirmed", "returned", "unverified", "still"), 0)
        moves: dict[tuple[State, State, str | None], list[int]] = defaultdict(list)
        for defect, state, seen, open_pages, claimed in await self._standing(self._change.touched | doubtful):
            if not open_pages:
                if state is not State.CONFIRMED:
                    moves[state, State.CONFIRMED, None].append(defect)
            elif seen:
                if state is State.CONFIRMED:
                    moves[state, State.RETURNED, None].append(defect)
                elif state is State.UNVERIFIED:
                    moves[state, State.FOUND, None].append(defect)  # or what it was before, see below
                elif state is State.REPAIRED and claimed:
                    moves[state, State.PLANNED, STILL].append(defect)
            elif state in OPEN and not self._late and self._sweep.state is SweepState.FINISHED:
                moves[state, State.UNVERIFIED, None].append(defect)
        for (old, new, why), defects in moves.items():
            for target, some in (await self._targets(old, new, defects)).items():
                await move(self._connection, some, old, target, why=why, sweep=self._sweep.id)
            key = {State.CONFIRMED: "confirmed", State.RETURNED: "returned", State.UNVERIFIED: "unverified"}.get(
                new
            )
            key = "still" if why == STILL else key
            if key:
                counts[key] += len(defects)
        return counts

    async def _targets(self, old: State, new: State, defects: list[int]) -> dict[State, list[int]]:
        """The states that defects go to: one that is seen again is what it was, one without an owner was never planned."""
        found: dict[State, list[int]] = defaultdict(list)
        if old is State.UNVERIFIED and new is State.FOUND:
            before = await before_unverified(self._connection, defects)
            for defect in defects:
                found[before.get(defect, State.FOUND)].append(defect)
            return found
        if new is State.PLANNED:
            owned: set[int] = set()
            for some in _parts(defects, ROWS):
                with_owner = sa.select(Defect.id).where(Defect.id.in_(some), Defect.owner.is_not(None))
                owned |= set(await self._connection.scalars(with_owner))
            for defect in defects:
                found[State.PLANNED if defect in owned else State.FOUND].append(defect)
            return found
        return {new: defects}

    async def _doubtful(self) -> set[int]:
        """Defects whose state hangs on which of their pages were seen, though no page has changed."""
        visited = sa.select(Visit.page_id).where(*self._audited())
        mine = Defect.site_id == self._sweep.site_id, Defect.merged_into_id.is_(None), Defect.rule.in_(self._rules)
        seen = sa.exists().where(
            Occurrence.defect_id == Defect.id, Occurrence.places > 0, Occurrence.page_id.in_(visited)
        )
        again = sa.select(Defect.id).where(*mine, Defect.state.in_((State.UNVERIFIED, State.REPAIRED)), seen)
        found = set(await self._connection.scalars(again))
        if not self._late and self._sweep.state is SweepState.FINISHED:
            unseen = sa.select(Defect.id).where(*mine, Defect.state.in_(OPEN), ~seen)
            found |= set(await self._connection.scalars(unseen))
        return found

    async def _standing(self, defects: Collection[int]) -> list[tuple[int, State, int, int, bool]]:
        """Defect, state, open pages that this sweep saw, all open pages, and whether they were seen after a claim."""
        seen = sa.case((sa.and_(Occurrence.places > 0, Visit.id.is_not(None)), 1), else_=0)
        latest = sa.func.max(sa.case((Occurrence.places > 0, self._seen_at()), else_=None))
        found: list[tuple[int, State, int, int, bool]] = []
        for some in _parts(sorted(defects), ROWS):
            rows = await self._connection.execute(
                sa.select(
                    Defect.id, Defect.state, Defect.rule, sa.func.sum(seen),
                    sa.func.sum(sa.case((Occurrence.places > 0, 1), else_=0)), latest,
                )
                .join(Occurrence, Occurrence.defect_id == Defect.id)
                .outerjoin(Visit, sa.and_(Visit.page_id == Occurrence.page_id, *self._audited()))
                .where(Defect.id.in_(some), Defect.merged_into_id.is_(None))
                .group_by(Defect.id, Defect.state, Defect.rule)
            )  # fmt: skip
            claims = await self._claims(some)
            for defect, state, rule, seen_pages, open_pages, last in rows.all():
                if rule in self._rules or not open_pages:
                    moment = _moment(last)
                    claimed = defect in claims and moment is not None and moment > claims[defect]
                    found.append((defect, state, int(seen_pages), int(open_pages), claimed))
        return found

    async def _claims(self, defects: Collection[int]) -> dict[int, datetime]:
        """When it was last said of each that it is repaired."""
        rows = await self._connection.execute(
            sa.select(DefectEvent.defect_id, sa.func.max(DefectEvent.at))
            .where(DefectEvent.defect_id.in_(defects), DefectEvent.new == State.REPAIRED)
            .group_by(DefectEvent.defect_id)
        )
        return {defect: moment for defect, at in rows if (moment := _moment(at)) is not None}


def _region(snippets: int, pages: int) -> Region:
    """One and the same element on many pages is its template's; elements that differ from page to page are contents."""
    return Region.TEMPLATE if snippets <= max(1, pages * VARIED) else Region.CONTENT


def _places(results: Collection[int]) -> sa.Select[*tuple[Any, ...]]:
    """Failed places by result and defect, known by the name that it goes by."""
    known_as = sa.func.coalesce(Defect.merged_into_id, Defect.id)
    return (
        sa.select(Finding.result_id, known_as, sa.func.count())
        .join(Defect, Defect.id == Finding.defect_id)
        .where(Finding.result_id.in_(results), Finding.outcome == Outcome.FAILED)
        .group_by(Finding.result_id, known_as)
    )


def _rules_of(sweep: Sweep) -> set[str]:
    """All rules that were run on the pages of a sweep."""
    surveyed = mic.rule_criteria() if sweep.mic else {}
    return {*(sweep.rule_criteria or {}), *(sweep.also_criteria or {}), *surveyed}


def _moment(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _parts(values: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = list(values)
    return (rest[begin : begin + size] for begin in range(0, len(rest), size))
