"""What a random sample says of the whole frame: an exact interval for a finite population."""

from collections.abc import Callable
from math import comb

ONE_SIDE = 0.025  # error on each side of a 95 % interval


def interval(population: int, drawn: int, found: int) -> tuple[float, float]:
    """The exact two-sided 95 % interval of a share, from 0 to 1.

    `found` of `drawn` pages taken at random without replacement from `population` have the property. The bounds
    are the smallest and the largest number of such pages in the population under which a result at least as
    extreme has a probability above 2.5 % (hypergeometric, in the manner of Clopper and Pearson).

    Raises ValueError when the numbers cannot be.
    """
    if not 0 <= found <= drawn <= population or drawn == 0:
        raise ValueError(f"{found} of {drawn} drawn from {population}")
    fewest, most = found, population - (drawn - found)
    low = _first(fewest, most, lambda having: _at_least(population, having, drawn, found) > ONE_SIDE)
    high = _last(fewest, most, lambda having: _at_most(population, having, drawn, found) > ONE_SIDE)
    return low / population, high / population


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


def _at_most(population: int, having: int, drawn: int, found: int) -> float:
    """Probability of at most `found` in the draw when `having` of the population have the property."""
    ways = sum(comb(having, k) * comb(population - having, drawn - k) for k in range(found + 1))
    return ways / comb(population, drawn)


def _at_least(population: int, having: int, drawn: int, found: int) -> float:
    return 1.0 - _at_most(population, having, drawn, found - 1) if found else 1.0
