"""The lives of defects over time: how many were found, confirmed and came back, what is open since when, and how long repair takes.

A defect is one as it is known today: what proved to be another's name is none of its own, and the other has been there since the
oldest of its names was found. Only those count that make problem pages by the rules of the site's last sweep, and that some page has
shown: of what the machine cannot tell there is no defect.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.criteria import rules_for
from audits.defects.cover import day_of
from audits.defects.reconcile import NEWLY_CHECKED
from audits.defects.sight import parts
from audits.defects.standing import OPEN
from audits.speaking import SPEAKS
from audits.statistics.survival import Durations, durations
from audits.trends.periods import Period
from audits.trends.points import spoken_by
from db.database import streamed
from db.tables import Defect, DefectEvent, Occurrence, Sweep
from db.words import DefectState, Edition

AGES = (30, 90, 180, 365)  # days that the bands of age end at; the last band is older
DAY = timedelta(days=1)


class Standing(StrEnum):
    """What a defect's state comes to when defects are counted."""

    OPEN = "open"  # found, planned, claimed to be repaired, or come back
    UNVERIFIED = "unverified"  # its pages were not seen: neither open nor gone
    EXCEPTED = "excepted"
    CONFIRMED = "confirmed"


STANDING = {
    **dict.fromkeys(OPEN, Standing.OPEN),
    DefectState.UNVERIFIED: Standing.UNVERIFIED,
    DefectState.EXCEPTED: Standing.EXCEPTED,
    DefectState.CONFIRMED: Standing.CONFIRMED,
}


@dataclass(frozen=True, kw_only=True)
class Event:
    """A step of a defect from one standing to another."""

    at: datetime
    new: Standing
    newly_checked: bool  # found, by a rule that no sweep had run there before
    sweep: int | None


@dataclass(frozen=True, kw_only=True)
class Life:
    """One defect from when it was found on: the steps that change its standing, the first of them to open."""

    defect: int
    site: int
    events: tuple[Event, ...]

    @property
    def found(self) -> datetime:
        """When it was found for the first time."""
        return self.events[0].at


@dataclass(kw_only=True)
class Flow:
    """How the defects of some sites have moved in one period."""

    period: Period
    at_begin: Counter[Standing] = field(default_factory=Counter)
    at_end: Counter[Standing] = field(default_factory=Counter)
    moves: Counter[tuple[Standing | None, Standing]] = field(default_factory=Counter)  # from None: found
    newly_checked: int = 0  # of those found
    ages: list[int] = field(default_factory=lambda: [0] * (len(AGES) + 1))  # open at the end, by days since found

    @property
    def found(self) -> int:
        """Found for the first time, what was newly checked among them."""
        return sum(number for (old, _), number in self.moves.items() if old is None)

    @property
    def returned(self) -> int:
        """Seen again after they had been confirmed."""
        return sum(number for (old, _), number in self.moves.items() if old is Standing.CONFIRMED)

    @property
    def confirmed(self) -> int:
        """Seen gone, whatever they were before."""
        return self.into(Standing.CONFIRMED)

    def into(self, new: Standing) -> int:
        """How many came to a standing."""
        return sum(number for (_, each), number in self.moves.items() if each is new)


@dataclass(frozen=True, kw_only=True)
class Repair:
    """How long it took from found to confirmed, of the defects found in a period, in days."""

    taken: Durations
    open: int  # of the unfinished: still open at the end, followed until the site was last looked at
    unverified: int  # followed until they were last seen
    excepted: int  # followed until they were excepted


def together(flows: Sequence[Flow]) -> Flow:
    """The flow of adjoining periods as that of one."""
    whole = Flow(period=Period(first=flows[0].period.first, last=flows[-1].period.last))
    whole.at_begin, whole.at_end, whole.ages = flows[0].at_begin, flows[-1].at_end, flows[-1].ages
    for each in flows:
        whole.moves.update(each.moves)
        whole.newly_checked += each.newly_checked
    return whole


class Reckoning:
    """Takes lives one by one, and knows how many defects moved when and how long repair took."""

    def __init__(self, periods: Sequence[Period], looks: Mapping[int, Sequence[tuple[datetime, int]]]) -> None:
        self.flows = [Flow(period=each) for each in periods]
        self._span = Period(first=periods[0].first, last=periods[-1].last)
        self._begins, self._ends = [each.begins for each in periods], [each.ends for each in periods]
        self._last_days = [each.last.toordinal() for each in periods]
        self._end = periods[-1].ends
        # site → when which of its sweeps finished, the last first
        self._looks = {site: [each for each in of[::-1] if each[0] < self._end] for site, of in looks.items()}
        self._observed: list[tuple[float, bool]] = []
        self._unfinished: Counter[Standing] = Counter()

    @property
    def repair(self) -> Repair:
        """How long it took."""
        return Repair(
            taken=durations(self._observed), open=self._unfinished[Standing.OPEN],
            unverified=self._unfinished[Standing.UNVERIFIED], excepted=self._unfinished[Standing.EXCEPTED],
        )  # fmt: skip

    def add(self, life: Life) -> None:
        """Count one defect."""
        events = [each for each in life.events if each.at < self._end]
        found = day_of(life.found).toordinal()
        standing: Standing | None = None
        index = 0
        # before the period in which it is found there is nothing to be counted
        for number in range(bisect_right(self._ends, life.found), len(self.flows)):
            flow, begins, ends = self.flows[number], self._begins[number], self._ends[number]
            while index < len(events) and events[index].at < begins:  # before the first period
                standing = events[index].new
                index += 1
            if standing is not None:
                flow.at_begin[standing] += 1
            while index < len(events) and events[index].at < ends:
                event = events[index]
                flow.moves[standing, event.new] += 1
                flow.newly_checked += event.newly_checked
                standing = event.new
                index += 1
            if standing is not None:
                flow.at_end[standing] += 1
            if standing is Standing.OPEN:
                flow.ages[bisect_left(AGES, self._last_days[number] - found)] += 1
        if events and self._span.holds(life.found):
            self._follow(life, events)

    def _follow(self, life: Life, events: Sequence[Event]) -> None:
        done = next((each.at for each in events if each.new is Standing.CONFIRMED), None)
        until = done or self._followed_until(life, events[-1])
        if done is None:
            self._unfinished[events[-1].new] += 1
        self._observed.append((max(0.0, (until - life.found) / DAY), done is not None))

    def _followed_until(self, life: Life, last: Event) -> datetime:
        """When a defect that was never confirmed was last known to be there."""
        if last.new is Standing.EXCEPTED:
            return last.at
        looks = (at for at, sweep in self._looks.get(life.site, ()) if sweep != last.sweep)
        if last.new is Standing.UNVERIFIED:
            return next((at for at in looks if at < last.at), life.found)
        return max(next(looks, last.at), last.at)


async def flows_of(
    connection: AsyncConnection, counting: Mapping[int, Collection[str]], period: Period
) -> AsyncIterator[tuple[int, Flow]]:
    """Each defect that rules of each site have found, with how it alone has moved in a period: what the flow of all is the sum of."""
    async for life in lives(connection, counting):
        alone = Reckoning([period], {})
        alone.add(life)
        yield life.defect, alone.flows[0]


async def lives(
    connection: AsyncConnection, counting: Mapping[int, Collection[str]], page: int | None = None
) -> AsyncIterator[Life]:
    """The lives of the defects that rules of each site have found; of one page, those that it has ever shown."""
    shown = Occurrence.defect_id == Defect.id
    if page is not None:
        shown = sa.and_(shown, Occurrence.page_id == page)
    for some in parts(sorted(counting)):
        older = await _by_older_names(connection, some)
        rows = streamed(connection,
            sa.select(
                DefectEvent.defect_id, Defect.site_id, Defect.rule, DefectEvent.new, DefectEvent.why, DefectEvent.at,
                DefectEvent.sweep_id,
            )
            .join(Defect, Defect.id == DefectEvent.defect_id)
            .where(Defect.site_id.in_(some), Defect.merged_into_id.is_(None), sa.exists().where(shown))
            .order_by(DefectEvent.defect_id, DefectEvent.at, DefectEvent.id)
        )  # fmt: skip
        defect, site, events = 0, 0, list[Event]()
        async for number, of, rule, new, why, at, sweep in rows:
            if number != defect and events:
                yield Life(defect=defect, site=site, events=tuple(events))
                events = []
            if number != defect and rule in counting[of]:
                events = older.get(number, [])
            defect, site = number, of
            standing = STANDING[new]
            if rule in counting[of] and (not events or standing is not events[-1].new):
                newly = not events and why == NEWLY_CHECKED
                events.append(Event(at=at, new=standing, newly_checked=newly, sweep=sweep))
        if events:
            yield Life(defect=defect, site=site, events=tuple(events))


async def _by_older_names(connection: AsyncConnection, sites: Collection[int]) -> dict[int, list[Event]]:
    """The lives of defects before they were found by the name that they go by, by any older one: the gravest standing counts."""
    root = sa.orm.aliased(DefectEvent)
    first = (
        sa.select(root.defect_id, sa.func.min(root.at).label("at"))
        .where(root.defect_id.in_(sa.select(Defect.merged_into_id).where(Defect.site_id.in_(sites))))
        .group_by(root.defect_id)
        .subquery()
    )
    rows = await connection.execute(
        sa.select(
            first.c.defect_id, Defect.id, DefectEvent.new, DefectEvent.why, DefectEvent.at, DefectEvent.sweep_id
        )
        .join(Defect, Defect.id == DefectEvent.defect_id)
        .join(first, first.c.defect_id == Defect.merged_into_id)
        .where(Defect.site_id.in_(sites), DefectEvent.at < first.c.at)
        .order_by(DefectEvent.at, DefectEvent.id)
    )
    found: dict[int, list[Event]] = defaultdict(list)
    standing: dict[int, dict[int, Standing]] = defaultdict(dict)
    for defect, name, new, why, at, sweep in rows:
        standing[defect][name] = STANDING[new]
        gravest = min(standing[defect].values(), key=tuple(Standing).index)
        events = found[defect]
        if not events or gravest is not events[-1].new:
            newly = not events and why == NEWLY_CHECKED
            events.append(Event(at=at, new=gravest, newly_checked=newly, sweep=sweep))
    return dict(found)


async def rules_that_count(
    connection: AsyncConnection, sites: Iterable[int], number: str | None = None
) -> dict[int, frozenset[str]]:
    """The rules that make problem pages, or speak about a criterion, by each site's last finished sweep."""
    found: dict[int, frozenset[str]] = {}
    for some in parts(sorted(sites)):
        last = sa.select(sa.func.max(Sweep.id)).where(Sweep.site_id.in_(some), SPEAKS).group_by(Sweep.site_id)
        criteria = await spoken_by(connection, last)
        rows = await connection.execute(
            sa.select(Sweep.site_id, Sweep.rule_set, Sweep.edition).where(Sweep.id.in_(last))
        )
        rules: dict[tuple[str, Edition], frozenset[str]] = {}
        for site, rule_set, edition in rows:
            key = rule_set or "", edition
            rules.setdefault(key, frozenset(rules_for(edition, criteria[key[0]], number)))
            found[site] = rules[key]
    return found


async def looks_at(
    connection: AsyncConnection, sites: Iterable[int], until: datetime
) -> dict[int, list[tuple[datetime, int]]]:
    """When the sweeps of each site finished, and which, before a moment."""
    found: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for some in parts(sorted(sites)):
        rows = await connection.execute(
            sa.select(Sweep.site_id, Sweep.finished_at, Sweep.id)
            .where(
                Sweep.site_id.in_(some),
                SPEAKS,
                Sweep.finished_at < until,
            )
            .order_by(Sweep.finished_at, Sweep.id)
        )
        for site, at, sweep in rows:
            if at is not None:
                found[site].append((at, sweep))
    return dict(found)
