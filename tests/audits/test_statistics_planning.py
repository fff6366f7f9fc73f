"""How many pages to draw, held against published tables; what two samples can tell, against simulation."""

from functools import cache

import numpy as np
import pytest

from audits.statistics.difference import chances, difference
from audits.statistics.finite import Draw, interval, upper_bound
from audits.statistics.planning import (
    by_the_normal_curve,
    largest_after_fall,
    pages_needed,
    smallest_after_rise,
)


@pytest.mark.parametrize(
    ("population", "points", "pages"),
    [  # R. V. Krejcie and D. W. Morgan, "Determining sample size for research activities", Educational and
        # Psychological Measurement 30 (1970), table 1: ±5 points at 95 %, half of the population
        (10, 5, 10),
        (100, 5, 80),
        (300, 5, 169),
        (1_000, 5, 278),
        (1_200, 5, 291),
        (5_000, 5, 357),
        (10_000, 5, 370),
        (50_000, 5, 381),
        (1_000_000, 5, 384),
    ],
)
def test_it_is_the_published_table(population: int, points: int, pages: int) -> None:
    """By one page more at most: the table rounds to the nearest page, we round up."""
    assert by_the_normal_curve(population, points / 100) - pages in (0, 1)


def test_the_figures_of_the_method() -> None:
    assert by_the_normal_curve(10_000, 0.05) == 370
    assert upper_bound(10_000_000, 40, 0) == pytest.approx(1 - 0.05 ** (1 / 40), abs=1e-6)  # 7.2 %
    assert interval(10_000_000, 40, 12) == pytest.approx((0.1656, 0.4653), abs=5e-5)  # Clopper and Pearson


def test_a_smaller_expected_share_needs_fewer_pages_and_never_more_than_there_are() -> None:
    assert pages_needed(10_000, 0.05, 0.1) < pages_needed(10_000, 0.05, 0.3) < pages_needed(10_000, 0.05)
    assert pages_needed(3, 0.01) == 3


@pytest.mark.parametrize("population", [40, 300, 1_200, 10_000, 1_000_000])
@pytest.mark.parametrize("half_width", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.02, 0.1, 0.3, 0.5, 0.97, 1.0])
def test_the_exact_interval_of_the_planned_sample_is_as_narrow_as_was_wanted(
    population: int, half_width: float, share: float
) -> None:
    """The normal curve plans one page for a share of 0, of which the interval is 0 to 97.5 %."""
    drawn = pages_needed(population, half_width, share)
    low, high = interval(population, drawn, round(share * drawn))
    assert high - low <= 2 * half_width + 1e-6
    assert by_the_normal_curve(population, half_width, share) <= drawn <= population


@pytest.mark.parametrize(("population", "drawn", "before"), [(1200, 40, 0.5), (1200, 40, 0.3), (300, 100, 0.2)])
def test_what_is_said_to_show_shows_in_8_of_10_pairs_of_draws_and_a_page_less_of_change_does_not(
    population: int, drawn: int, before: float
) -> None:
    """Whatever the first draw shows: every pair of results counts by what the comparison would say of it."""
    having = round(before * population)
    fall, rise = (find(population, drawn, before) for find in (largest_after_fall, smallest_after_rise))
    assert fall is not None
    assert rise is not None
    after, more = round(fall * population), round(rise * population)
    assert _told(population, drawn, having, after) >= 0.8 > _told(population, drawn, having, after + 1)
    # a rise of pages with a property is a fall of pages without it
    having, less = population - having, population - more
    assert _told(population, drawn, having, less) >= 0.8 > _told(population, drawn, having, less + 1)


def _told(population: int, drawn: int, having: int, after: int) -> float:
    """Probability that two draws are told apart as a fall, added up over what the first may show."""
    shown = np.arange(drawn + 1)
    first, second = (chances(population, np.array([each]), drawn)[0] for each in (having, after))
    told, most = 0.0, -1
    for found in shown[first > 1e-6]:
        while most + 1 < found and _falls(population, drawn, int(found), most + 1):
            most += 1
        told += first[found] * second[: most + 1].sum()
    return float(told)


@cache
def _falls(population: int, drawn: int, found: int, later: int) -> bool:
    draws = (Draw(population=population, drawn=drawn, found=each) for each in (found, later))
    return difference(*draws)[1] < 0


def test_a_fall_that_no_sample_of_this_size_shows_is_none() -> None:
    assert largest_after_fall(1200, 40, 0.1) is None
    assert largest_after_fall(1200, 40, 0.0) is None
    assert smallest_after_rise(1200, 40, 0.95) is None
