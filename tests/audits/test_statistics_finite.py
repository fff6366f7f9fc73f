"""What a random sample says of the whole: held against published values and by counting every possible draw."""

from fractions import Fraction
from math import comb

import pytest

from audits.statistics.finite import interval

HUGE = 10_000_000


@pytest.mark.parametrize(
    ("found", "drawn", "low", "high"),
    [  # Clopper and Pearson's exact 95 % intervals, two-sided, in per cent
        (0, 40, 0.0, 8.81),
        (12, 40, 16.56, 46.53),
        (40, 40, 91.19, 100.0),
        (0, 10, 0.0, 30.85),
        (1, 10, 0.25, 44.50),
        (5, 10, 18.71, 81.29),
        (10, 10, 69.15, 100.0),
        (0, 30, 0.0, 11.57),
        (10, 100, 4.90, 17.62),
    ],
)
def test_of_a_huge_population_it_is_clopper_pearson(found: int, drawn: int, low: float, high: float) -> None:
    given = interval(HUGE, drawn, found)
    assert [round(100 * each, 2) for each in given] == pytest.approx([low, high], abs=0.011)


def test_of_a_finite_population_it_is_the_hypergeometric_interval() -> None:
    # none of 5 drawn from 10: likely enough with 3 having it (21/252), too rarely so with 4 (6/252 = 2.4 %)
    assert interval(10, 5, 0) == (0.0, 0.3)
    # 1 of 2 drawn from 4: with 1 to 3 having it at least half of the draws show one
    assert interval(4, 2, 1) == (0.25, 0.75)


def by_fractions(population: int, drawn: int, found: int) -> tuple[Fraction, Fraction]:
    """The definition, spelled out with exact fractions and without any search."""

    def chance(having: int, shown: int) -> Fraction:
        return Fraction(comb(having, shown) * comb(population - having, drawn - shown), comb(population, drawn))

    side = Fraction(1, 40)
    possible = [
        having
        for having in range(found, population - drawn + found + 1)
        if sum(chance(having, shown) for shown in range(found, drawn + 1)) >= side
        and sum(chance(having, shown) for shown in range(found + 1)) >= side
    ]
    return Fraction(possible[0], population), Fraction(possible[-1], population)


@pytest.mark.parametrize(("population", "drawn"), [(1, 1), (7, 3), (12, 12), (23, 5), (40, 17), (61, 30)])
def test_it_is_the_definition_for_every_result(population: int, drawn: int) -> None:
    for found in range(drawn + 1):
        assert interval(population, drawn, found) == tuple(map(float, by_fractions(population, drawn, found)))


@pytest.mark.parametrize(("population", "drawn"), [(5, 2), (10, 5), (20, 3), (37, 10), (50, 30), (122, 30)])
def test_at_least_95_of_100_draws_cover_the_truth_whatever_it_is(population: int, drawn: int) -> None:
    bounds = [interval(population, drawn, found) for found in range(drawn + 1)]
    for having in range(population + 1):
        covering = sum(
            comb(having, found) * comb(population - having, drawn - found)
            for found, (low, high) in enumerate(bounds)
            if found <= having and low <= having / population <= high
        )
        assert Fraction(covering, comb(population, drawn)) >= Fraction(95, 100), having


@pytest.mark.parametrize("population", [1, 2, 40, 101])
def test_a_census_knows_the_share_exactly(population: int) -> None:
    for found in range(0, population + 1, max(1, population // 7)):
        assert interval(population, population, found) == (found / population, found / population)


def test_it_holds_what_was_seen_and_narrows_as_more_is_drawn() -> None:
    widths = []
    for drawn in (10, 20, 40, 80, 160, 200):
        low, high = interval(200, drawn, drawn // 5)
        assert low <= 0.2 <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0


def test_it_is_the_same_seen_from_the_other_side() -> None:
    for found in range(31):
        low, high = interval(300, 30, found)
        other_low, other_high = interval(300, 30, 30 - found)
        assert (low, high) == pytest.approx((1 - other_high, 1 - other_low))


@pytest.mark.parametrize(
    ("population", "drawn", "found"), [(10, 0, 0), (0, 0, 0), (10, 11, 3), (10, 5, 6), (10, 5, -1), (-1, -1, -1)]
)
def test_numbers_that_cannot_be_are_refused(population: int, drawn: int, found: int) -> None:
    with pytest.raises(ValueError, match="drawn from"):
        interval(population, drawn, found)
