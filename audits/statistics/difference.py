"""The difference of two shares, each from a draw of its own, with an interval that holds whatever the shares are.

Sources: T. J. Santner and M. K. Snell, "Small-sample confidence intervals for p1-p2 and p1/p2 in 2x2 contingency tables",
Journal of the American Statistical Association 75 (1980), 386-394 (no normal curve: every pair of shares that the
difference allows is tried, and the one that explains the data best counts); I. S. F. Chan and Z. Zhang, "Test-based exact
confidence intervals for the difference of two binomial proportions", Biometrics 55 (1999), 1202-1209 (results are ordered by
standard errors: with little found on either side, a page weighs more); A. Agresti and B. Caffo, "Simple and effective
confidence intervals for proportions and differences", The American Statistician 54 (2000), 280-288 (a page more on each
side keeps a standard error from 0); R. L. Berger and D. D. Boos, "P values maximized over a confidence set for the
nuisance parameter", Journal of the American Statistical Association 89 (1994), 1012-1016 (only shares that either draw
leaves possible are tried, and the chance that this leaves out the truth is paid for).
"""

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from audits.statistics.finite import ONE_SIDE, Draw, interval
from audits.statistics.strata import Equal, Sample

LEFT_OUT = 0.001  # chance, in all, that the shares tried do not hold the truth
TRIED = 101  # shares of the one side that are tried, evenly over those that its draw leaves possible
WEIGHED = 250_000  # pairs of results that are weighed each by its standard error; beyond, by the difference alone
STEPS = 16  # halvings of the range of differences: the bounds are good to 0.003 points

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def difference(before: Draw, after: Draw) -> tuple[float, float]:
    """The 95 % interval of the share after less the share before, from -1 to 1; two censuses give one number twice.

    Against a census it is the exact interval of the one that was drawn. Each bound misses the truth with at most 2.5 %,
    whatever the two shares are, to the fineness of the shares tried.
    """
    if before.is_census or after.is_census:
        (was_low, was_high), (low, high) = before.interval, after.interval
        return low - was_high, high - was_low
    return _lower(before, after), -_lower(after, before)


def is_below(before: Draw, after: Draw) -> bool:
    """Whether the interval of the difference lies below 0; asked of 0 alone, so much quicker than the interval."""
    if before.is_census or after.is_census:
        return difference(before, after)[1] < 0
    shares = _tried(after)
    shown = _likely(after.population, shares, after.drawn)
    expected = chances(after.population, shares, after.drawn, shown)
    return _explained(after, before, shares, expected, shown, 0.0) < ONE_SIDE


def between(before: Sample, after: Sample) -> tuple[float, float]:
    """The same for samples with strata; a page without a result counts in each bound for what makes it wider.

    Raises ValueError when nothing can be said of the one population or the other.
    """
    was, now = min(product(before.ways, after.ways), key=lambda ways: _left_open(before, after, *ways))
    low, _ = difference(was.most, now.fewest)
    _, high = difference(was.fewest, now.most)
    (was_below, was_above), (now_below, now_above) = before.unevenness(was), after.unevenness(now)
    steps = was.step + now.step
    return max(-1.0, low - steps - was_above - now_below), min(1.0, high + steps + was_below + now_above)


def _left_open(before: Sample, after: Sample, was: Equal, now: Equal) -> float:
    """About how wide a difference is when half of every stratum has the property, by sizes alone."""
    variance = sum(
        (1 - each.fewest.drawn / each.fewest.population) / (4 * each.fewest.drawn) for each in (was, now)
    )
    uneven = (*before.halves.unevenness(was), *after.halves.unevenness(now))
    return float(2 * 1.96 * variance**0.5 + sum(uneven))


@cache
def _lower(one: Draw, other: Draw) -> float:
    """The smallest difference, other less one, that explains the data with a probability of 2.5 %."""
    shares = _tried(one)
    shown = _likely(one.population, shares, one.drawn)
    expected = chances(one.population, shares, one.drawn, shown)
    low, high = -1.0, other.share - one.share
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _explained(one, other, shares, expected, shown, middle) >= ONE_SIDE:
            high = middle
        else:
            low = middle
    return low


def _explained(
    one: Draw, other: Draw, shares: Integers, expected: Floats, shown: Integers, difference: float
) -> float:
    """The greatest probability of a result at least as far apart when the shares differ by no more than this."""
    fewest, most = _possible(other)
    having = np.floor(other.population * (shares / one.population + difference) + 1e-9).astype(np.int64)
    tried = having >= fewest
    if not tried.any():
        return LEFT_OUT
    needed = _needed(one, other, difference)[shown]
    reached = _reached(other.population, np.minimum(having[tried], most), other.drawn, needed)
    probabilities = (expected[tried] * reached).sum(axis=1)
    return float(probabilities.max()) + LEFT_OUT


def _needed(one: Draw, other: Draw, difference: float) -> Integers:
    """For each number that the one draw may show, the least of the other that is as far above it as what was seen."""
    if one.drawn * other.drawn > WEIGHED:
        apart = other.found * one.drawn - one.found * other.drawn
        least = -((-(apart + np.arange(one.drawn + 1) * other.drawn)) // one.drawn)
        return np.clip(least, 0, other.drawn + 1)
    far = np.maximum.accumulate(_far(one, other, difference), axis=1)
    reaching = far >= far[one.found, other.found]
    return np.where(reaching[:, -1], reaching.argmax(axis=1), other.drawn + 1)


def _far(one: Draw, other: Draw, difference: float) -> Floats:
    """How many standard errors every pair of results lies above a difference, one draw down, the other across."""
    (shares, errors), (other_shares, other_errors) = _weighed(one), _weighed(other)
    apart = other_shares[None, :] - shares[:, None] - difference
    return apart / np.sqrt(errors[:, None] + other_errors[None, :])


def _weighed(draw: Draw) -> tuple[Floats, Floats]:
    """The shares that a draw may show, and the squares of their standard errors, which one page more on each side keeps from 0."""
    shown = np.arange(draw.drawn + 1)
    near = (shown + 1) / (draw.drawn + 2)
    left = (draw.population - draw.drawn) / (draw.population - 1)
    return shown / draw.drawn, near * (1 - near) / draw.drawn * left


def _possible(draw: Draw) -> tuple[int, int]:
    """How many of the population may have the property, all but certainly."""
    low, high = interval(draw.population, draw.drawn, draw.found, one_side=LEFT_OUT / 4)
    return round(low * draw.population), round(high * draw.population)


def _tried(draw: Draw) -> Integers:
    fewest, most = _possible(draw)
    return np.unique(np.linspace(fewest, most, min(TRIED, most - fewest + 1)).round().astype(np.int64))


def _reached(population: int, having: Integers, drawn: int, needed: Integers) -> Floats:
    """For each number having the property, the probability that a draw shows at least each of the numbers needed."""
    shown = _likely(population, having, drawn)
    sums = np.zeros((len(having), len(shown) + 1))  # the last for more than any draw shows
    sums[:, :-1] = np.cumsum(chances(population, having, drawn, shown)[:, ::-1], axis=1)[:, ::-1]
    return sums[:, np.clip(needed - shown[0], 0, len(shown))]


def _likely(population: int, having: Integers, drawn: int) -> Integers:
    """What a draw may show when so many have the property, but for a chance of 1e-15 (Hoeffding's bound): few of the numbers."""
    means = drawn * having / population
    far = (drawn * 17.3) ** 0.5
    first, last = max(0, int(means.min() - far)), min(drawn, int(means.max() + far) + 1)
    return np.arange(first, last + 1)


def chances(population: int, having: Integers, drawn: int, shown: Integers | None = None) -> Floats:
    """For each number having the property, the hypergeometric probabilities of 0, 1, … drawn, or of what is `shown`."""
    logs = _log_factorials(population)
    shown = np.arange(drawn + 1) if shown is None else shown
    have, lack = having[:, None], population - having[:, None]
    possible = (shown <= have) & (drawn - shown <= lack)
    k, rest = np.where(possible, shown, 0), np.where(possible, drawn - shown, 0)
    ways = logs[have] - logs[k] - logs[np.maximum(have - k, 0)]
    others = logs[lack] - logs[rest] - logs[np.maximum(lack - rest, 0)]
    total = logs[population] - logs[drawn] - logs[population - drawn]
    return np.where(possible, np.exp(np.where(possible, ways + others - total, 0.0)), 0.0)


def _log_factorials(most: int) -> Floats:
    """Of 0, 1, … to at least this many: one table for all populations of about a size, of which there are many."""
    return _log_factorials_to(1 << most.bit_length())


@cache
def _log_factorials_to(most: int) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, most + 1)))))
