"""How many pages to draw, and what a number of pages can show.

Sources: W. G. Cochran, Sampling Techniques, 3rd ed. (Wiley 1977), section 4.4 (sample size for a wanted half width, with the
correction for finite populations). The normal curve promises too much, most of all for shares near 0 and 1, so what is told
is held against the exact interval that the sample will have. What two samples tell apart is counted by the rule that
compares them, not by a formula.
"""

from math import ceil, floor
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from audits.statistics.difference import chances, is_below
from audits.statistics.finite import ROUNDING, Draw, interval

CONFIDENCE = NormalDist().inv_cdf(0.975)  # two-sided 95 %
POWER = 0.8  # of telling a difference that is there
UNLIKELY = 1e-6  # a result of a draw that no plan counts on


def pages_needed(population: int, half_width: float, share: float = 0.5) -> int:
    """Pages to draw so that the exact interval is no wider than share ± half width; a share of a half is the worst case.

    It holds when as many pages are found as expected, rounded either way: with luck the other way it is a little wider.
    """
    least = by_the_normal_curve(population, half_width, share)
    step, most = 1, least
    while not _is_narrow(population, most, half_width, share):
        least, most, step = most + 1, min(population, most + step), 2 * step
    while least < most:
        middle = (least + most) // 2
        if _is_narrow(population, middle, half_width, share):
            most = middle
        else:
            least = middle + 1
    return most


def by_the_normal_curve(population: int, half_width: float, share: float = 0.5) -> int:
    """The same as textbooks and published tables have it: where the search begins."""
    endless = CONFIDENCE**2 * share * (1 - share) / half_width**2
    return max(1, min(population, ceil(endless / (1 + (endless - 1) / population))))


def _is_narrow(population: int, drawn: int, half_width: float, share: float) -> bool:
    """Whether the exact interval of what a draw is expected to show is no wider than wanted."""
    bounds = (interval(population, drawn, found) for found in {floor(share * drawn), ceil(share * drawn)})
    return all(high - low <= 2 * half_width + ROUNDING for low, high in bounds)


def largest_after_fall(population: int, drawn: int, before: float) -> float | None:
    """The largest share afterwards that two samples tell from the share before, in 8 of 10 cases; None: none is.

    Both samples are drawn anew from a population of the same size and compared as `audits.statistics.difference`
    does: its interval must lie below 0. Whatever the first sample shows counts, by how likely it is.
    """
    having = round(before * population)
    first = chances(population, np.array([having]), drawn)[0]
    most = _most_told(population, drawn, first)

    def power(after: int) -> float:
        second = np.cumsum(chances(population, np.array([after]), drawn)[0])
        return float((first * np.where(most < 0, 0.0, second[most])).sum())

    if power(0) < POWER:
        return None
    low, high = 0, having
    while low < high:
        middle = (low + high + 1) // 2
        if power(middle) >= POWER:
            low = middle
        else:
            high = middle - 1
    return low / population


def smallest_after_rise(population: int, drawn: int, before: float) -> float | None:
    """The smallest share afterwards that is told from a lower share before, in 8 of 10 cases; None: none is."""
    without = largest_after_fall(population, drawn, 1 - before)
    return None if without is None else 1 - without


def _most_told(population: int, drawn: int, first: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most that a second draw may show to be told as a fall from each result of a first; -1 where nothing is.

    It never falls when the first shows more. Results of the first that are all but impossible are left out.
    """

    def is_told(found: int, later: int) -> bool:
        one, other = (Draw(population=population, drawn=drawn, found=each) for each in (found, later))
        return later < found and is_below(one, other)

    told = np.full(drawn + 1, -1)
    most = -1
    for found in np.flatnonzero(first > UNLIKELY).tolist():
        step = 1
        while is_told(found, most + step):
            most += step
            step *= 2
        while step > 1:
            step //= 2
            if is_told(found, most + step):
                most += step
        told[found] = most
    return told
