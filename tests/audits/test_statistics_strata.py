"""A share from strata: the mean by their sizes, an interval that no thin stratum narrows, and nothing from an unseen one."""

import pytest

from audits.statistics.finite import interval
from audits.statistics.strata import Sample, Stratum


def sample(*strata: tuple[int, int, int] | tuple[int, int, int, int]) -> Sample:
    """Strata as population, drawn, found and, where pages are missing, their number."""
    return Sample(
        strata=tuple(
            Stratum(population=size, drawn=drawn, audited=drawn - (missing[0] if missing else 0), found=found)
            for size, drawn, found, *missing in strata
        )
    )


def test_one_stratum_is_the_exact_interval() -> None:
    for found in range(31):
        assert sample((122, 30, found)).interval == interval(122, 30, found)


def test_the_mean_weighs_the_strata_by_their_sizes() -> None:
    assert sample((900, 10, 1), (100, 10, 9)).share == pytest.approx(0.9 * 0.1 + 0.1 * 0.9)


def test_strata_drawn_in_proportion_are_nearly_the_draw_without_strata() -> None:
    low, high = sample((600, 60, 12), (400, 40, 8)).interval
    plain = interval(1000, 100, 20)
    assert plain[0] - 0.005 < low < 0.2 < high < plain[1] + 0.005
    assert (low, high) != plain, "a page more on each side, and a population a little larger"


def test_small_strata_that_give_a_page_each_widen_little() -> None:
    """As `--stratify directory` draws: in proportion, but at least one page from each."""
    low, high = sample((80, 9, 3), (15, 2, 1), (12, 2, 0), (8, 1, 0), (5, 1, 0)).interval
    plain = interval(120, 15, 4)
    assert high - low < 1.25 * (plain[1] - plain[0])


def test_what_was_seen_of_small_strata_bounds_the_whole() -> None:
    low, high = sample((40, 4, 0), (10, 9, 9)).interval
    assert low >= 9 / 50
    assert high <= 46 / 50


def test_a_thin_stratum_is_not_hidden_behind_a_well_seen_one() -> None:
    """None of 5 pages from nine tenths of the site says little, however many are drawn from the last tenth."""
    low, high = sample((900, 5, 0), (100, 95, 50)).interval
    assert low <= 0.05
    assert high > 0.4


def test_strata_that_show_none_or_all_are_not_taken_for_certain() -> None:
    low, high = sample((500, 10, 0), (500, 10, 10)).interval
    assert low < 0.3
    assert high > 0.7
    assert sample((500, 10, 0), (500, 10, 0)).interval[1] > 0.14


def test_a_census_in_strata_is_exact() -> None:
    assert sample((10, 10, 3), (30, 30, 5)).interval == (0.2, 0.2)
    assert sample((10, 10, 3), (30, 30, 5)).is_census


def test_missing_pages_widen_both_sides_and_leave_the_share_of_the_audited() -> None:
    low, high = sample((500, 20, 5, 4), (500, 20, 5)).interval
    whole = sample((500, 20, 5), (500, 20, 5)).interval
    assert low == whole[0]
    assert high > whole[1] + 0.05
    assert sample((500, 20, 4, 4), (500, 20, 5)).share == pytest.approx((4 / 16 + 5 / 20) / 2)


def test_a_stratum_whose_pages_were_all_lost_has_an_interval_and_no_share() -> None:
    lost = sample((500, 20, 5), (500, 20, 0, 20))
    assert lost.speaks
    assert lost.share is None
    assert lost.interval[1] > 0.6


def test_a_stratum_that_nobody_was_drawn_from_leaves_nothing_to_say() -> None:
    unseen = sample((900, 30, 3), (100, 0, 0))
    assert not unseen.speaks
    assert unseen.share is None
    with pytest.raises(ValueError, match="nothing can be said"):
        _ = unseen.interval


def test_nothing_is_said_without_a_result_and_an_empty_stratum_is_none() -> None:
    assert not sample((900, 30, 0, 30)).speaks
    assert not Sample(strata=()).speaks
    assert sample((900, 30, 3), (0, 0, 0)).interval == interval(900, 30, 3)
