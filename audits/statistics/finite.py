"""The exact interval of a share in a finite population, from pages drawn at random without replacement.

Sources: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26 (1934), 404-413; for draws without replacement W. G. Cochran, Sampling Techniques, 3rd ed.
(Wiley 1977), section 3.7, and T. Wright, Exact Confidence Bounds when Sampling from Small Finite Universes (Springer 1991).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma

ONE_SIDE = 0.025  # error on each side of a 95 % interval
ROUNDING = 1e-6  # relative; more than the logarithms may be off for populations up to ten million
NEGLIGIBLE = 1e-18


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Pages drawn at random from a population; a draw of all of it is a census, which has no sampling error."""

    population: int
    drawn: int
    found: int  # drawn pages that have the property

    @property
    def is_census(self) -> bool:
        """Whether nothing was left to chance."""
        return self.drawn == self.population

    @property
    def share(self) -> float:
        """The share among the drawn."""
        return self.found / self.drawn

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval of the share in the population."""
        return interval(self.population, self.drawn, self.found)


@lru_cache(maxsize=65_536)  # sites that are swept again and again show the same numbers
def interval(population: int, drawn: int, found: int, *, one_side: float = ONE_SIDE) -> tuple[float, float]:
    """The exact two-sided interval of a share, from 0 to 1; 95 % unless told otherwise.

    `found` of `drawn` pages taken at random without replacement from `population` have the property. The bounds are
    the smallest and the largest number of such pages in the population under which a result at least as extreme has
    a probability of `one_side` or more. Whatever the truth is, each bound misses it with at most that probability.

    Raises ValueError when the numbers cannot be.
    """
    if not 0 <= found <= drawn <= population or drawn == 0:
        raise ValueError(f"{found} of {drawn} drawn from {population}")
    fewest, most = found, population - (drawn - found)
    least = one_side * (1 - ROUNDING)
    low = _first(fewest, most, lambda having: at_least(population, having, drawn, found) >= least)
    high = _last(fewest, most, lambda having: at_most(population, having, drawn, found) >= least)
    return low / population, high / population


def upper_bound(population: int, drawn: int, found: int) -> float:
    """The largest share that the draw leaves possible: the exact one-sided 95 % bound."""
    return interval(population, drawn, found, one_side=2 * ONE_SIDE)[1]


def at_most(population: int, having: int, drawn: int, found: int) -> float:
    """Probability that a draw shows `found` pages or fewer with a property that `having` of the population have."""
    if found < _mode(population, having, drawn):
        return _tail_below(population, having, drawn, found)
    return 1.0 - _tail_above(population, having, drawn, found + 1)


def at_least(population: int, having: int, drawn: int, found: int) -> float:
    """Probability that a draw shows `found` pages or more with a property that `having` of the population have."""
    return at_most(population, population - having, drawn, drawn - found)


def _mode(population: int, having: int, drawn: int) -> int:
    return (drawn + 1) * (having + 1) // (population + 2)


def _tail_below(population: int, having: int, drawn: int, found: int) -> float:
    """The sum of probabilities from `found` downwards, where they only fall."""
    other = population - having - drawn
    term = total = _chance(population, having, drawn, found)
    if not term:
        return 0.0
    for k in range(found, 0, -1):
        term *= k * (other + k) / ((having - k + 1) * (drawn - k + 1))
        total += term
        if term <= NEGLIGIBLE * total:
            break
    return total


def _tail_above(population: int, having: int, drawn: int, found: int) -> float:
    return _tail_below(population, population - having, drawn, drawn - found) if found <= drawn else 0.0


def _chance(population: int, having: int, drawn: int, found: int) -> float:
    """The hypergeometric probability of exactly `found`."""
    if found < 0 or found > having or drawn - found < 0 or drawn - found > population - having:
        return 0.0
    ways = _log_ways(having, found) + _log_ways(population - having, drawn - found)
    return exp(ways - _log_ways(population, drawn))


def _log_ways(number: int, taken: int) -> float:
    return lgamma(number + 1) - lgamma(taken + 1) - lgamma(number - taken + 1)


def _first(fewest: int, most: int, holds: Callable[[int], bool]) -> int:
    """The smallest number for which a condition holds that holds for all larger ones."""
    while fewest < most:
        middle = (fewest + most) // 2
        if holds(middle):
            most = middle
        else:
            fewest = middle + 1
    return fewest


def _last(fewest: int, most: int, holds: Callable[[int], bool]) -> int:
    """The largest number for which a condition holds that holds for all smaller ones."""
    while fewest < most:
        middle = (fewest + most + 1) // 2
        if holds(middle):
            fewest = middle
        else:
            most = middle - 1
    return fewest
