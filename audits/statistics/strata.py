"""A share from a random draw of pages, stratum by stratum, with the pages that were drawn and gave no result.

A sample without strata is one stratum. With several, the share is the usual stratified mean, and its interval that of
`audits.statistics.finite` for one draw that tells no more (`Equal`). There are two such draws, and the sizes of the strata
alone, never what was found, decide which is used: the one that leaves less open when every stratum shows a half, or nearly.

- All strata thrown together. What they show is a sum of independent chances, which spreads no wider than one draw with
  their mean (Hoeffding): that bounds the mean of the strata's shares by how much was drawn from each. The share by size is
  that when the rates are equal, and lies near it when they are nearly so: how near is worked out from the sizes.
- As if all strata had been drawn from at the rate of the most thinly drawn one.

Either comes from a population so large that having drawn much of it narrows nothing more than in the stratum where it
narrows least. tests/audits/test_statistics_coverage.py counts the draws that the intervals cover.

Sources: W. G. Cochran, Sampling Techniques, 3rd ed. (Wiley 1977), sections 5.2-5.3 (the mean and its weights); W. Hoeffding,
"On the distribution of the number of successes in independent trials", Annals of Mathematical Statistics 27 (1956),
713-721 (a draw from a finite stratum is such a sum as well: its generating polynomial has real roots only); the effective
size of thin strata is in the manner of E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small
expected number of positive counts estimated from survey data", Survey Methodology 24 (1998), 193-201, with the worst that the
allocation allows in place of an estimated variance, which tells nothing where a stratum is small or shows none or all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil, floor

from audits.statistics.finite import Draw

ENDLESS = 1_000_000  # pages of a population that no draw exhausts
NEARLY = 1.2  # so much wider may the strata thrown together leave a half: nearer to 0 and 1 they leave less open


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

    @property
    def twice_and_a_half_found(self) -> "Stratum":
        """A stratum of twice the size, twice drawn from, all audited, of which half have the property: the same rates."""
        return Stratum(
            population=2 * self.population, drawn=2 * self.drawn, audited=2 * self.drawn, found=self.drawn
        )


@dataclass(frozen=True, kw_only=True)
class Equal:
    """One draw without strata that tells no more of a population than a sample with strata does.

    Its interval is of the mean of the strata's shares by these weights, good to `step` on each side.
    """

    fewest: Draw  # missing pages taken for pages without the property
    most: Draw  # missing pages taken for pages with the property
    weights: tuple[float, ...]  # of the strata, 1 in all
    step: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean by the weights."""
        return self.fewest.interval[0] - self.step, self.most.interval[1] + self.step

    @property
    def showing_a_half(self) -> "Equal":
        """The same, had half of its pages had the property."""
        half = replace(self.fewest, found=self.fewest.drawn // 2)
        return replace(self, fewest=half, most=half)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """All strata of a population. What is said of the whole needs pages from every one of them."""

    strata: tuple[Stratum, ...]

    @cached_property
    def population(self) -> int:
        """Pages of all strata."""
        return sum(stratum.population for stratum in self.strata)

    @cached_property
    def drawn(self) -> int:
        """Pages drawn at random."""
        return sum(stratum.drawn for stratum in self.strata)

    @cached_property
    def audited(self) -> int:
        """Drawn pages with a result."""
        return sum(stratum.audited for stratum in self.strata)

    @cached_property
    def found(self) -> int:
        """Audited pages that have the property."""
        return sum(stratum.found for stratum in self.strata)

    @property
    def is_census(self) -> bool:
        """Whether every page was to be audited."""
        return self.drawn == self.population

    @cached_property
    def speaks(self) -> bool:
        """Whether anything can be said of the whole: pages were drawn from every stratum, and one has a result."""
        return self.audited > 0 and all(stratum.drawn for stratum in self._peopled)

    @cached_property
    def share(self) -> float | None:
        """The mean of the strata's shares among audited pages by their sizes; None when a stratum has no result."""
        if not self.speaks or not all(stratum.audited for stratum in self._peopled):
            return None
        return float(self._mean([Fraction(stratum.found, stratum.audited) for stratum in self._peopled]))

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share in the whole population; missing pages widen it on both sides.

        With one stratum it is exact, and with strata drawn at equal rates at least as good; with other rates it holds
        whatever the shares of the strata are, for the price of being wide. Raises ValueError when nothing can be said.
        """
        return self._interval_from(self.equal)

    @cached_property
    def equal(self) -> Equal:
        """The draw without strata that stands for the sample. Raises ValueError when nothing can be said."""
        together, *thinned = self.ways
        if not thinned:
            return together
        (low, high), (thin_low, thin_high) = (
            self.halves._interval_from(way.showing_a_half) for way in (together, *thinned)
        )
        return together if high - low < NEARLY * (thin_high - thin_low) else thinned[0]

    @property
    def ways(self) -> tuple[Equal, ...]:
        """The draws without strata that may stand for the sample. Raises ValueError when nothing can be said.

        Which of them does is to be decided by sizes alone: decided by what was found, each would miss where the other does.
        """
        if not self.speaks:
            raise ValueError(f"nothing can be said from {self}")
        return (self._together,) if len(self._peopled) == 1 else (self._together, self._thinned)

    @property
    def halves(self) -> "Sample":
        """A sample of the same rates in which half of every stratum has the property."""
        return Sample(strata=tuple(stratum.twice_and_a_half_found for stratum in self.strata))

    def unevenness(self, equal: Equal) -> tuple[float, float]:
        """How far the share may lie below and above the mean by the weights of a draw, whatever that is."""
        below = above = 0.0
        for weight, size, least, most in self._limits(equal):
            below += max((weight - size) * least, (weight - size) * most)
            above += max((size - weight) * least, (size - weight) * most)
        return below, above

    @cached_property
    def _peopled(self) -> Sequence[Stratum]:
        return [stratum for stratum in self.strata if stratum.population]

    def _interval_from(self, equal: Equal) -> tuple[float, float]:
        low, high = equal.interval
        if len(self._peopled) == 1 or self.is_census:
            return low, high
        return max(0.0, self._share_with(equal, low)), min(1.0, self._share_with(equal, high, greatest=True))

    def _share_with(self, equal: Equal, mean: float, *, greatest: bool = False) -> float:
        """The least, or the greatest, share of the population that goes with a mean by the weights of a draw.

        Each stratum has at least what was found in it, and at most all but what was found without the property. The rest
        of the mean lies in the strata that weigh most by size for what they weigh in the mean, or least.
        """
        limits = sorted(self._limits(equal), key=lambda each: each[1] / each[0], reverse=greatest)
        share = sum(size * least for _, size, least, _ in limits)
        left = mean - sum(weight * least for weight, _, least, _ in limits)
        for weight, size, least, most in limits:
            taken = min(most - least, max(left, 0.0) / weight)
            share += size * taken
            left -= weight * taken
        return share

    def _limits(self, equal: Equal) -> list[tuple[float, float, float, float]]:
        """Of each stratum: what it weighs in the mean and by its size, the least and the greatest share it can have."""
        return [
            (
                weight,
                stratum.population / self.population,
                stratum.found / stratum.population,
                1 - (stratum.audited - stratum.found) / stratum.population,
            )
            for weight, stratum in zip(equal.weights, self._peopled, strict=True)
        ]

    @property
    def _together(self) -> Equal:
        """All strata thrown together."""
        weights = [stratum.drawn / self.drawn for stratum in self._peopled]
        return self._equal(self.drawn, self.found, self.found + self.drawn - self.audited, weights)

    @property
    def _thinned(self) -> Equal:
        """As if all strata had been drawn from at the rate of the most thinly drawn one."""
        rate = min(Fraction(stratum.drawn, stratum.population) for stratum in self._peopled)
        size = max(floor(rate * self.population), 1)
        fewest = [Fraction(stratum.found, stratum.drawn) for stratum in self._peopled]
        most = [Fraction(stratum.found + stratum.missing, stratum.drawn) for stratum in self._peopled]
        weights = [stratum.population / self.population for stratum in self._peopled]
        return self._equal(size, floor(size * self._mean(fewest)), ceil(size * self._mean(most)), weights)

    def _equal(self, size: int, fewest: int, most: int, weights: Sequence[float]) -> Equal:
        population = self._as_good_as(size)
        return Equal(
            fewest=Draw(population=population, drawn=size, found=fewest),
            most=Draw(population=population, drawn=size, found=most),
            weights=tuple(weights),
            # A page of the population that stands for several, which has steps of its own size.
            step=0.0 if len(self._peopled) == 1 or self.is_census else 1 / population,
        )

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
