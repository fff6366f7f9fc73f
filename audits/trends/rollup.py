"""Rolling up: one number for several sites in each period, weighted by their pages and unweighted, and of which sites it is.

A site without a sweep in a period is missing there. It is named, and is neither a zero nor what it was before. So is one that was
measured by other rules than most: a share by two rule sets would be a share of nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from audits.engine import own_rules
from audits.statistics.strata import Sample
from audits.statistics.together import Together, by_pages, by_sites
from audits.trends.lines import Step, between
from audits.trends.periods import Period
from db.words import Break

REMEMBERED = 2_000  # rates of several sites: the sites of a period that is over stay as they are


@dataclass(frozen=True, kw_only=True)
class Rates:
    """One number of several sites, made in two ways."""

    sites: int
    frame: int  # pages of these sites
    audited: int  # pages with a result, of the parts that speak for their sites
    problem_pages: int
    by_pages: Together  # every page weighs the same
    by_sites: Together  # every site weighs the same


@dataclass(frozen=True, kw_only=True)
class Change:
    """What has become of the sites that may be compared with themselves a period earlier, and of no others."""

    before: Rates
    after: Rates


@dataclass(frozen=True, kw_only=True)
class Rolled:
    """Several sites in one period."""

    period: Period
    steps: Mapping[int, Step]  # site → its last sweep of the period that speaks for it
    missing: Mapping[int, Break | None]  # site → why its sweeps of the period say nothing; None: there was none
    line: int | None  # as of a `Step`; None: of no site
    breaks: tuple[Break, ...]  # why it does not go on from the period before
    broken: Mapping[int, tuple[Break, ...]]  # site → why it does not go on from its own point before
    came: tuple[int, ...]  # sites that the point before is not of
    went: tuple[int, ...]  # sites that it is not of, and the point before was
    before: "Rolled | None"  # the last period with a site

    @property
    def at(self) -> datetime:
        """When the last of its sweeps finished."""
        return max(step.point.at for step in self.steps.values())

    @property
    def incomplete(self) -> tuple[int, ...]:
        """Sites whose sweep missed something."""
        return tuple(site for site, step in self.steps.items() if not step.point.complete)

    def rates(self, number: str | None = None, sites: Collection[int] | None = None) -> Rates | None:
        """The rates of a criterion, or of level A and AA; of some of its sites, or of all. None when no site says any."""
        key = number, tuple(self.steps if sites is None else sites)
        if key not in self._told:
            samples = [self.steps[site].point.sample(number) for site in key[1]]
            self._told[key] = rates_of(tuple(sample for sample in samples if sample is not None))
        return self._told[key]

    @cached_property
    def _told(self) -> dict[tuple[str | None, tuple[int, ...]], Rates | None]:
        """Rates by criterion and sites: an interval of hundreds of sites takes its time."""
        return {}

    @cached_property
    def comparable(self) -> tuple[int, ...]:
        """Sites that may be held against themselves in the last period with a site."""
        if self.before is None:
            return ()
        return tuple(site for site in self.steps if site in self.before.steps and site not in self.broken)

    def change(self, number: str | None = None) -> Change | None:
        """The comparable sites before and now; None when there are none."""
        if self.before is None:
            return None
        before, after = self.before.rates(number, self.comparable), self.rates(number, self.comparable)
        return Change(before=before, after=after) if before and after else None


@lru_cache(maxsize=REMEMBERED)
def rates_of(samples: tuple[Sample, ...]) -> Rates | None:
    """The rates of some samples; None when there are none."""
    if not samples:
        return None
    return Rates(
        sites=len(samples), frame=sum(each.population for each in samples), audited=sum(each.audited for each in samples),
        problem_pages=sum(each.found for each in samples), by_pages=by_pages(samples), by_sites=by_sites(samples),
    )  # fmt: skip


def rolled_up(steps: Mapping[int, Sequence[Step]], sites: Iterable[int], periods: Iterable[Period]) -> list[Rolled]:
    """The sites in each period. The line goes on only over the same sites, each of which goes on from its own point."""
    wanted = list(sites)
    told: list[Rolled] = []
    before: Rolled | None = None
    for period in periods:
        by_site: dict[int, list[Step]] = defaultdict(list)
        for site in wanted:
            by_site[site] = [step for step in steps.get(site, ()) if period.holds(step.point.at)]
        spoke = {
            site: of[-1] for site, found in by_site.items() if (of := [each for each in found if not each.alone])
        }
        silent = {
            site: found[-1].breaks[0] if found else None for site, found in by_site.items() if site not in spoke
        }
        rules = _rules_of_most(spoke, before)
        others = [site for site, step in spoke.items() if _rules(step) != rules]
        silent |= dict.fromkeys(others, Break.RULE_SET)
        for site in others:
            del spoke[site]
        one = _following(before, period, spoke, silent)
        told.append(one)
        before = one if spoke else before
    return told


def _rules(step: Step) -> str:
    return own_rules(step.point.terms.sweep.rule_set)


def _rules_of_most(spoke: Mapping[int, Step], before: Rolled | None) -> str:
    """What most of the sites were judged by; of as many, those of the point before."""
    sites = Counter(map(_rules, spoke.values()))
    last = _rules(next(iter(before.steps.values()))) if before is not None else ""
    return max(sites, key=lambda each: (sites[each], each == last, each), default="")


def _following(
    before: Rolled | None, period: Period, spoke: dict[int, Step], silent: dict[int, Break | None]
) -> Rolled:
    broken: dict[int, tuple[Break, ...]] = {}
    came: tuple[int, ...] = ()
    went: tuple[int, ...] = ()
    why: list[Break] = []
    if before is not None and spoke:
        for site, step in spoke.items():
            was = before.steps.get(site)
            if was is not None and (found := between(was.point, step.point)):
                broken[site] = found
            elif was is not None and was.line != step.line:  # something between the two has broken the site's line
                broken[site] = step.breaks or (Break.DRAW,)
        came = tuple(site for site in spoke if site not in before.steps)
        went = tuple(site for site in before.steps if site not in spoke)
        why = [each for each in Break if any(each in found for found in broken.values())]
        why += [Break.SITES] if came or went else []
    last = before.line if before is not None and before.line is not None else -1
    line = None if not spoke else max(last, 0) if before is not None and not why else last + 1
    return Rolled(
        period=period, steps=spoke, missing=silent, line=line, breaks=tuple(why), broken=broken, came=came, went=went,
        before=before,
    )  # fmt: skip
