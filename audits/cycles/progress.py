"""How far a cycle has come: each site and the whole, and never a number of what was not seen.

A site is measured by the last sweep of the cycle's days that is a series with its baseline. Totals are of the same sites
before and after, measured by one rule set: weighted by pages as one sample of which each site's strata are strata, and as
the plain mean over sites.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from audits import compare
from audits.compare import Measure, Read
from audits.conclude import rules_of
from audits.cycles.defects import Line, lines_of, open_of
from audits.cycles.rounds import Member, Round, Target, sweeps_of
from audits.cycles.standing import State, states_of
from audits.defects.cover import day_of, today
from audits.engine import own_rules
from audits.sampled import Estimate
from audits.shift import Shift, shift_of, together
from audits.statistics.strata import Sample
from audits.statistics.together import by_pages
from db.database import Database
from db.tables import Sweep
from db.words import Break, Edition, Gap, Method, Standing

REMEMBERED = 60  # cycles, each as far as some reader sees it
SITES_REMEMBERED = 5_000  # of all cycles


@dataclass(frozen=True, kw_only=True)
class Point:
    """One sweep of a site, as far as a cycle tells it."""

    sweep: int
    day: date  # when it finished
    method: Method | None
    edition: Edition
    engine: str
    rule_set: str
    known: int  # pages of the site
    complete: bool
    estimate: Estimate | None  # of problem pages in the whole site; of all pages where all were to be audited
    without_excepted: float | None  # share of the audited pages; None: no exception was in force

    @property
    def rate(self) -> float | None:
        """The share of problem pages; None when it says nothing of the whole site."""
        return self.estimate.rate if self.estimate else None


@dataclass(frozen=True, kw_only=True)
class SiteProgress:
    """One site within a cycle."""

    address: str
    baseline: Point | None
    newest: Point | None  # the last sweep after the baseline in the cycle's days
    confirming: Point | None  # the last one that may be compared with the baseline
    later: int  # sweeps after the baseline in the cycle's days
    shift: Shift | None  # from the baseline to the confirming one
    gap: Gap | None  # why there is none
    breaks: tuple[Break, ...]  # what keeps the newest from being a series with the baseline
    standing: Standing | None  # to the target of the rate; None: there is no such target
    defects: tuple[Line, ...]  # none where there is no baseline

    @cached_property
    def open(self) -> tuple[int, int]:
        """See `open_of`."""
        return open_of(self.defects)


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The share of problem pages over some sites."""

    sites: int
    by_pages: Estimate | None  # every page weighs the same
    by_sites: float | None  # every site weighs the same; of the sites' estimates, without an interval


@dataclass(frozen=True, kw_only=True)
class Whole:
    """The sites of a cycle that were measured by one rule set, together: shares by two would be a share of nothing."""

    rule_set: str  # that of most sites which may be compared; while there are none, of most baselines
    rule_sets: int  # of all baselines that speak for their sites
    baseline: Mean  # of all sites whose baseline speaks for the whole site
    before: Mean  # this and the next: of the sites that may be compared
    after: Mean
    shift: Shift | None  # by pages
    incomplete: tuple[int, ...]  # sweeps among these that are not complete


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A cycle as it stands on a day."""

    name: str
    begins_on: date
    ends_on: date
    target: Target
    day: date
    closed_by: str | None
    closed_at: datetime | None
    sites: tuple[SiteProgress, ...]
    whole: Whole
    rate_standing: Standing | None  # None: there is no such target
    defects_standing: Standing | None

    @cached_property
    def defects(self) -> tuple[Line, ...]:
        """The defects of all sites."""
        return tuple(line for site in self.sites for line in site.defects)

    @property
    def open(self) -> tuple[int, int]:
        """See `open_of`, over all sites."""
        return _open_of(self.sites)


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """A site with what totals are made from."""

    told: SiteProgress
    before: Sample | None
    after: Sample | None  # of the confirming sweep


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A site as far as its sweeps tell of it, without its defects."""

    measured: _Measured
    baseline: Sweep | None
    rules: frozenset[str]  # that make problem pages, by the sweeps that were read


class Memory:
    """What was worked out of sites in cycles, as long as nothing of what it stands on has changed.

    For who is asked often: concluding two sweeps of hundreds of sites takes its time.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], tuple[Any, _Seen]] = {}
        self._sites: dict[tuple[int, int], tuple[Any, _Measured]] = {}
        self._told: dict[tuple[Any, ...], Progress] = {}
        self._closed: dict[int, Progress] = {}
        self._lock = asyncio.Lock()

    async def progress(self, database: Database, cycle: Round) -> Progress:
        """The same as `progress`, of what is known already where that still holds."""
        day = today()
        async with self._lock:
            async with database.reading() as connection:
                states = await states_of(connection, [each.site for each in cycle.sites])
            told_by = day, cycle.begins_on, cycle.ends_on, cycle.target.rate
            terms = {each.site: Terms(told=(*told_by, each), state=states[each.site]) for each in cycle.sites}
            key = cycle.id, cycle.name, cycle.target, tuple(terms.items())
            if key not in self._told:
                self._told[key] = _together_of(
                    cycle,
                    day,
                    [await self._site(database, cycle, each, day, terms[each.site]) for each in cycle.sites],
                )
                _forget(self._told, REMEMBERED)
            return self._told[key]

    def closed(self, cycle: Round) -> Progress | None:
        """What a closed cycle said, where it was read before."""
        return self._closed.get(cycle.id)

    def keep(self, cycle: Round, said: Progress) -> None:
        """Remember what a closed cycle said: that never changes."""
        self._closed[cycle.id] = said
        _forget(self._closed, REMEMBERED)

    async def _site(
        self, database: Database, cycle: Round, member: Member, day: date, terms: "Terms"
    ) -> _Measured:  # fmt: skip
        key = cycle.id, member.site
        known = self._sites.pop(key, None)
        if known is None or known[0] != terms:
            seen = self._seen.pop(key, None)
            if (
                seen is None or seen[0] != terms.of_sweeps
            ):  # what people do to defects changes nothing that a sweep saw
                seen = terms.of_sweeps, await _seen(database, cycle, member)
            self._seen[key] = seen
            known = terms, await _with_lines(database, member, seen[1], day)
        self._sites[key] = known
        for memory in (self._sites, self._seen):
            _forget(memory, SITES_REMEMBERED)
        return known[1]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the numbers of a site in a cycle stand on."""

    told: tuple[Any, ...]  # day, and what the cycle says of the site
    state: State

    @property
    def of_sweeps(self) -> tuple[Any, ...]:
        """As far as what its sweeps say stands on it."""
        return self.told, self.state.seen


def _forget(known: dict[Any, Any], most: int) -> None:
    """Leave out what was put there first."""
    while len(known) > most:
        del known[next(iter(known))]


async def progress(database: Database, cycle: Round) -> Progress:
    """How an open cycle stands today."""
    day = today()
    return _together_of(cycle, day, [await _site(database, cycle, member, day) for member in cycle.sites])


def _together_of(cycle: Round, day: date, found: Sequence[_Measured]) -> Progress:
    sites = tuple(each.told for each in found)
    return Progress(
        name=cycle.name, begins_on=cycle.begins_on, ends_on=cycle.ends_on, target=cycle.target, day=day,
        closed_by=None, closed_at=None, sites=sites, whole=whole_of(found), rate_standing=_rate_standing(sites),
        defects_standing=_defects_standing(sites, cycle.target.defects),
    )  # fmt: skip


def part_of(found: Progress, addresses: Collection[str]) -> Progress:
    """What a closed cycle said of some of its sites: nothing that was said of all together."""
    sites = tuple(each for each in found.sites if each.address in addresses)
    return replace(
        found, sites=sites, target=replace(found.target, defects=None), whole=whole_of(()),
        rate_standing=_rate_standing(sites), defects_standing=None,
    )  # fmt: skip


async def _site(database: Database, cycle: Round, member: Member, day: date) -> _Measured:
    return await _with_lines(database, member, await _seen(database, cycle, member), day)


async def _with_lines(database: Database, member: Member, seen: _Seen, day: date) -> _Measured:
    if seen.baseline is None:
        return seen.measured
    async with database.reading() as connection:
        lines = await lines_of(connection, member.site, seen.baseline, seen.rules, day)
    return replace(seen.measured, told=replace(seen.measured.told, defects=tuple(lines)))


async def _seen(database: Database, cycle: Round, member: Member) -> _Seen:
    async with database.reading() as connection:
        number, later = await sweeps_of(connection, member, (cycle.begins_on, cycle.ends_on))
    if number is None:
        nothing = _Measured(told=_told(member, [], None, (), cycle.target), before=None, after=None)
        return _Seen(measured=nothing, baseline=None, rules=frozenset())
    baseline = await compare.read(database, number)
    seen = [baseline]
    breaks: tuple[Break, ...] = ()
    measure: Measure | None = None
    for sweep in reversed(later):  # the newest that may be compared counts
        after = await compare.read(database, sweep)
        differ, found = compare.problem_pages(baseline, after)
        if len(seen) == 1:
            seen, breaks = [baseline, after], differ
        if not differ:
            seen, measure = [*seen[:2], after], found
            break
    told = _told(member, seen, measure, breaks, cycle.target, len(later))
    confirming = seen[2] if told.shift and len(seen) > 2 else None
    return _Seen(
        measured=_Measured(told=told, before=_sample(baseline), after=_sample(confirming) if confirming else None),
        baseline=baseline.sweep, rules=frozenset(rule for each in seen for rule in rules_of(each.sweep)),
    )  # fmt: skip


def _told(
    member: Member, seen: Sequence[Read], measure: Measure | None, breaks: tuple[Break, ...], target: Target,
    later: int = 0,
) -> SiteProgress:  # fmt: skip
    """One site from its baseline, its newest sweep and the confirming one, as far as there are any, without its defects."""
    points = [_point(each) for each in seen]
    baseline, newest, confirming = [*points, None, None, None][:3]
    shift = _shift(measure, counted=all(each.side.is_census for each in seen))
    return SiteProgress(
        address=member.address, baseline=baseline, newest=newest, confirming=confirming, later=later, shift=shift,
        gap=None if shift else _gap(baseline, later, measure), breaks=breaks,
        standing=None if target.rate is None else standing_of(confirming or baseline, target.rate),
        defects=(),
    )  # fmt: skip


def _gap(baseline: Point | None, later: int, measure: Measure | None) -> Gap:
    if baseline is None:
        return Gap.NO_BASELINE
    if not later:
        return Gap.NOT_SWEPT
    return Gap.NO_RATE if measure else Gap.UNLIKE


def _point(read: Read) -> Point:
    sweep, concluded = read.sweep, read.conclusion
    sample = _sample(read)
    return Point(
        sweep=sweep.id, day=day_of(sweep.finished_at or sweep.created_at), method=sweep.method,
        edition=sweep.edition, engine=f"{concluded.engine} {concluded.engine_version}".strip(),
        rule_set=concluded.rule_set, known=concluded.known, complete=concluded.complete,
        estimate=Estimate.of(sample) if sample else None, without_excepted=concluded.rate_without_excepted,
    )  # fmt: skip


def _sample(read: Read) -> Sample | None:
    """Problem pages by the sweep's own rules, in the part that speaks for the whole site."""
    rules = rules_of(read.sweep)
    return read.part.sample(rules) if read.part and rules else None


def _shift(measure: Measure | None, *, counted: bool) -> Shift | None:
    if measure is None or measure.difference is None or measure.low is None or measure.high is None:
        return None
    return Shift(
        change=measure.change, difference=measure.difference, low=measure.low, high=measure.high, counted=counted
    )  # fmt: skip


def whole_of(sites: Sequence[_Measured]) -> Whole:
    """The totals over sites; what cannot be compared is in none that tells of a change."""
    begun = [each for each in sites if each.before and each.before.share is not None]
    pairs = [each for each in begun if each.after and each.after.share is not None]
    rule_sets = Counter(_rule_set(each) for each in begun)
    of_most = Counter(_rule_set(each) for each in pairs) or rule_sets
    rule_set = max(of_most, key=lambda each: (of_most[each], rule_sets[each], each), default="")
    begun, pairs = ([each for each in some if _rule_set(each) == rule_set] for some in (begun, pairs))
    before = [each.before for each in pairs if each.before]
    after = [each.after for each in pairs if each.after]
    points = [point for each in pairs for point in (each.told.baseline, each.told.confirming) if point]
    return Whole(
        rule_set=rule_set, rule_sets=len(rule_sets), baseline=mean_of([each.before for each in begun if each.before]),
        before=mean_of(before), after=mean_of(after), shift=shift_of(before, after),
        incomplete=tuple(point.sweep for point in points if not point.complete),
    )  # fmt: skip


def _rule_set(site: _Measured) -> str:
    return own_rules(site.told.baseline.rule_set) if site.told.baseline else ""


def mean_of(samples: Sequence[Sample]) -> Mean:
    """What sites say together, by pages as their trends have it (audits.statistics.together), and one by one."""
    shares = [each.share for each in samples if each.share is not None]
    estimate = Estimate.of(together(samples)) if samples else None
    if estimate is not None:
        bounds = by_pages(samples)
        estimate = replace(estimate, low=bounds.low, high=bounds.high)
    return Mean(sites=len(samples), by_pages=estimate, by_sites=sum(shares) / len(shares) if shares else None)


def standing_of(point: Point | None, rate: float) -> Standing:
    """How one sweep's share stands to a target that it is not to exceed: its whole interval has to lie on one side."""
    estimate = point.estimate if point else None
    if estimate is None:
        return Standing.UNKNOWN
    if estimate.high <= rate:
        return Standing.REACHED
    return Standing.NOT_REACHED if estimate.low > rate else Standing.UNKNOWN


def _rate_standing(sites: Sequence[SiteProgress]) -> Standing | None:
    """The target holds for each site: it is reached where all have reached it."""
    found = {each.standing for each in sites}
    if None in found:
        return None
    if Standing.NOT_REACHED in found:
        return Standing.NOT_REACHED
    return Standing.UNKNOWN if Standing.UNKNOWN in found else Standing.REACHED


def _open_of(sites: Sequence[SiteProgress]) -> tuple[int, int]:
    return sum(each.open[0] for each in sites), sum(each.open[1] for each in sites)


def _defects_standing(sites: Sequence[SiteProgress], most: int | None) -> Standing | None:
    """Reached when no more can be open, whatever became of those that nobody has seen."""
    if most is None:
        return None
    sure, possible = _open_of(sites)
    if sure > most:
        return Standing.NOT_REACHED
    whole = all(each.baseline for each in sites)
    return Standing.REACHED if whole and possible <= most else Standing.UNKNOWN
