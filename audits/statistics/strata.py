"""A share from a random draw of pages, stratum by stratum, with the pages that were drawn and gave no result.

A sample without strata is one stratum. With several, the share is the usual stratified mean, and its interval
that of `audits.statistics.finite` for a draw without strata that tells no more: as large as the most thinly sampled stratum
allows (`rate × population` pages, which is all of them where the rates are equal), from a population so large that having
drawn much of it narrows nothing more than in the stratum where it narrows least. tests/audits/test_statistics_strata.py
counts the draws that it covers.

Sources: W. G. Cochran, Sampling Techniques, 3rd ed. (Wiley 1977), sections 5.2-5.3 (the mean and its weights); W. Hoeffding,
"On the distribution of the number of successes in independent trials", Annals of Mathematical Statistics 27 (1956),
713-721 (draws whose chances differ spread no wider than draws with their mean: why proportional strata are safe under the
interval of a draw without strata); the effective size is in the manner of E. L. Korn and B. I. Graubard, "Confidence
intervals for proportions with small expected number of positive counts estimated from survey data", Survey Methodology
24 (1998), 193-201, with the worst that the allocation allows in place of an estimated variance, which tells nothing where a
stratum is small or shows none or all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from audits.statistics.finite import Draw

ENDLESS = 1_000_000  # pages of a population that no draw exhausts


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """A part of the population that pages were drawn from by themselves."""

    population: int
    drawn: int
    audited: int  # drawn pages with a result
    found: int  # audited pages that have the property

    @property
    def missing(self) -> int:
        """Drawn pages without a result."""
        return self.drawn - self.audited


@dataclass(frozen=True, kw_only=True)
class Sample:
    """All strata of a population. What is said of the whole needs pages from every one of them."""

    strata: tuple[Stratum, ...]

    @property
    def population(self) -> int:
        """Pages of all strata."""
        return sum(stratum.population for stratum in self.strata)

    @property
    def drawn(self) -> int:
        """Pages drawn at random."""
        return sum(stratum.drawn for stratum in self.strata)

    @property
    def audited(self) -> int:
        """Drawn pages with a result."""
        return sum(stratum.audited for stratum in self.strata)

    @property
    def found(self) -> int:
        """Audited pages that have the property."""
        return sum(stratum.found for stratum in self.strata)

    @property
    def is_census(self) -> bool:
        """Whether every page was to be audited."""
        return self.drawn == self.population

    @property
    def speaks(self) -> bool:
        """Whether anything can be said of the whole: pages were drawn from every stratum, and one has a result."""
        return self.audited > 0 and all(stratum.drawn for stratum in self._peopled)

    @property
    def share(self) -> float | None:
        """The mean of the strata's shares among audited pages by their sizes; None when a stratum has no result."""
        if not self.speaks or not all(stratum.audited for stratum in self._peopled):
            return None
        return float(self._mean([Fraction(stratum.found, stratum.audited) for stratum in self._peopled]))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share in the whole population; missing pages widen it on both sides.

        With one stratum it is exact, and with strata drawn at equal rates at least as good; with other rates it holds
        whatever the shares of the strata are, for the price of being wide. Raises ValueError when nothing can be said.
        """
        fewest, most = self.fewest, self.most
        return max(0.0, fewest.interval[0] - self.grain), min(1.0, most.interval[1] + self.grain)

    @property
    def fewest(self) -> Draw:
        """The draw without strata that tells no more, missing pages taken for pages without the property."""
        return self._as_one(missing_have=False)

    @property
    def most(self) -> Draw:
        """The draw without strata that tells no more, missing pages taken for pages with the property."""
        return self._as_one(missing_have=True)

    @property
    def grain(self) -> float:
        """What strata add to each bound: a page of the population that stands for them, for it has its own size."""
        return 0.0 if len(self._peopled) == 1 or self.is_census else 1 / self.fewest.population

    @property
    def _peopled(self) -> Sequence[Stratum]:
        return [stratum for stratum in self.strata if stratum.population]

    def _as_one(self, *, missing_have: bool) -> Draw:
        if not self.speaks:
            raise ValueError(f"nothing can be said from {self}")
        rate = min(Fraction(stratum.drawn, stratum.population) for stratum in self._peopled)
        size = floor(rate * self.population)
        share = self._mean(
            [
                Fraction(stratum.found + (stratum.missing if missing_have else 0), stratum.drawn)
                for stratum in self._peopled
            ]
        )
        found = ceil(size * share) if missing_have else floor(size * share)
        return Draw(population=self._as_good_as(size), drawn=size, found=found)

    def _as_good_as(self, size: int) -> int:
        """The population from which a draw of this size leaves as much to chance as in the worst of the strata."""
        if len(self._peopled) == 1:
            return self.population
        left = max(
            Fraction(stratum.population - stratum.drawn, max(stratum.population - 1, 1))
            for stratum in self._peopled
        )
        endless = max(self.population, ENDLESS)
        return min(endless, max(size, ceil((size - left) / (1 - left)))) if left < 1 else endless

    def _mean(self, shares: Sequence[Fraction]) -> Fraction:
        parts = zip(self._peopled, shares, strict=True)
        return sum((stratum.population * share for stratum, share in parts), Fraction(0)) / self.population
