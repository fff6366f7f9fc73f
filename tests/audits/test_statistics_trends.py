"""Repair times, outlooks and several sites together, held against numbers worked out by hand or published."""

import random
from math import inf

import pytest

from audits.statistics.outlook import Observed, line_through
from audits.statistics.strata import Sample, Stratum
from audits.statistics.survival import durations
from audits.statistics.together import by_pages, by_sites

# Remission in weeks, 6-mercaptopurine, of E. A. Gehan, Biometrika 52 (1965), 203-223: the textbook case of Kaplan and Meier
GEHAN = [(6, True)] * 3 + [
    (6, False), (7, True), (9, False), (10, True), (10, False), (11, False), (13, True), (16, True), (17, False), (19, False),
    (20, False), (22, True), (23, True), (25, False), (32, False), (32, False), (34, False), (35, False),
]  # fmt: skip


def census(pages: int, found: int, lost: int = 0) -> Sample:
    return Sample(strata=(Stratum(population=pages, drawn=pages, audited=pages - lost, found=found),))


def drawn(pages: int, number: int, found: int) -> Sample:
    return Sample(strata=(Stratum(population=pages, drawn=number, audited=number, found=found),))


def test_the_published_curve_and_its_median() -> None:
    found = durations([(float(time), done) for time, done in GEHAN])
    assert (found.done, found.unfinished, found.longest) == (9, 12, 35)
    shares = {each.after: round(each.share, 3) for each in found.curve}
    assert shares == {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert (found.median, found.median_low, found.median_high) == (23, 13, None), "as survfit has it on log(-log)"


def test_what_is_not_done_yet_is_not_left_out() -> None:
    """Of the finished alone half took 10 days; most are not done after 100."""
    found = durations([(10, True)] * 2 + [(100, False)] * 6)
    assert found.median is None
    assert found.done_within(30) == pytest.approx(0.25)
    assert found.done_within(101) is None, "nothing was followed for so long"
    assert durations([]).longest is None
    assert durations([(5, True), (9, True)]).done_within(30) == 1.0, "all are done, however long one looks"


def test_the_line_is_the_least_squares_line_of_the_log_odds() -> None:
    """Three points on a straight line of log odds (-1, -1.5, -2): in ten days more it is at -2.5."""
    odds = [2.718281828**each for each in (-1, -1.5, -2)]
    points = [
        Observed(
            time=10.0 * day, share=each / (1 + each), pages=10**9, low=each / (1 + each), high=each / (1 + each)
        )
        for day, each in enumerate(odds)
    ]
    line = line_through(points)
    assert line is not None
    told = line.at(30)
    assert told.share == pytest.approx(2.718281828**-2.5 / (1 + 2.718281828**-2.5), rel=1e-6)
    assert told.low == pytest.approx(told.high, rel=1e-2), "a billion pages leave nothing open"
    assert line.reach == 40
    with pytest.raises(ValueError, match="beyond"):
        line.at(41)


def test_the_prediction_interval_by_hand() -> None:
    """Log odds 0, -1, 0 at days 0, 1, 2: line level -1/3, slope 0, residual sum 2/3, spread √(2/3), t = 12.706."""
    share = 1 / (1 + 2.718281828459045)
    shares = (0.5, share, 0.5)
    points = [Observed(time=day, share=each, pages=10**9, low=each, high=each) for day, each in enumerate(shares)]
    line = line_through(points)
    assert line is not None
    assert line.slope == pytest.approx(0, abs=1e-9)
    aside = 12.706 * (2 / 3) ** 0.5 * (1 + 1 / 3 + 2**2 / 2) ** 0.5
    assert line.at(3).high == pytest.approx(1 / (1 + 2.718281828459045 ** -(-1 / 3 + aside)))


def test_too_little_makes_no_line_and_nothing_leaves_sense() -> None:
    some = [Observed(time=each, share=0.1 / (each + 1), pages=40, low=0.0, high=0.2) for each in range(3)]
    assert line_through(some[:2]) is None
    assert line_through([some[0]] * 3) is None, "all on one day"
    falling = line_through(
        [Observed(time=each, share=max(0.0, 0.2 - each / 10), pages=20, low=0, high=0.3) for each in range(4)]
    )
    assert falling is not None
    told = falling.at(falling.reach)
    assert 0 < told.low < told.share < told.high < 1
    assert falling.falls_to(0.0) is None


def test_censuses_on_a_straight_line_make_no_certainty() -> None:
    points = [Observed(time=30 * each, share=0.5, pages=20, low=0.5, high=0.5) for each in range(5)]
    line = line_through(points)
    assert line is not None
    told = line.at(150)
    assert told.share == pytest.approx(0.5)
    assert told.high - told.low > 0.5


def test_intervals_hold_what_comes_nineteen_times_of_twenty() -> None:
    """Series that go on as they began, counted on 200 pages: the next true share lies in the interval."""
    chance = random.Random(20_261_126)
    held = 0
    for _ in range(400):
        level, slope = chance.uniform(-2, 1), chance.uniform(-0.2, 0.1)
        truth = [1 / (1 + 2.718281828 ** -(level + slope * step + chance.gauss(0, 0.1))) for step in range(7)]
        seen = []
        for step, share in enumerate(truth[:6]):
            found = sum(chance.random() < share for _ in range(200)) / 200
            seen.append(Observed(time=step, share=found, pages=200, low=found, high=found))
        line = line_through(seen)
        assert line is not None
        told = line.at(6)
        held += told.low <= truth[6] <= told.high
    assert held >= 380


def test_pages_and_sites_weigh_differently() -> None:
    """900 pages with 90 problem pages and 100 with 50: 14 % of the pages, 30 % as the mean of 10 % and 50 %."""
    samples = [census(900, 90), census(100, 50)]
    pages, sites = by_pages(samples), by_sites(samples)
    assert (pages.share, pages.low, pages.high) == pytest.approx((0.14, 0.14, 0.14))
    assert (sites.share, sites.low, sites.high) == pytest.approx((0.3, 0.3, 0.3))


def test_lost_pages_and_draws_leave_open_what_they_leave_open() -> None:
    lost = by_pages([census(80, 8, lost=16), census(20, 0)])
    assert lost.share == pytest.approx((80 * 8 / 64) / 100)
    assert (lost.low, lost.high) == pytest.approx((0.08, 0.24))
    alone, with_census = drawn(100, 40, 20), by_pages([drawn(100, 40, 20), census(100, 10)])
    low, high = alone.interval
    assert (with_census.low, with_census.high) == pytest.approx(((low * 100 + 10) / 200, (high * 100 + 10) / 200))
    assert by_pages([alone]).low == pytest.approx(low)


def test_nothing_is_said_of_several_where_one_says_nothing() -> None:
    for some in ([], [Sample(strata=(Stratum(population=5, drawn=0, audited=0, found=0),))]):
        with pytest.raises(ValueError, match="nothing can be said"):
            by_pages(some)
        with pytest.raises(ValueError, match="nothing can be said"):
            by_sites(some)


def test_the_interval_of_several_draws_covers_the_truth() -> None:
    """Three sites, drawn from at different rates: at least 95 of 100 intervals hold the share of all pages."""
    chance = random.Random(8341)
    truths = [(400, 120), (120, 6), (60, 45)]
    whole = sum(having for _, having in truths) / sum(pages for pages, _ in truths)
    held = 0
    for _ in range(200):
        samples = [
            drawn(pages, number, sum(page < having for page in chance.sample(range(pages), number)))
            for (pages, having), number in zip(truths, (40, 30, 30), strict=True)
        ]
        found = by_pages(samples)
        held += found.low <= whole <= found.high
        assert -inf < found.low <= found.share <= found.high
    assert held >= 190
