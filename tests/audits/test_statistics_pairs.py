"""The same pages seen twice: McNemar's exact test held against values that can be worked out by hand."""

import pytest

from audits.statistics.pairs import Pairs


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [
        (0, 5, 2 / 32),
        (0, 6, 2 / 64),  # the smallest split that is significant at 5 %
        (1, 8, 2 * (1 + 9) / 512),
        (1, 9, 2 * (1 + 10) / 1024),  # the sign test's table: 0.0215 for 1 of 10
        (3, 15, 0.0075),  # 3 of 18: 2 (1 + 18 + 153 + 816) / 262144
        (4, 4, 1.0),
        (0, 0, 1.0),
    ],
)
def test_only_pages_that_changed_count(worse: int, better: int, p: float) -> None:
    for same in (0, 1, 1000):
        found = Pairs(worse=worse, better=better, same_with=same, same_without=7 + same)
        assert found.p_value == pytest.approx(p, abs=0.00005)
        assert found.pages == worse + better + 2 * same + 7


def test_it_is_the_same_in_both_directions_and_for_many_pages() -> None:
    one = Pairs(worse=900, better=1100, same_with=0, same_without=0)
    other = Pairs(worse=1100, better=900, same_with=5, same_without=5)
    assert one.p_value == other.p_value
    assert one.p_value == pytest.approx(8.5e-6, rel=0.05)  # normal curve: (199/√2000)


def test_no_page_seen_twice_is_no_test() -> None:
    assert Pairs(worse=0, better=0, same_with=0, same_without=0).p_value is None
