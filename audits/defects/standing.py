"""What the pages that a sweep saw, and those that it did not, say of the state of each defect."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.life import before_unverified, move
from audits.defects.naming import ROOT, names_of
from audits.defects.sight import parts, rules_run, seen_at, seen_in
from audits.record import MACHINE
from db.tables import Defect, DefectEvent, Occurrence, Sweep, Visit
from db.words import DefectState as State
from db.words import SweepState

OPEN = (State.FOUND, State.PLANNED, State.REPAIRED, State.RETURNED)
STILL = "still there"  # after somebody said that it was repaired
NOT_THERE = (
    "pages not there"  # confirmed on the others, and those that showed it are gone, see audits.defects.leaving
)


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """A defect as a sweep leaves its pages."""

    defect: int
    state: State
    owned: bool  # somebody is to repair it
    shown: bool  # on some page, when that was last seen
    seen: bool  # this sweep saw one of these pages
    claimed: bool  # and that after somebody said that it was repaired


class Standings:
    """The states of a site's defects while a sweep is taken in; `late`: after a later one."""

    def __init__(self, connection: AsyncConnection, sweep: Sweep, *, late: bool) -> None:
        self._connection, self._sweep, self._rules = connection, sweep, rules_run(sweep)
        self._whole = (
            not late and sweep.state is SweepState.FINISHED and not sweep.recheck
        )  # what it did not see, it will not see any more

    async def move(self, touched: Collection[int], let_go: Collection[int] = ()) -> dict[str, int]:
        """Move the defects that pages have changed, and those whose pages were seen or not; returns how many, by what.

        Of those `let_go` the pages that were left are not there any more.
        """
        counts = dict.fromkeys(("confirmed", "returned", "unverified", "still"), 0)
        moves: dict[tuple[State, State, str | None], list[int]] = defaultdict(list)
        found = await self._read({*touched, *await self._doubtful()})
        before = await before_unverified(
            self._connection, [each.defect for each in found if each.state is State.UNVERIFIED]
        )
        for each in found:
            target, why = self._target(each, before.get(each.defect, State.FOUND))
            if target is State.CONFIRMED and each.defect in let_go:
                why = NOT_THERE
            if target is not each.state:
                moves[each.state, target, why].append(each.defect)
        for (old, new, why), defects in moves.items():
            await move(self._connection, defects, old, new, why=why, sweep=self._sweep.id)
            key = "still" if why == STILL else new.value
            if key in counts:
                counts[key] += len(defects)
        return counts

    def _target(self, each: _Standing, before: State) -> tuple[State, str | None]:
        """The state that a defect goes to, and why; the same where the sweep says nothing. `before` it was unverified."""
        if not each.shown:
            return State.CONFIRMED, None
        if not each.seen:
            return (State.UNVERIFIED if self._whole and each.state in OPEN else each.state), None
        if each.state is State.CONFIRMED:
            return State.RETURNED, None
        known = before if each.state is State.UNVERIFIED else each.state
        if known is State.REPAIRED and each.claimed:
            return (State.PLANNED if each.owned else State.FOUND), STILL
        return known, None

    async def _doubtful(self) -> set[int]:
        """Defects whose state hangs on which of their pages were seen, though no page has changed."""
        visited = sa.select(Visit.page_id).where(*seen_in(self._sweep))
        mine = Defect.site_id == self._sweep.site_id, Defect.merged_into_id.is_(None), Defect.rule.in_(self._rules)
        seen = sa.exists().where(
            Occurrence.defect_id == Defect.id, Occurrence.places > 0, Occurrence.page_id.in_(visited)
        )
        again = sa.select(Defect.id).where(*mine, Defect.state.in_((State.UNVERIFIED, State.REPAIRED)), seen)
        found = set(await self._connection.scalars(again))
        if self._whole:
            unseen = sa.select(Defect.id).where(*mine, Defect.state.in_(OPEN), ~seen)
            found |= set(await self._connection.scalars(unseen))
        return found

    async def _read(self, defects: Collection[int]) -> list[_Standing]:
        """Of defects whose rules were run; a defect that no page shows any more was looked for on each of them."""
        mine = Occurrence.defect_id == Defect.id
        shown = sa.exists().where(mine, Occurrence.places > 0)
        seen = sa.exists().where(
            mine, Occurrence.places > 0, Visit.page_id == Occurrence.page_id, *seen_in(self._sweep)
        )
        found: list[_Standing] = []
        for some in parts(sorted(defects)):
            rows = await self._connection.execute(
                sa.select(Defect.id, Defect.state, Defect.rule, Defect.owner, shown, seen).where(
                    Defect.id.in_(some), Defect.merged_into_id.is_(None), sa.exists().where(mine)
                )
            )
            claimed = await self._claimed(some)
            found += [
                _Standing(
                    defect=defect, state=state, owned=owner is not None, shown=shows, seen=hit, claimed=defect in claimed
                )
                for defect, state, rule, owner, shows, hit in rows
                if rule in self._rules or not shows
            ]  # fmt: skip
        return found

    async def _claimed(self, defects: Collection[int]) -> set[int]:
        """Those that the sweep saw on a page after it was last said that they are repaired."""
        claims = await self._claims(defects)
        rows = await self._connection.execute(
            sa.select(Occurrence.defect_id, sa.func.max(seen_at(self._sweep)))
            .join(Visit, sa.and_(Visit.page_id == Occurrence.page_id, *seen_in(self._sweep)))
            .where(Occurrence.defect_id.in_(claims), Occurrence.places > 0)
            .group_by(Occurrence.defect_id)
        )
        return {defect for defect, last in rows if last is not None and last > claims[defect]}

    async def _claims(self, defects: Collection[int]) -> dict[int, datetime]:
        """When it was last said of each that it is repaired, or of what was claimed too when a person made it one with it."""
        claimed = sa.or_(Defect.merged_into_id.is_(None), Defect.state == State.REPAIRED)
        rows = await self._connection.execute(
            sa.select(ROOT, sa.func.max(DefectEvent.at))
            .join(Defect, Defect.id == DefectEvent.defect_id)
            .where(names_of(defects), claimed, DefectEvent.new == State.REPAIRED, DefectEvent.who != MACHINE)
            .group_by(ROOT)
        )
        return dict(rows.all())
