"""Reconciling: taking into the defects of a site what a sweep has seen, page by page, and only what has changed.

A page speaks for itself alone, and only of rules that were run on it. What was not seen says nothing: a defect whose
pages were gone, lost or not chosen is unverified, never confirmed. Doing it twice is doing it once, and a sweep that
comes late changes no page that was seen after it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import sweep_row
from audits.defects.cover import restate_merged, today
from audits.defects.leaving import let_go, returned_since
from audits.defects.moving import moved_on
from audits.defects.naming import KNOWN_AS, Parts, hold_names, names_of, parted, put_together
from audits.defects.region import learn_regions
from audits.defects.settling import settle
from audits.defects.sight import last_seen, parts, rules_run, seen_at, seen_in
from audits.defects.spots import spots_in, still_standing, words_of
from audits.defects.standing import Standings
from audits.defects.versions import followed_up, goes_on_first
from audits.engine import own_rules
from audits.speaking import is_trusted
from db.database import insert_new
from db.errors import UsageError
from db.tables import Defect, DefectEvent, Finding, Look, Occurrence, PartPage, Result, Sweep, Visit
from db.types import now
from db.words import DefectState as State
from db.words import Outcome, VisitState

PAGES = 500  # whose findings are in memory at a time
SAID = 200  # pages of a defect whose words are compared
NEWLY_CHECKED = "newly checked"  # why a defect is found that an earlier sweep could not have found


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
    stands: dict[tuple[int, int], dict[int, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )  # defect and what stands in its place now → pages, with how many places
    first_seen: set[int] = field(default_factory=set)  # pages that no sweep had seen
    other_rules: set[int] = field(default_factory=set)  # pages that were last seen under other rules
    own_alike: set[int] = field(default_factory=set)  # of these, where the rules of the sweep's own edition had run


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


async def reconcile(connection: AsyncConnection, sweep_id: int, day: date | None = None) -> Reconciled:
    """Take a sweep into the defects of its site, with the exceptions of a day, or of today.

    Raises UsageError when there is no such sweep, and for one that does not count (audits.health).
    """
    sweep = await sweep_row(connection, sweep_id)
    if not is_trusted(sweep):
        raise UsageError(
            ja=f"スイープ {sweep_id} は、疑わしいか数えないとされたもので、欠陥には反映しません。jisweep health {sweep_id} で確かめられます。",
            en=f"Sweep {sweep_id} is suspect or was rejected, so it moves no defects: jisweep health {sweep_id} says why.",
        )
    day = day or today()
    await hold_names(connection, sweep.site_id)
    await settle(connection, sweep.site_id, day)  # what has ended is seen, or not seen, as any other
    run = Reconciling(connection, sweep, late=await _is_late(connection, sweep))
    found = await run.run()
    await settle(connection, sweep.site_id, day)  # what came up where an exception holds, or where none does
    await connection.execute(sa.update(Sweep).where(Sweep.id == sweep_id).values(reconciled_at=now()))
    return found


async def _is_late(connection: AsyncConnection, sweep: Sweep) -> bool:
    """Whether a later sweep of the site was taken in already; rechecks speak for single pages."""
    return bool(await connection.scalar(sa.select(_followed(sweep, ~Sweep.recheck))))


def _followed(sweep: Sweep, *conditions: sa.ColumnElement[bool]) -> sa.Exists:
    """Whether the site has a later sweep that was taken in."""
    later = Sweep.site_id == sweep.site_id, Sweep.id > sweep.id, Sweep.reconciled_at.is_not(None)
    return sa.exists().where(*later, *conditions)


class Reconciling:
    """One sweep while it is taken in."""

    def __init__(self, connection: AsyncConnection, sweep: Sweep, *, late: bool) -> None:
        self._connection, self._sweep, self._late = connection, sweep, late
        self._rules = rules_run(sweep)
        self._change = _Change()
        self._parts = Parts()
        self._led_here: dict[int, int] = {}  # page → the last result of one that leads to it now

    async def run(self) -> Reconciled:
        """Pages first, then what they say of the defects."""
        pages = 0
        self._parts = await Parts.of(self._connection, self._sweep.site_id)
        await self._move_pages()
        for some in parts(await self._changed(), PAGES):
            pages += len(some)
            await self._take_in(some)
        await self._look_back()
        await self._know_again()
        await learn_regions(self._connection, self._sweep.site_id)
        newborn = await self._newborn()
        await self._found_here(newborn)
        checked = await self._mark_newly_checked(newborn)
        gone = set() if self._late else await let_go(self._connection, self._sweep, self._change.touched)
        counts = await Standings(self._connection, self._sweep, late=self._late).move(
            self._change.touched | gone, gone
        )
        return Reconciled(pages=pages, found=len(newborn), newly_checked=checked, **counts)

    # ── pages ──────────────────────────────────────────────────────────────────────────────────────

    async def _changed(self) -> list[_Seen]:
        """The pages with another result than the defects know, unless that one is younger, and those that are there again."""
        rows = await self._connection.execute(
            sa.select(Visit.page_id, Visit.result_id, seen_at(self._sweep), Look.result_id, Look.at)
            .outerjoin(Look, Look.page_id == Visit.page_id)
            .where(
                *seen_in(self._sweep),
                sa.or_(Look.result_id.is_(None), Look.result_id != Visit.result_id, returned_since(self._sweep)),
            )
            .order_by(Visit.page_id)
        )
        again = await self._seen_again()
        return [
            _Seen(page=page, result=result or 0, at=at, before=before)
            for page, result, at, before, looked in rows
            if (looked is None or at > looked) and (page not in again or at > again[page])
        ]

    async def _seen_again(self) -> dict[int, datetime]:
        """When later sweeps, or rechecks, saw the same pages, also those that they found as they had been before."""
        if not await self._connection.scalar(sa.select(_followed(self._sweep))):
            return {}
        other, later = sa.orm.aliased(Visit), sa.orm.aliased(Sweep)
        rows = await self._connection.execute(
            sa.select(other.page_id, last_seen(other, later))
            .join(later, later.id == other.sweep_id)
            .join(Visit, sa.and_(Visit.page_id == other.page_id, *seen_in(self._sweep)))
            .where(
                later.id > self._sweep.id, later.reconciled_at.is_not(None), other.state == VisitState.AUDITED,
                other.result_id.is_not(None),
            )
        )  # fmt: skip
        again: dict[int, datetime] = {}
        for page, at in rows:
            again[page] = max(at, again.get(page, at))
        return again

    async def _move_pages(self) -> None:
        """A page that is another now, which was seen: what was known of it counts there."""
        if self._late:
            return
        target = sa.orm.aliased(Visit)
        rows = await self._connection.execute(
            sa.select(Occurrence.defect_id, Occurrence.page_id, target.page_id, Occurrence.places, Look.result_id)
            .join(Visit, Visit.page_id == Occurrence.page_id)
            .join(target, target.page_id == Visit.leads_to_id)
            .outerjoin(Look, Look.page_id == Occurrence.page_id)
            .where(
                Visit.sweep_id == self._sweep.id, moved_on(Visit), Occurrence.places > 0,
                target.sweep_id == self._sweep.id, target.state == VisitState.AUDITED,
            )
        )  # fmt: skip
        moves = rows.all()
        anothers = await self._anothers({(defect, leads_to) for defect, _, leads_to, _, _ in moves})
        for defect, page, leads_to, places, looked in moves:
            if (defect, leads_to) in anothers:
                continue
            if looked is not None:
                self._led_here[leads_to] = looked
            there = {"defect_id": defect, "page_id": leads_to, "places": places}
            await self._connection.execute(insert_new(self._connection, Occurrence).values(there))
            cleared = Occurrence.defect_id == defect, Occurrence.page_id == leads_to, Occurrence.places == 0
            await self._connection.execute(sa.update(Occurrence).where(*cleared).values(places=places))
            await self._put({(defect, page): 0})
            await self._connection.execute(sa.delete(Look).where(Look.page_id == leads_to))  # to be looked at anew
            self._change.touched.add(defect)

    async def _anothers(self, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """Of pages that defects lead to those where another part of the same whole shows: nothing is said of these.

        Any other is from now on the page of the part that leads there.
        """
        split = sorted((self._parts.whole.get(defect, defect), page, defect) for defect, page in pairs)
        there = await self._parts.on(self._connection, {(whole, page) for whole, page, _ in split})
        found: set[tuple[int, int]] = set()
        for whole, page, defect in split:
            if whole not in self._parts.patterns:
                continue
            shown = sa.exists().where(Occurrence.defect_id == whole, Occurrence.page_id == page)
            if (whole, page) not in there and await self._connection.scalar(sa.select(shown)):
                there[whole, page] = whole
            if there.setdefault((whole, page), defect) != defect:
                found.add((defect, page))
                continue
            row = {"defect_id": whole, "page_id": page, "part_id": defect}
            await self._connection.execute(insert_new(self._connection, PartPage).values(row))
        return found

    async def _take_in(self, seen: list[_Seen]) -> None:
        """Hold what some pages show now against what was known of them."""
        by_result: dict[int, list[int]] = defaultdict(list)
        for each in seen:
            by_result[each.result].append(each.page)
        pages = [each.page for each in seen]
        shown: dict[tuple[int, int], int] = {}
        unsure: set[tuple[int, int]] = set()
        for some in parts(sorted(by_result)):
            for result, defect, failed in await self._connection.execute(_places(some)):
                for page in by_result[result]:
                    if failed:
                        shown[defect, page] = int(failed)
                    else:
                        unsure.add((defect, page))
        parted_off = await self._parts.on(self._connection, shown.keys() | unsure)  # pages that are new to a part
        shown = {(parted_off.get(key, key[0]), key[1]): places for key, places in shown.items()}
        unsure = {(parted_off.get(key, key[0]), key[1]) for key in unsure}
        known: dict[tuple[int, int], int] = {}
        rules: dict[int, tuple[str, bool]] = {}
        for some in parts(pages):
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
        gone: dict[tuple[int, int], str] = {}
        for (defect, page), places in known.items():
            if places and (defect, page) not in shown and (defect, page) not in unsure:
                rule, framed = rules[defect]
                if rule in self._rules and not (framed and result_of[page] in blind):
                    gone[defect, page] = rule
        gone = await self._without_doubtful(seen, gone)
        shown |= dict.fromkeys(gone, 0)
        changed = {key: places for key, places in shown.items() if known.get(key) != places}
        await self._put(changed, known.keys())
        await self._remember(seen, {key: (known.get(key), places) for key, places in changed.items()})

    async def _without_doubtful(
        self, seen: list[_Seen], gone: Mapping[tuple[int, int], str]
    ) -> dict[tuple[int, int], str]:
        """What went from pages, without that in whose place stands what the machine cannot tell of.

        What fails in its place still, under another name, is noted: see `_know_by_spot`.
        """
        on: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)  # page → whole → what went
        for defect, page in gone:
            on[page][self._parts.whole.get(defect, defect)] = defect, page
        results = {
            each.page: (each.before or self._led_here.get(each.page) or 0, each.result)
            for each in seen if each.page in on
        }  # fmt: skip
        read = {result for pair in results.values() for result in pair}
        spots = await spots_in(self._connection, read, {*gone.values()})
        doubtful: set[tuple[int, int]] = set()
        for page, (before, after) in results.items():
            pairs = list(still_standing(on[page], spots.get(before, ()), spots.get(after, ())))
            failing = {old.defect for old, new in pairs if new.failed}
            for old, new in pairs:
                if new.failed or old.defect not in failing:
                    self._change.stands[old.defect, new.defect][page] += 1
                if old.defect not in failing:
                    doubtful.add(on[page][old.defect])
        return {key: rule for key, rule in gone.items() if key not in doubtful}

    async def _look_back(self) -> None:
        """What a sweep that comes late shows on pages seen after it was there once: no page has it, or none looked for it."""
        if not self._late:
            return
        later = sa.orm.aliased(Sweep)
        rows = await self._connection.execute(
            sa.select(KNOWN_AS, Visit.page_id, Defect.rule, later.id, sa.func.count())
            .select_from(Visit)
            .join(Look, Look.page_id == Visit.page_id)
            .join(later, later.id == Look.sweep_id)
            .join(Finding, Finding.result_id == Visit.result_id)
            .join(Defect, Defect.id == Finding.defect_id)
            .outerjoin(PartPage, parted(Visit.page_id))
            .where(
                *seen_in(self._sweep), later.id != self._sweep.id, Finding.outcome == Outcome.FAILED,
                ~sa.exists().where(Occurrence.defect_id == KNOWN_AS, Occurrence.page_id == Visit.page_id),
            )
            .group_by(KNOWN_AS, Visit.page_id, Defect.rule, later.id)
        )  # fmt: skip
        ran: dict[int, set[str]] = {}
        back = rows.all()
        parted_off = await self._parts.on(self._connection, {(row[0], row[1]) for row in back})
        for root, page, rule, sweep, places in back:
            defect = parted_off.get((root, page), root)
            if sweep not in ran:
                ran[sweep] = rules_run(await sweep_row(self._connection, sweep))
            await self._put({(defect, page): 0 if rule in ran[sweep] else places}, ())
            self._change.touched.add(defect)

    async def _blind(self, seen: list[_Seen]) -> set[int]:
        """Results with parts that no rule saw: they say nothing of defects in frames."""
        found: set[int] = set()
        for some in parts(sorted({each.result for each in seen})):
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
        for some in parts(sorted(befores)):
            other = sa.select(Result.id, Result.rule_set).where(
                Result.id.in_(some), Result.rule_set != (self._sweep.rule_set or "")
            )
            for result, named in await self._connection.execute(other):
                change.other_rules.add(befores[result])
                if own_rules(named) == own_rules(self._sweep.rule_set):
                    change.own_alike.add(befores[result])
        for part in parts(seen):
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
        for part in self._change.went.keys() & self._parts.whole.keys():  # a defect moves with all of its parts
            self._change.went[self._parts.whole[part]] |= self._change.went.pop(part)
        await self._know_by_spot()
        came = await self._newborn()
        came -= await self._set_apart(came)
        went = await self._closed(self._change.went)
        shapes: dict[tuple[str, str | None], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for some in parts(sorted(came | went)):
            rows = await self._connection.execute(
                sa.select(Defect.id, Defect.rule, Defect.shape).where(
                    Defect.id.in_(some), Defect.shape.is_not(None)
                )
            )
            for defect, rule, shape in rows:
                shapes[rule, shape][defect in went].append(defect)
        for newcomers, gone in shapes.values():
            pages = {each: self._change.came[each] for each in newcomers} | {
                each: self._change.went[each] for each in gone
            }
            await self._merge_best(newcomers, gone, pages)
        await self._know_by_words({*came} & {*self._change.came}, went)

    async def _know_by_spot(self) -> None:
        """What stands in the place of a defect that went is that one, and no repair: see `still_standing`.

        A newcomer is the defect where no page shows this any more, or wherever it came in its place. A defect that no page
        shows any more and an older one that took its place are one from now on, as with a new version of the identity.
        """
        stands = sorted(self._change.stands.items(), key=lambda each: (-sum(each[1].values()), each[0]))
        others = {other for _, other in self._change.stands}
        wholes = {gone for gone, _ in self._change.stands}
        apart, closed = await self._set_apart(others | wholes), await self._closed(wholes)
        newcomers = (await self._newborn() | await self._nowhere(others)) & others
        became: dict[int, int] = {}
        for (gone, other), pages in stands:
            now_gone, now_other = followed_up(became, gone), followed_up(became, other)
            if now_gone == now_other or other in apart or other in self._parts.patterns:
                continue
            if other in newcomers and other == now_other:
                elsewhere = self._change.came.get(other, set()) - pages.keys() - self._change.first_seen
                if gone not in closed and elsewhere:
                    continue
                kept, folded = now_gone, other
            elif gone in closed and gone not in apart and now_gone == gone:
                kept, folded = await self._older(gone, now_other)
                if gone in self._parts.patterns:
                    kept, folded = gone, now_other
                await restate_merged(self._connection, kept, folded)
            else:
                continue
            await self._merge(folded, kept)
            became[folded] = kept
            closed.discard(gone)

    async def _nowhere(self, defects: Collection[int]) -> set[int]:
        """Those that no page was ever seen to show: of these the machine could not tell."""
        shown = sa.exists().where(Occurrence.defect_id == Defect.id)
        found: set[int] = set()
        for some in parts(sorted(defects)):
            found |= set(await self._connection.scalars(sa.select(Defect.id).where(Defect.id.in_(some), ~shown)))
        return found

    async def _older(self, one: int, other: int) -> tuple[int, int]:
        """Two defects, the one that goes on first."""
        rows = await self._connection.execute(
            sa.select(Defect.state, Defect.owner, Defect.id).where(Defect.id.in_((one, other)))
        )
        kept, folded = sorted((goes_on_first(state, owner, number), number) for state, owner, number in rows)
        return kept[1], folded[1]

    async def _know_by_words(self, came: set[int], went: set[int]) -> None:
        """The same words under the same rule on the same page are the same fault, whatever element holds them now."""
        went = await self._closed(went)
        rules: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for some in parts(sorted(came | went)):
            for defect, rule in await self._connection.execute(
                sa.select(Defect.id, Defect.rule).where(Defect.id.in_(some))
            ):
                rules[rule][defect in went].append(defect)
        for newcomers, gone in rules.values():
            if newcomers and gone:
                words = {each: await self._words(each, self._change.came[each]) for each in newcomers}
                words |= {each: await self._words(each, self._change.went[each]) for each in gone}
                await self._merge_best(newcomers, gone, words)

    async def _words(self, defect: int, pages: Collection[int]) -> set[tuple[int, str]]:
        """What the elements of a defect said, by page; of a defect on very many pages, on some."""
        rows = await self._connection.execute(
            sa.select(Result.page_id, Finding.snippet)
            .join(Finding, Finding.result_id == Result.id)
            .join(Defect, Defect.id == Finding.defect_id)
            .where(names_of([defect]), Result.page_id.in_(sorted(pages)[:SAID]), Finding.outcome == Outcome.FAILED)
        )
        said = ((page, words_of(snippet)) for page, snippet in rows)
        return {(page, words) for page, words in said if words}

    async def _merge_best(self, newcomers: list[int], gone: list[int], has: Mapping[int, Collection[Any]]) -> None:
        """Take each newcomer for the one that is gone and has most in common with it, if there is just one."""
        for newcomer in newcomers:
            shared = {each: len({*has[newcomer]} & {*has[each]}) for each in gone}
            best = max(shared.values(), default=0)
            same = [each for each, common in shared.items() if common == best > 0]
            if len(same) == 1:
                gone.remove(same[0])
                await self._merge(newcomer, same[0])

    async def _closed(self, defects: Collection[int]) -> set[int]:
        """Those that no page shows any more, with all of their parts."""
        members = {each: self._parts.of_whole(each) for each in defects}
        left: set[int] = set()
        shows = sa.exists().where(Occurrence.defect_id == Defect.id, Occurrence.places > 0)
        for some in parts(sorted(set[int]().union(*members.values()))):
            left |= set(await self._connection.scalars(sa.select(Defect.id).where(Defect.id.in_(some), shows)))
        return {each for each, mine in members.items() if not mine & left}

    async def _set_apart(self, defects: Collection[int]) -> set[int]:
        """Those of which a person has said that they are defects of their own, or parts of one."""
        said = sa.or_(Defect.apart, Defect.whole_id.is_not(None))
        found: set[int] = set()
        for some in parts(sorted(defects)):
            found |= set(await self._connection.scalars(sa.select(Defect.id).where(Defect.id.in_(some), said)))
        return found

    async def _merge(self, newcomer: int, known: int) -> None:
        """Let a newcomer be known as an older defect, from now on and where it was seen."""
        await put_together(self._connection, newcomer, known)
        await self._parts.share_out(self._connection, known)
        self._change.touched.discard(newcomer)
        self._change.touched |= self._parts.of_whole(known)
        self._change.came.pop(newcomer, None)
        self._change.went.pop(newcomer, None)

    async def _newborn(self) -> set[int]:
        """The defects that this sweep has found: all of their pages came with it."""
        came = self._change.came
        found: set[int] = set()
        for some in parts(sorted(came)):
            rows = await self._connection.execute(
                sa.select(Occurrence.defect_id, sa.func.count())
                .where(Occurrence.defect_id.in_(some))
                .group_by(Occurrence.defect_id)
            )
            found |= {defect for defect, pages in rows if pages == len(came[defect])}
        return found

    async def _found_here(self, newborn: set[int]) -> None:
        """What only sweeps had met that do not count, or could not tell whether it fails, is found by this one, now."""
        for some in parts(sorted(newborn)):
            mine = (
                DefectEvent.defect_id.in_(some),
                DefectEvent.old.is_(None),
                DefectEvent.sweep_id != self._sweep.id,
            )
            found = {"sweep_id": self._sweep.id, "at": self._sweep.finished_at or now()}
            await self._connection.execute(sa.update(DefectEvent).where(*mine).values(found))

    async def _rule_of(self, defects: Collection[int]) -> dict[int, str]:
        """The rule of each defect."""
        found: dict[int, str] = {}
        for some in parts(sorted(defects)):
            rows = await self._connection.execute(sa.select(Defect.id, Defect.rule).where(Defect.id.in_(some)))
            found |= dict(rows.all())
        return found

    async def _mark_newly_checked(self, newborn: set[int]) -> int:
        """Say of defects that no sweep before could have found that they are newly checked, and not new faults."""
        change, rules, checked = self._change, await self._rule_of(newborn), []
        for defect in sorted(newborn):
            pages = change.came[defect] - change.first_seen
            had_run = change.own_alike if rules[defect] in (self._sweep.rule_criteria or {}) else set()
            if pages and pages <= change.other_rules - had_run:
                checked.append(defect)
        for some in parts(checked):
            mine = DefectEvent.defect_id.in_(some), DefectEvent.old.is_(None), DefectEvent.new == State.FOUND
            await self._connection.execute(sa.update(DefectEvent).where(*mine).values(why=NEWLY_CHECKED))
        return len(checked)


def _places(results: Collection[int]) -> sa.Select[*tuple[Any, ...]]:
    """Failed places by result and defect, known by the name that it goes by; 0 where the machine could not tell of any."""
    return (
        sa.select(
            Finding.result_id, KNOWN_AS, sa.func.sum(sa.case((Finding.outcome == Outcome.FAILED, 1), else_=0))
        )
        .select_from(Finding)
        .join(Defect, Defect.id == Finding.defect_id)
        .join(Result, Result.id == Finding.result_id)
        .outerjoin(PartPage, parted(Result.page_id))
        .where(Finding.result_id.in_(results))
        .group_by(Finding.result_id, KNOWN_AS)
    )
