"""How many pages to draw, and what a number of pages can show.

Sources: W. G. Cochran, Sampling Techniques, 3rd ed. (Wiley 1977), section 4.4 (sample size for a wanted half width, with the
correction for finite populations). The normal curve promises too much, most of all for shares near 0 and 1, so what is told
is held against the exact interval that the sample will have. What two samples tell apart is counted by the rule that
compares them, not by a formula.
"""

from math import ceil, floor
from statistics import NormalDist

import numpy as np

from audits.statistics.difference import chances, difference
from audits.statistics.finite import ROUNDING, Draw, interval

CONFIDENCE = NormalDist().inv_cdf(0.975)  # two-sided 95 %
POWER = 0.8  # of telling a difference that is there


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
    does: its interval must lie below 0. Exact but for one thing: the gap needed is that at the expected first sample.
    """
    having = round(before * population)
    gap = _gap_needed(population, drawn, round(before * drawn))
    if gap is None or _power(population, drawn, having, 0, gap) < POWER:
        return None
    low, high = 0, having
    while low < high:
        middle = (low + high + 1) // 2
        if _power(population, drawn, having, middle, gap) >= POWER:
            low = middle
        else:
            high = middle - 1
    return low / population


def smallest_after_rise(population: int, drawn: int, before: float) -> float | None:
    """The smallest share afterwards that is told from a lower share before, in 8 of 10 cases; None: none is."""
    without = largest_after_fall(population, drawn, 1 - before)
    return None if without is None else 1 - without


def _gap_needed(population: int, drawn: int, found: int) -> int | None:
    """By how many pages a second draw must show fewer than `found`, to be told from the first."""
    first = Draw(population=population, drawn=drawn, found=found)

    def is_told(gap: int) -> bool:
        return difference(first, Draw(population=population, drawn=drawn, found=found - gap))[1] < 0

    least, most = 1, found
    if not found or not is_told(most):
        return None
    while least < most:
        middle = (least + most) // 2
        if is_told(middle):
            most = middle
        else:
            least = middle + 1
    return least


def _power(population: int, drawn: int, before: int, after: int, gap: int) -> float:
    """Probability that the second draw shows at least `gap` pages fewer than the first."""
    first = chances(population, np.array([before]), drawn)[0]
    fewer = np.cumsum(chances(population, np.array([after]), drawn)[0])
    return float((first[gap:] * fewer[: drawn + 1 - gap]).sum())
