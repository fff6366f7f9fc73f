"""The difference of two shares: by its definition, at its ends, and where one side or both are counted."""

from fractions import Fraction
from itertools import product
from math import comb

import pytest

from audits.statistics.difference import LEFT_OUT, between, difference, is_below
from audits.statistics.finite import Draw, interval
from audits.statistics.strata import Sample, Stratum


def draw(population: int, drawn: int, found: int) -> Draw:
    return Draw(population=population, drawn=drawn, found=found)


def one_stratum(population: int, drawn: int, found: int, missing: int = 0) -> Sample:
    return Sample(strata=(Stratum(population=population, drawn=drawn, audited=drawn - missing, found=found),))


def test_two_censuses_give_the_difference_itself() -> None:
    assert difference(draw(50, 50, 10), draw(40, 40, 4)) == pytest.approx((-0.1, -0.1))


@pytest.mark.parametrize("found", [0, 9, 30])
def test_against_a_census_it_is_the_exact_interval_of_the_other(found: int) -> None:
    low, high = interval(122, 30, found)
    assert difference(draw(100, 100, 20), draw(122, 30, found)) == pytest.approx((low - 0.2, high - 0.2))
    assert difference(draw(122, 30, found), draw(100, 100, 20)) == pytest.approx((0.2 - high, 0.2 - low))


def test_it_is_the_same_seen_from_the_other_side() -> None:
    for before, after in product((0, 3, 10, 20), repeat=2):
        low, high = difference(draw(300, 20, before), draw(250, 20, after))
        assert difference(draw(250, 20, after), draw(300, 20, before)) == pytest.approx((-high, -low), abs=1e-4)
        assert low <= after / 20 - before / 20 <= high


def test_it_narrows_as_more_is_drawn() -> None:
    widths = []
    for drawn in (10, 20, 40, 80, 160):
        low, high = difference(draw(1200, drawn, drawn // 5), draw(1200, drawn, drawn // 5))
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def chance(population: int, having: int, drawn: int, shown: int) -> Fraction:
    return Fraction(comb(having, shown) * comb(population - having, drawn - shown), comb(population, drawn))


@pytest.mark.parametrize(("before", "after"), [((8, 3), (9, 4)), ((12, 5), (12, 5)), ((6, 1), (10, 6))])
def test_no_bound_misses_more_often_than_it_may_for_any_pair_of_populations(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    """Counted with fractions over all draws, for all numbers of pages that may have the property."""
    (size, drawn), (other, others) = before, after
    bounds = {
        (x, y): difference(draw(size, drawn, x), draw(other, others, y))
        for x, y in product(range(drawn + 1), range(others + 1))
    }
    for having, has in product(range(size + 1), range(other + 1)):
        truth = has / other - having / size
        below, above = Fraction(0), Fraction(0)
        for (x, y), (low, high) in bounds.items():
            likely = chance(size, having, drawn, x) * chance(other, has, others, y)
            below += likely * (truth < low - 1e-12)
            above += likely * (truth > high + 1e-12)
        assert max(below, above) <= Fraction(1, 40), (having, has)


def test_pages_without_a_result_count_for_what_makes_a_bound_wider() -> None:
    whole = between(one_stratum(1200, 40, 12), one_stratum(1200, 40, 9))
    low, high = between(one_stratum(1200, 40, 12, missing=4), one_stratum(1200, 40, 9, missing=6))
    assert low == difference(draw(1200, 40, 16), draw(1200, 40, 9))[0]
    assert high == difference(draw(1200, 40, 12), draw(1200, 40, 15))[1]
    assert low < whole[0] < whole[1] < high


def test_lost_pages_of_censuses_leave_a_range_and_no_sampling_error() -> None:
    assert between(one_stratum(50, 50, 10, missing=5), one_stratum(50, 50, 10)) == pytest.approx((-0.1, 0))


def test_a_stratum_that_nobody_looked_into_refuses() -> None:
    unseen = Stratum(population=10, drawn=0, audited=0, found=0)
    with pytest.raises(ValueError, match="nothing can be said"):
        between(one_stratum(50, 5, 1), Sample(strata=(*one_stratum(50, 5, 1).strata, unseen)))


def test_a_million_pages_and_ten_thousand_drawn() -> None:
    low, high = difference(draw(1_000_000, 10_000, 3_000), draw(1_000_000, 10_000, 3_100))
    # the normal curve's: 1.96 √(0.3 · 0.7/10000 + 0.31 · 0.69/10000) · √0.99 = 1.27 points about 1
    assert (low, high) == pytest.approx((-0.0027, 0.0227), abs=0.0004)
    assert LEFT_OUT < 0.0025


@pytest.mark.parametrize(("population", "drawn"), [(60, 20), (1200, 25), (30, 30)])
def test_whether_a_difference_lies_below_0_is_what_its_interval_says(population: int, drawn: int) -> None:
    draws = [Draw(population=population, drawn=drawn, found=found) for found in range(0, drawn + 1, 3)]
    for before, after in product(draws, draws):
        assert is_below(before, after) == (difference(before, after)[1] < 0), (before, after)
