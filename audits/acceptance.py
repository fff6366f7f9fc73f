"""Acceptance: what pages show now, held against a baseline: new, spread, newly checked, known, no longer seen.

Only what a rule failed counts, and only rules that speak about a criterion of levels A and AA, or of the level aimed at. A page
without a result says nothing: it makes no defect new, and none gone.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from audits.baseline import Baseline, Known, known_from
from audits.engine import RuleSet
from audits.fault import Fault
from audits.page import Place
from audits.pages import Checked
from crawler.address import path_of
from db.words import Edition, Outcome


class Standing(StrEnum):
    """What a defect is to the baseline, the gravest first."""

    NEW = "new"
    SPREAD = "spread"  # known, on a page where it was not, or in more places of it
    NEWLY_CHECKED = "newly_checked"  # by a rule that the baseline did not run: nobody knows whether it is new
    KNOWN = "known"


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A defect on one page."""

    address: str
    standing: Standing
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A defect on the pages that show it."""

    digest: str
    rule: str
    sightings: tuple[Sighting, ...]

    @property
    def standing(self) -> Standing:
        """The gravest of its pages."""
        return min((each.standing for each in self.sightings), key=tuple(Standing).index)


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A defect of the baseline that none of the pages shows any more."""

    known: Known
    seen: tuple[str, ...]  # addresses of the pages checked where it was


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """The pages as they are held against a baseline."""

    pages: tuple[Checked, ...]
    rules: RuleSet
    baseline: Baseline | None
    found: tuple[Found, ...]
    gone: tuple[Gone, ...]

    def of(self, standing: Standing) -> tuple[Found, ...]:
        """The defects of one standing."""
        return tuple(each for each in self.found if each.standing is standing)

    @property
    def lost(self) -> tuple[Checked, ...]:
        """The pages of which nothing is known."""
        return tuple(each for each in self.pages if not each.audited)

    @property
    def rules_not_run_before(self) -> tuple[str, ...]:
        """The rules that count now and that the baseline did not run."""
        return () if self.baseline is None else tuple(sorted(counting(self.rules) - self.baseline.rules))

    @property
    def to_review(self) -> int:
        """Places that a machine cannot tell."""
        rules = counting(self.rules)
        return sum(
            place.outcome is Outcome.CANT_TELL and place.rule in rules
            for page in self.pages
            for place in page.places
        )

    def fails(self, *, strict: bool = False) -> bool:
        """Whether there is a new defect; `strict`: or a known one in a new place."""
        return any(
            each.standing is Standing.NEW or (strict and each.standing is Standing.SPREAD) for each in self.found
        )


def counting(rules: RuleSet) -> frozenset[str]:
    """The rules that can find a defect: they speak about a criterion."""
    return frozenset(rule for rule, numbers in rules.criteria.items() if numbers)


def hold_against(pages: Sequence[Checked], rules: RuleSet, baseline: Baseline | None) -> Acceptance:
    """Tell what is new from what is known; without a baseline everything is new."""
    found: dict[str, list[tuple[str, list[Place]]]] = defaultdict(list)
    for page in pages:
        for name, places in _defects(page, rules, baseline).items():
            found[name].append((page.address, places))
    return Acceptance(
        pages=tuple(pages),
        rules=rules,
        baseline=baseline,
        found=tuple(_found(name, on, baseline) for name, on in found.items()),
        gone=() if baseline is None else tuple(_gone(pages, rules, baseline, found.keys())),
    )


def as_baseline(acceptance: Acceptance, engine: str, edition: Edition) -> Baseline:
    """All that is known now: what the pages showed and, of pages that were not seen, what was known before.

    What was known before may stem from other rules: then only the rules of both are said to have been run.
    """
    seen = {path_of(each.address) for each in acceptance.pages if each.audited}
    before = acceptance.baseline
    places = [(on.address, place) for each in acceptance.found for on in each.sightings for place in on.places]
    names = {} if before is None else _names_today(before, [place.fault for _, place in places])
    shown = Counter(
        (names.get(place.fault.digest, place.fault.digest), place.rule, address) for address, place in places
    )
    on_paths = [(digest, rule, path_of(address), count) for (digest, rule, address), count in shown.items()]
    kept: Counter[tuple[str, str, str]] = Counter()
    for each in () if before is None else before.defects.values():
        kept.update(
            {
                (names.get(each.digest, each.digest), each.rule, path): count
                for path, count in each.pages.items()
                if path not in seen
            }
        )
    rules = counting(acceptance.rules)
    if kept and before is not None:
        rules &= before.rules
    return Baseline(
        engine=engine,
        rule_set=acceptance.rules.name,
        edition=edition,
        rules=rules,
        defects=known_from([*on_paths, *((*key, count) for key, count in kept.items())]),
        names=names,
    )


def _names_today(before: Baseline, faults: Iterable[Fault]) -> dict[str, str]:
    """The names that are known as others from now on, with those of what was known before by another version.

    Faults of today that were one before stay one: of a page that was not seen nobody can say which it shows.
    """
    names = dict(before.names)
    for fault in faults:
        known = before.name_of(fault)
        if known not in before.defects:
            continue
        first, *others = sorted({names.get(each, each) for each in (known, fault.digest)} - {known}) or [known]
        for other in {known, *others} - {first}:
            names |= {name: first for name, of in names.items() if of == other}
            names[other] = first
    return names


def _defects(page: Checked, rules: RuleSet, baseline: Baseline | None) -> dict[str, list[Place]]:
    """The places on a page by the defect that they show, as the baseline names it."""
    counted, found = counting(rules), defaultdict(list)
    for place in page.places:
        if place.outcome is Outcome.FAILED and place.rule in counted:
            found[place.fault.digest if baseline is None else baseline.name_of(place.fault)].append(place)
    return found


def _found(name: str, on: list[tuple[str, list[Place]]], baseline: Baseline | None) -> Found:
    first = on[0][1][0]
    rule = first.rule
    return Found(
        digest=first.fault.digest,
        rule=rule,
        sightings=tuple(
            Sighting(
                address=address, places=tuple(places),
                standing=_standing(name, rule, path_of(address), len(places), baseline),
            )
            for address, places in on
        ),
    )  # fmt: skip


def _standing(name: str, rule: str, path: str, places: int, baseline: Baseline | None) -> Standing:
    if baseline is None:
        return Standing.NEW
    known = baseline.defects.get(name)
    if known is not None:
        return Standing.SPREAD if places > known.pages.get(path, 0) else Standing.KNOWN
    return Standing.NEW if rule in baseline.rules else Standing.NEWLY_CHECKED


def _gone(pages: Sequence[Checked], rules: RuleSet, baseline: Baseline, shown: Collection[str]) -> Iterator[Gone]:
    """What was known on pages that were seen now, by a rule that was run, and that no page shows."""
    addresses: dict[str, list[str]] = defaultdict(list)
    for page in pages:
        if page.audited:
            addresses[path_of(page.address)].append(page.address)
    for digest, known in baseline.defects.items():
        if digest in shown or known.rule not in counting(rules):
            continue
        seen = [address for path in known.pages for address in addresses.get(path, ())]
        if seen:
            yield Gone(known=known, seen=tuple(seen))
