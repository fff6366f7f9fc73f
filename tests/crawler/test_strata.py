"""Strata: proportional by largest remainder, at least one page each, small ones put together, drawn within each."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.draw import Drawing, orders, random_part
from crawler.frame import FramePage
from crawler.numbers import later_begin
from crawler.strata import OTHERS, allocated, merged, strata_as_drawn, strata_of
from db.words import Redraw, Stratify

START = "https://www.example.lg.jp/site/"


def frame_of(**sizes: int) -> list[FramePage]:
    paths = [f"{name}/{n}.html" for name, size in sorted(sizes.items()) for n in range(size)]
    return [
        FramePage(visit=number, address=START + path, kinds=(), template=number % 3)
        for number, path in enumerate(paths, start=1)
    ]


@pytest.mark.parametrize(
    ("sizes", "share", "given_each"),
    [
        ({"a": 60, "b": 30, "c": 10}, 10, {"a": 6, "b": 3, "c": 1}),
        ({"a": 97, "b": 2, "c": 1}, 10, {"a": 8, "b": 1, "c": 1}),
        ({"a": 50, "b": 50}, 3, {"a": 2, "b": 1}),
        ({"a": 3, "b": 2}, 40, {"a": 3, "b": 2}),
        ({"a": 5}, 0, {"a": 0}),
        ({}, 5, {}),
    ],
)
def test_pages_are_divided_in_proportion_with_one_for_each(
    sizes: dict[str, int], share: int, given_each: dict[str, int]
) -> None:
    assert allocated(sizes, share) == given_each


@given(st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 300), min_size=1), st.integers(1, 60))
def test_all_pages_are_given_and_no_stratum_gives_more_than_it_has(sizes: dict[str, int], share: int) -> None:
    given_each = allocated(sizes, share)
    assert sum(given_each.values()) == min(share, sum(sizes.values()))
    assert given_each.keys() == sizes.keys()
    assert all(given_each[name] <= size for name, size in sizes.items())
    if share >= len(sizes):
        assert min(given_each.values()) >= 1


def test_strata_too_small_for_a_page_of_their_own_are_put_together() -> None:
    assert merged({"a": 60, "b": 20, "c": 9, "d": 8, "e": 3}, 10) == ["c", "d", "e"]
    assert merged({"a": 60, "b": 31, "c": 9}, 10) == []  # one alone stays what it is
    stratum = strata_of(frame_of(a=60, b=20, c=9, d=8, e=3), START, Stratify.DIRECTORY, 10)
    assert allocated(Counter(stratum.values()), 10) == {"/site/a/": 6, "/site/b/": 2, OTHERS: 2}


def test_a_draw_that_was_made_keeps_the_strata_that_it_was_made_by() -> None:
    """Its rule may have been another: one that made a stratum of each directory, or put more of them together."""
    frame = frame_of(a=60, b=20, c=9, d=8, e=3)
    for drawn in (
        {"/site/a/", "/site/b/", "/site/c/", "/site/d/", "/site/e/"},
        {"/site/a/", "/site/b/", OTHERS},
        {"/site/a/", OTHERS},
    ):
        assert set(strata_as_drawn(frame, START, Stratify.DIRECTORY, drawn).values()) == drawn
    divided = strata_of(frame, START, Stratify.DIRECTORY, 10)
    assert strata_as_drawn(frame, START, Stratify.DIRECTORY, set(divided.values())) == divided
    unseen = strata_as_drawn(frame, START, Stratify.DIRECTORY, {"/site/a/", "/site/b/"})
    assert {"/site/c/", "/site/d/", "/site/e/"} < set(unseen.values())


def test_the_smallest_strata_are_put_together_when_there_are_more_than_pages_to_draw() -> None:
    assert merged({"a": 9, "b": 8, "c": 2, "d": 1}, 3) == ["c", "d"]
    assert merged({"a": 9, "b": 8}, 2) == []
    frame = frame_of(a=9, b=8, c=2, d=1)
    stratum = strata_of(frame, START, Stratify.DIRECTORY, 3)
    assert Counter(stratum.values()) == {"/site/a/": 9, "/site/b/": 8, OTHERS: 3}


def test_a_directory_is_the_first_part_below_the_start_or_of_another_place() -> None:
    addresses = (START, START + "a/b/c.html", START + "x.html?d=/e/", "https://www.example.lg.jp/other/y",
                 "https://koho.example.lg.jp/z/1")  # fmt: skip
    frame = [FramePage(visit=n, address=each, kinds=(), template=0) for n, each in enumerate(addresses)]
    assert list(strata_of(frame, START, Stratify.DIRECTORY, 9).values()) == [
        "/site/", "/site/a/", "/site/", "/other/", "https://koho.example.lg.jp/z/",
    ]  # fmt: skip


def test_each_stratum_is_drawn_in_its_own_order_from_one_place_on() -> None:
    frame = frame_of(a=60, b=30, c=10)
    drawing = Drawing(start=START, seed=5, share=10, stratify=Stratify.DIRECTORY)
    strata = orders(frame, drawing)
    drawn = random_part(frame, drawing)
    assert Counter(name for _, name in drawn) == {"/site/a/": 6, "/site/b/": 3, "/site/c/": 1}
    for name, pages in strata.items():
        assert [page for page, mine in drawn if mine == name] == pages[: sum(mine == name for _, mine in drawn)]
    by_template = Drawing(start=START, seed=5, share=10, stratify=Stratify.TEMPLATE)
    assert {name for _, name in random_part(frame, by_template)} == {"template:0", "template:1", "template:2"}


def test_pages_of_one_stratum_have_the_same_chance() -> None:
    frame, seeds = frame_of(a=40, b=10), 3000
    times = Counter(
        page.address
        for seed in range(seeds)
        for page, _ in random_part(frame, Drawing(start=START, seed=seed, share=10, stratify=Stratify.DIRECTORY))
    )
    expected = seeds / 5
    chi_square = sum((times[page.address] - expected) ** 2 for page in frame) / (expected * (1 - 1 / 5))
    assert 20 < chi_square < 90, "48 degrees of freedom: 99.9 % of fair draws lie between"


def test_new_pages_of_a_stratum_have_the_chance_of_the_old_ones_when_half_was_kept() -> None:
    """One place to begin for all strata: what half was kept of is the whole draw, and chances are equal within each."""
    before = frame_of(a=40, b=20)
    came = [FramePage(visit=100 + n, address=f"{START}a/new{n}.html", kinds=(), template=0) for n in range(20)]
    after = sorted([*before, *came], key=lambda page: page.address)
    seeds, times = 3000, Counter[str]()
    for seed in range(seeds):
        first = Drawing(start=START, seed=seed, share=10, stratify=Stratify.DIRECTORY)
        begin = later_begin(seed, 0, [page.address for page, _ in random_part(before, first)], Redraw.HALF)
        second = Drawing(start=START, seed=seed, share=10, begin=begin, stratify=Stratify.DIRECTORY)
        drawn = random_part(after, second)
        assert Counter(name for _, name in drawn) == {"/site/a/": 8, "/site/b/": 2}
        times.update(page.address for page, _ in drawn)
    chance = 8 / 60
    for some in (came, before[:40]):
        whole = seeds * len(some)
        share = sum(times[page.address] for page in some) / whole
        assert abs(share - chance) < 4.5 * (chance * (1 - chance) / whole) ** 0.5
