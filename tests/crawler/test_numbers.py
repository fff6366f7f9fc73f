"""Permanent random numbers: the same everywhere, and every page has the same chance in every cycle.

Chances are held against what a binomial count of fair draws allows: within four and a half standard deviations.
"""

from collections import Counter
from math import sqrt

import pytest

from crawler.numbers import ROUND, in_order, later_begin, number_of
from db.words import Redraw

SEEDS = 4000


def pages(letter: str, count: int) -> list[str]:
    return [f"https://www.example.lg.jp/{letter}/{n}.html" for n in range(count)]


def fair(times: Counter[str], among: list[str], chance: float) -> None:
    """Each page was drawn about as often as the chance says, and so were all of them together."""
    for page in among:
        assert abs(times[page] - SEEDS * chance) < 4.5 * sqrt(SEEDS * chance * (1 - chance)), page
    whole = SEEDS * len(among)
    share = sum(times[page] for page in among) / whole
    assert share == pytest.approx(chance, abs=4.5 * sqrt(chance * (1 - chance) / whole))


def test_a_number_is_what_the_definition_says_on_any_machine() -> None:
    """Worked out with sha256sum: printf '2026\\nhttps://www.example.lg.jp/' | sha256sum"""
    assert number_of(2026, "https://www.example.lg.jp/") == KNOWN >> 11
    assert 0 <= number_of(1, "") < ROUND
    assert number_of(1, "https://a.jp/") != number_of(2, "https://a.jp/")


KNOWN = 0x5A47D7E807819C96


def test_the_order_does_not_depend_on_the_order_given_and_goes_around() -> None:
    frame = pages("a", 50)
    order = in_order(7, 0, frame)
    assert order == in_order(7, 0, reversed(frame))
    assert order != frame
    begin = number_of(7, order[20])
    assert in_order(7, begin, frame) == order[20:] + order[:20]
    assert in_order(7, begin + 1, frame) == order[21:] + order[:21]


def test_a_page_that_is_gone_changes_nothing_for_the_others() -> None:
    frame = pages("a", 50)
    order = in_order(3, 0, frame)
    assert in_order(3, 0, [page for page in frame if page != order[4]]) == order[:4] + order[5:]


@pytest.mark.parametrize(("count", "kept"), [(30, 15), (31, 15), (1, 0), (2, 1)])
def test_half_is_kept_on_an_unchanged_site_and_nothing_wholly(count: int, kept: int) -> None:
    frame = pages("a", 200)
    for seed in range(20):
        first = in_order(seed, 0, frame)[:count]
        half = in_order(seed, later_begin(seed, 0, first, Redraw.HALF), frame)[:count]
        assert len(set(first) & set(half)) == kept
        whole = in_order(seed, later_begin(seed, 0, first, Redraw.WHOLLY), frame)[:count]
        assert not set(first) & set(whole)


def test_the_next_cycle_begins_where_it_was_when_nothing_was_drawn() -> None:
    assert later_begin(1, 5, [], Redraw.HALF) == 5


@pytest.mark.parametrize("redraw", list(Redraw))
def test_every_page_has_the_same_chance_in_three_cycles_with_pages_that_come_and_go(redraw: Redraw) -> None:
    """Fifteen of the frame each time: at first of 60 pages, then 20 have come, then 20 more have come and 10 gone."""
    old, new, newest = pages("old", 60), pages("new", 20), pages("newest", 20)
    share = 15
    frames = [old, old + new, old[10:] + new + newest]
    times = [Counter[str]() for _ in frames]
    for seed in range(SEEDS):
        begin, drawn = 0, list[str]()
        for frame, count in zip(frames, times, strict=True):
            begin = later_begin(seed, begin, drawn, redraw) if drawn else 0
            drawn = in_order(seed, begin, frame)[:share]
            count.update(drawn)
    for frame, count in zip(frames, times, strict=True):
        for kind in ("old", "new", "newest"):
            some = [page for page in frame if f"/{kind}/" in page]
            if some:
                fair(count, some, share / len(frame))


def test_pairs_are_drawn_as_often_as_in_a_simple_random_sample_also_when_half_was_kept() -> None:
    frame = pages("a", 30)
    both = 0
    for seed in range(SEEDS):
        first = in_order(seed, 0, frame)[:10]
        second = in_order(seed, later_begin(seed, 0, first, Redraw.HALF), frame)[:10]
        both += {frame[0], frame[1]} <= set(second)
    chance = 10 * 9 / (30 * 29)
    assert abs(both - SEEDS * chance) < 4.5 * sqrt(SEEDS * chance * (1 - chance))


def test_those_that_replace_dead_pages_leave_every_living_page_the_same_chance() -> None:
    """A tenth of the addresses are dead, which shows only when they are drawn: the next ones take their place."""
    frame = pages("a", 50)
    dead = set(frame[::10])
    times = Counter[str]()
    for seed in range(SEEDS):
        living = [page for page in in_order(seed, 0, frame) if page not in dead]
        times.update(living[:12])
    fair(times, [page for page in frame if page not in dead], 12 / 45)
